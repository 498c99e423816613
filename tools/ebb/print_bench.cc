// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/print_bench.h"

#include <ostream>

#include "tools/common/size_text.h"

namespace ebb {

namespace {

std::string rate_text(const Figure& figure) {
  return rate_text(figure.bytes, figure.seconds);
}

std::string percent_text(double part, double whole) {
  return whole > 0 ? fmt::format("{:.0f} %", 100 * part / whole) : "-";
}

std::string milliseconds_text(double seconds) {
  return fmt::format("{:.2f} ms", seconds * 1000);
}

const char* binds_of(const StageFigure& all, double share_of_ceiling) {
  constexpr double scales_well = 0.8;
  if (processor_share(all) < quiet_machine) return "other work on this machine";
  return share_of_ceiling >= scales_well ? "CPU" : "memory, or cores that share";
}

// The ceiling is what the same work does on one thread, times the threads.
void print_stages(Outside& outside, const BenchReport& report) {
  if (report.stages.empty()) return;
  outside.out << fmt::format("content of the stages: {}\n\n", report.content);
  outside.out << fmt::format("{:<24}{:>13}{:>13}{:>13}{:>8}  {}\n", "STAGE", "ONE THREAD",
                             fmt::format("{} THREADS", report.threads), "CEILING", "OF IT",
                             "BINDS");
  for (const StageFigure& one : report.stages) {
    if (one.threads != 1) continue;
    std::string name = fmt::format("{} {}", name_of(one.choice.stage), one.choice.variant());
    if (one.ratio > 0) name += fmt::format(" ({:.2f})", one.ratio);
    const StageFigure* all = &one;
    for (const StageFigure& other : report.stages) {
      if (other.choice == one.choice && other.threads == report.threads) all = &other;
    }
    const double ceiling = one.figure.bytes_per_second() * report.threads;
    const double share = ceiling > 0 ? all->figure.bytes_per_second() / ceiling : 0;
    outside.out << fmt::format("{:<24}{:>13}{:>13}{:>13}{:>8}  {}\n", name, rate_text(one.figure),
                               rate_text(all->figure),
                               rate_text(ByteCount(static_cast<std::uint64_t>(ceiling)), 1),
                               percent_text(share, 1), binds_of(*all, share));
  }
  outside.out << "\n";
}

void print_transfers(Outside& outside, const char* what,
                     const std::vector<TransferFigure>& figures) {
  if (figures.empty()) return;
  outside.out << fmt::format("{:<24}", what);
  const ByteCount first = figures.front().plan.piece;
  double best = 0;
  for (const TransferFigure& f : figures) {
    if (f.plan.piece == first) outside.out << fmt::format("{:>13}", f.plan.depth);
    best = std::max(best, f.figure.bytes_per_second());
  }
  ByteCount row;
  for (const TransferFigure& f : figures) {
    if (f.plan.piece != row) outside.out << fmt::format("\n{:<24}", size_text(f.plan.piece));
    row = f.plan.piece;
    outside.out << fmt::format("{:>13}", rate_text(f.figure));
  }
  outside.out << fmt::format("\nceiling of all that needs it: {}; {:.3f} CPU s/GiB at the last\n\n",
                             rate_text(ByteCount(static_cast<std::uint64_t>(best)), 1),
                             figures.back().figure.cpu_seconds_per_gib());
}

void print_syncs(Outside& outside, const BenchReport& report) {
  if (report.read_back) {
    outside.out << fmt::format("reading what was written: {}\n",
                               rate_text(report.read_back->figure));
  }
  if (report.sync) {
    outside.out << fmt::format("write and fdatasync of 4 KiB: median {}, p99 {} ({} times)\n\n",
                               milliseconds_text(report.sync->median_seconds),
                               milliseconds_text(report.sync->p99_seconds),
                               report.sync->figure.operations);
  }
}

void print_ring(Outside& outside, const BenchReport& report) {
  for (const TransferFigure& f : report.ring) {
    const double turns_per_mib = f.figure.bytes.none()
                                     ? 0
                                     : static_cast<double>(f.turns) * 1024 * 1024 /
                                           static_cast<double>(f.figure.bytes.value());
    outside.out << fmt::format(
        "the ring, {:>2} under way: {:.0f} reads of a cached page a second, {:.0f} turns a MiB\n",
        f.plan.depth, f.figure.operations_per_second(), turns_per_mib);
  }
  if (!report.ring.empty()) outside.out << "\n";
}

void print_run(Outside& outside, const std::string& name, const Figure& figure, ByteCount stored,
               const std::optional<Ceiling>& ceiling) {
  outside.out << fmt::format("{:<20}{:>11}{:>11}{:>9}{:>12}{:>8.2f}", name, size_text(figure.bytes),
                             size_text(stored), fmt::format("{:.2f} s", figure.seconds),
                             rate_text(figure), figure.cpu_seconds_per_gib());
  if (ceiling && ceiling->seconds > 0) {
    outside.out << fmt::format("{:>12}{:>7}  {}", rate_text(figure.bytes, ceiling->seconds),
                               percent_text(ceiling->seconds, figure.seconds), ceiling->text());
  } else {
    outside.out << fmt::format("{:>12}{:>7}  -", "-", "-");
  }
  outside.out << "\n";
}

void print_runs(Outside& outside, const BenchReport& report) {
  if (report.runs.empty() && !report.packs) return;
  outside.out << fmt::format("{:<20}{:>11}{:>11}{:>9}{:>12}{:>8}{:>12}{:>7}  {}\n", "RUN", "DATA",
                             "STORED", "TIME", "RATE", "CPU/GiB", "CEILING", "OF IT", "BINDS");
  if (report.packs) {
    print_run(outside, "pack writing", *report.packs, report.packs->bytes,
              ceiling_of_pack_writing(report));
  }
  for (const BenchReport::Run& run : report.runs) {
    print_run(outside, run.name, run.figure.figure, run.figure.stored, ceiling_of(report, run));
    if (run.figure.phases.size() < 2) continue;
    std::string phases;
    for (const PhaseTime& phase : run.figure.phases) {
      phases +=
          fmt::format("{}{} {:.2f} s", phases.empty() ? "" : ", ", phase.phase, phase.seconds);
    }
    outside.out << "  of it " << phases << "\n";
  }
  outside.out << "\n";
}

// Lines of at most 100 characters.
void print_paragraph(Outside& outside, const std::string& text) {
  constexpr std::size_t widest = 100;
  std::size_t begin = 0;
  while (text.size() - begin > widest) {
    const std::size_t end = text.rfind(' ', begin + widest);
    outside.out << text.substr(begin, end - begin) << "\n";
    begin = end + 1;
  }
  outside.out << text.substr(begin) << "\n";
}

}  // namespace

void print_bench(Outside& outside, const BenchReport& report) {
  outside.out << fmt::format("reads {}; writes in {}\n{} threads, crypto {}, compression {}\n",
                             report.volume, report.folder, report.threads, name_of(report.backend),
                             report.compression.text());
  print_stages(outside, report);
  print_transfers(outside, "READING, UNDER WAY:", report.reads);
  print_transfers(outside, "WRITING, UNDER WAY:", report.writes);
  print_syncs(outside, report);
  print_ring(outside, report);
  print_runs(outside, report);
  if (const std::string verdict = verdict_of(report); !verdict.empty()) {
    print_paragraph(outside, verdict);
  }
  outside.out << std::flush;
}

}  // namespace ebb
