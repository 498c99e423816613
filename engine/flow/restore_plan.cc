// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/restore_plan.h"

#include <algorithm>

namespace ebb {

namespace {

class Findings {
 public:
  explicit Findings(RestorePlan& plan) : plan_(plan) {}
  void info(std::string id, std::string text) {
    plan_.findings.push_back({std::move(id), Severity::info, std::move(text), ""});
  }
  void warn(std::string id, std::string text) {
    plan_.findings.push_back({std::move(id), Severity::warns, std::move(text), ""});
  }
  void refuse(std::string id, std::string text) {
    plan_.findings.push_back({std::move(id), Severity::refuses, std::move(text), ""});
  }
  // Refuses unless the wish is there.
  void refuse_unless(bool wished, std::string id, std::string text, std::string option) {
    plan_.findings.push_back({std::move(id), wished ? Severity::warns : Severity::refuses,
                              std::move(text), std::move(option)});
  }

 private:
  RestorePlan& plan_;
};

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

void judge_size(Findings& findings, RestorePlan& plan, const Point& point, const PointAbout& about,
                const RestoreTarget& target) {
  const ByteCount source_size = point.grid.size();
  const ByteCount target_size = target.passport.shape.size;
  const bool has_gpt = about.passport.table.kind == TableKind::gpt;
  if (target_size < source_size) {
    const ByteIndex needed = end_of_data(point, about);
    // A backup GPT needs 33 sectors after the last partition; it can move, they cannot.
    const ByteCount gpt = has_gpt ? about.passport.shape.logical_sector * 33 : ByteCount(0);
    if (needed.value() + gpt.value() > target_size.value()) {
      findings.refuse("target-too-small",
                      fmt::format("the target has {} bytes; the data end at {}{}",
                                  target_size.value(), needed.value() + gpt.value(),
                                  has_gpt ? ", with the backup partition table" : ""));
      return;
    }
    findings.warn("target-smaller",
                  fmt::format("the target has {} bytes, the source had {}; what is used fits",
                              target_size.value(), source_size.value()));
  }
  if (target_size > source_size) {
    findings.info("target-larger",
                  fmt::format("the target is {} bytes larger; they are left as they are, but "
                              "for a partition table of before at its end",
                              (target_size - source_size).value()));
  }
  plan.moves_gpt = has_gpt && target_size != source_size;
  if (plan.moves_gpt) {
    findings.info("gpt-moves", "the backup partition table moves to the target's end");
  }
}

void judge_sectors(Findings& findings, const PointAbout& about, const RestoreTarget& target,
                   const RestoreWishes& wishes) {
  const ByteCount source = about.passport.shape.logical_sector;
  const ByteCount now = target.passport.shape.logical_sector;
  if (source != now && target.passport.kind != "image" && about.passport.kind != "image") {
    const std::string text = fmt::format(
        "the source had logical sectors of {} bytes, the target has {}; partition tables and some "
        "file systems cannot be read with another size",
        source.value(), now.value());
    if (about.passport.table.kind == TableKind::none) {
      findings.refuse_unless(wishes.ignore_sector_size, "sector-size", text,
                             "--ignore-sector-size");
    } else {
      findings.refuse("sector-size", text);
    }
  }
  if (target.passport.shape.physical_sector > about.passport.shape.physical_sector) {
    findings.info("physical-sector",
                  fmt::format("the target's physical sectors have {} bytes, the source's {}; "
                              "partitions may not be aligned to them",
                              target.passport.shape.physical_sector.value(),
                              about.passport.shape.physical_sector.value()));
  }
}

void judge_use(Findings& findings, const PointAbout& about, const RestoreTarget& target,
               const RestoreWishes& wishes) {
  const Occupation& use = target.occupation;
  if (!use.mounts.empty()) {
    findings.refuse("mounted", "it is mounted: " + joined(use.mounts) + "; unmount it first");
  }
  if (!use.holders.empty()) {
    findings.refuse("held", "it is part of " + joined(use.holders) + "; take that apart first");
  }
  if (!use.swaps.empty()) findings.refuse("swap", "it is swap space: " + joined(use.swaps));
  if (!use.loops.empty()) {
    findings.refuse("attached", "it is attached as " + joined(use.loops) + "; detach it first");
  }
  if (use.in_exclusive_use) {
    findings.refuse("in-use", "somebody has it open for themselves alone");
  }
  if (use.read_only || target.passport.read_only) {
    findings.refuse("read-only", "it is read-only");
  }
  if (target.holds_repository) {
    findings.refuse("holds-repository", "the repository itself lies on it");
  }
  const std::string identity = identity_text(about.passport);
  if (!target.is_new && !identity.empty() && identity == identity_text(target.passport)) {
    findings.refuse_unless(wishes.onto_source, "source-itself",
                           "it is the very device that this point was taken from", "--onto-source");
  }
}

void judge_identity(Findings& findings, const RestoreTarget& target, const RestoreWishes& wishes) {
  const auto expect = [&](const char* what, const std::string& wanted, const std::string& is) {
    if (wanted.empty() || wanted == is) return;
    findings.refuse(fmt::format("wrong-{}", what),
                    fmt::format("its {} is \"{}\", not \"{}\"", what, is, wanted));
  };
  expect("serial", wishes.expect_serial, target.passport.serial);
  expect("wwn", wishes.expect_wwn, target.passport.wwn);
}

void tell_content(Findings& findings, const PointAbout& about, const RestoreTarget& target) {
  const Passport& now = target.passport;
  std::string content = now.content_type;
  if (now.table.kind != TableKind::none) {
    content = fmt::format("a {} with {} partitions", name_of(now.table.kind),
                          now.table.partitions.size());
  }
  if (!target.is_new && !content.empty()) {
    findings.warn("target-has-content", "it holds " + content + ", which will be overwritten");
  }
  if (!about.left_out.none()) {
    findings.info("free-space-left-out",
                  fmt::format("what file systems called free was left out of the point ({} blocks "
                              "at most); it will be zero",
                              about.left_out.value()));
  }
  if (!about.unreadable.empty()) {
    ByteCount bytes;
    for (const ByteRun& run : about.unreadable) bytes += run.length();
    findings.warn("source-was-unreadable",
                  fmt::format("{} bytes in {} places could not be read when the point was made; "
                              "they will be zero",
                              bytes.value(), about.unreadable.size()));
  }
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warns: return "warns";
    case Severity::refuses: return "refuses";
  }
  return "unknown";
}

bool RestorePlan::refused() const {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::refuses; });
}

std::vector<BlockRun> late_blocks(const PointAbout& about, const BlockGrid& grid) {
  std::vector<BlockRun> late;
  for (const ByteRun& area : boot_areas(about.passport.table, grid.size())) {
    const BlockRun blocks = grid.blocks_touching(area);
    if (!late.empty() && blocks.begin <= late.back().end) {
      late.back().end = std::max(late.back().end, blocks.end);
    } else {
      late.push_back(blocks);
    }
  }
  return late;
}

ByteIndex end_of_data(const Point& point, const PointAbout& about) {
  return about.passport.table.kind == TableKind::none ? ByteIndex(point.grid.size().value())
                                                      : about.passport.last_used;
}

RestorePlan plan_restore(const Point& point, const PointAbout& about, const RestoreTarget& target,
                         const RestoreWishes& wishes) {
  RestorePlan plan;
  Findings findings(plan);
  judge_size(findings, plan, point, about, target);
  judge_sectors(findings, about, target, wishes);
  judge_use(findings, about, target, wishes);
  judge_identity(findings, target, wishes);
  tell_content(findings, about, target);
  return plan;
}

void add_damages(RestorePlan& plan, std::vector<Damage> damages, const RestoreWishes& wishes) {
  if (!damages.empty()) {
    BlockCount blocks;
    for (const Damage& damage : damages) blocks += damage.blocks.length();
    Findings(plan).refuse_unless(
        wishes.salvage, "records-damaged",
        fmt::format("{} blocks cannot be had from the repository; `ebb scrub --repair` may mend "
                    "it",
                    blocks.value()),
        "--salvage");
  } else {
    Findings(plan).info("records-sound", "every block that it needs is there and sound");
  }
  plan.damages = std::move(damages);
}

}  // namespace ebb
