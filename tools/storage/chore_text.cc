// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/chore_text.h"

#include "tools/common/size_text.h"

namespace ebb {

namespace {

constexpr std::size_t most_text = 1900;  // A job's message has at most 2000 bytes.

std::string sentence(const PruneReport& report) {
  return fmt::format("removed {} of {} points", report.removed, report.plan.points.size());
}

std::string sentence(const CollectReport& report) {
  std::string text =
      fmt::format("freed {}, wrote {}: removed {} packs and rewrote {}", size_text(report.freed),
                  size_text(report.written), report.packs_removed, report.packs_rewritten);
  if (!report.waits_for.empty()) {
    text += fmt::format("; left {} packs: {}", report.packs_left, report.waits_for);
  }
  if (!report.obstacles.empty()) {
    text += fmt::format("; {} obstacles, first {}: {}", report.obstacles.size(),
                        report.obstacles.front().file, report.obstacles.front().what);
  }
  return text;
}

std::string sentence(const ScrubReport& report) {
  std::string text =
      fmt::format("looked at {} in {} packs: ", size_text(report.bytes), report.packs);
  std::size_t mended = 0;
  for (const ScrubFinding& finding : report.findings) mended += finding.mended ? 1 : 0;
  if (report.findings.empty() && report.points.empty()) return text + "all sound";
  text += fmt::format("{} findings, {} mended, {} records lost, {} damages of points",
                      report.findings.size(), mended, report.records_lost, report.points.size());
  if (!report.findings.empty()) {
    text +=
        fmt::format("; first {}: {}", report.findings.front().file, report.findings.front().what);
  }
  return text;
}

}  // namespace

std::string text_of(const ChoreReport& report) {
  return std::visit([](const auto& which) { return sentence(which); }, report);
}

bool is_incomplete(const ChoreReport& report) {
  if (const auto* collect = std::get_if<CollectReport>(&report)) {
    return !collect->obstacles.empty();
  }
  const auto* scrub = std::get_if<ScrubReport>(&report);
  return scrub != nullptr && !scrub->sound() && !scrub->mended();
}

control::JobToReport job_of(const ChoreNews& news) {
  control::JobToReport job;
  job.id = control::WireJobId{news.id};
  job.kind = name_of(news.chore);
  job.repository = news.repository;
  job.label = "all of " + news.repository;
  job.started = news.began;
  job.ended = news.ended;
  if (news.result == nullptr) return job;
  if (*news.result) {
    const ChoreReport& report = **news.result;
    job.outcome = is_incomplete(report) ? control::Outcome::incomplete : control::Outcome::done;
    job.message = text_of(report);
    if (const auto* collect = std::get_if<CollectReport>(&report)) {
      job.bytes_stored = collect->written.value();
    } else if (const auto* scrub = std::get_if<ScrubReport>(&report)) {
      job.bytes_read = scrub->bytes.value();
    }
  } else {
    job.outcome = control::Outcome::failed;
    job.message = news.result->error().text();
  }
  job.message += fmt::format(" (begun by {})", news.by);
  if (job.message.size() > most_text) job.message.resize(most_text);
  return job;
}

std::string log_line_of(const ChoreNews& news) {
  const std::string what = fmt::format("chore={} repository={} by=\"{}\"", name_of(news.chore),
                                       news.repository, news.by);
  if (news.result == nullptr) return "began " + what;
  const double seconds =
      static_cast<double>(news.ended->nanoseconds - news.began.nanoseconds) / 1e9;
  const std::string in = fmt::format("in={}", duration_text(seconds));
  if (!*news.result) {
    return fmt::format("failed {} {} reason={}", what, in, news.result->error().text());
  }
  return fmt::format("{} {} {} result=\"{}\"",
                     is_incomplete(**news.result) ? "INCOMPLETE" : "ended", what, in,
                     text_of(**news.result));
}

}  // namespace ebb
