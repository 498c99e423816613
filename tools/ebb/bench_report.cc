// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/bench_report.h"

#include <algorithm>

#include "tools/common/size_text.h"

namespace ebb {

namespace {

double fastest(const std::vector<TransferFigure>& figures) {
  double most = 0;
  for (const TransferFigure& f : figures) most = std::max(most, f.figure.bytes_per_second());
  return most;
}

// The speed of a stage on all cores, by the backend that runs use.
double stage_speed(const BenchReport& report, Stage stage, const Compression& compression) {
  for (const StageFigure& f : report.stages) {
    if (f.choice.stage != stage || f.threads != report.threads) continue;
    const bool is_crypto =
        stage == Stage::fingerprint || stage == Stage::seal || stage == Stage::open;
    if (is_crypto && f.choice.backend != report.backend) continue;
    if (stage == Stage::compress && f.choice.compression != compression) continue;
    if (stage == Stage::decompress && f.choice.compression.codec != compression.codec) continue;
    return f.figure.bytes_per_second();
  }
  return 0;
}

double ratio_of(const BenchReport& report, const Compression& compression) {
  for (const StageFigure& f : report.stages) {
    if (f.ratio > 0 && f.choice.compression == compression) return f.ratio;
  }
  return 0;
}

double number(ByteCount bytes) {
  return static_cast<double>(bytes.value());
}
ByteCount bytes(double count) {
  return ByteCount(static_cast<std::uint64_t>(count));
}

// How long it would take for 1 TiB of what the run worked on.
constexpr double tib = 1024.0 * 1024 * 1024 * 1024;
double seconds_for_tib(double seconds, const FlowFigure& figure) {
  const double worked_on = number(figure.figure.bytes);
  return worked_on > 0 ? seconds * tib / worked_on : 0;
}

std::string outlook_text(const BenchReport& report, const BenchReport::Run& full,
                         const Compression& compression) {
  const auto outlook = outlook_with(report, compression);
  if (!outlook) return "";
  const double scale = seconds_for_tib(1, full.figure);
  return fmt::format(" With --compress {} it would take about {} and store {}.", compression.text(),
                     duration_text(outlook->seconds * scale),
                     size_text(bytes(outlook->stored * scale)));
}

}  // namespace

const BenchReport::Run* BenchReport::find(std::string_view name) const {
  const auto found = std::ranges::find(runs, name, &Run::name);
  return found == runs.end() ? nullptr : &*found;
}

double processor_share(const BenchReport& report) {
  double got = 0;
  double asked = 0;
  for (const StageFigure& f : report.stages) {
    got += f.figure.cpu_seconds;
    asked += f.figure.seconds * f.threads;
  }
  return asked > 0 ? got / asked : 1;
}

double processor_share(const StageFigure& stage) {
  const double asked = stage.figure.seconds * stage.threads;
  return asked > 0 ? stage.figure.cpu_seconds / asked : 1;
}

PartSpeeds speeds_of(const BenchReport& report, const Compression& compression) {
  const auto stage = [&](Stage s) { return stage_speed(report, s, compression); };
  PartSpeeds speeds;
  speeds.read_device = fastest(report.reads);
  speeds.read_folder = report.read_back ? report.read_back->figure.bytes_per_second() : 0;
  speeds.write_folder = fastest(report.writes);
  speeds.zero_test = stage(Stage::zero_test);
  speeds.fingerprint = stage(Stage::fingerprint);
  speeds.seal = stage(Stage::seal);
  speeds.open = stage(Stage::open);
  speeds.compress = stage(Stage::compress);
  speeds.decompress = stage(Stage::decompress);
  speeds.checksum = stage(Stage::checksum);
  speeds.parity = stage(Stage::parity);
  speeds.ratio = ratio_of(report, compression);
  return speeds;
}

std::optional<Ceiling> ceiling_of(const BenchReport& report, const BenchReport::Run& run) {
  const PartSpeeds speeds = speeds_of(report, report.compression);
  if (!speeds.complete()) return std::nullopt;
  switch (run.kind) {
    case BenchReport::Run::Kind::backup:
      return ceiling_of_pass(demands_of_backup(run.figure, speeds));
    case BenchReport::Run::Kind::verify:
      return ceiling_of_pass(demands_of_verify(run.figure, speeds));
    case BenchReport::Run::Kind::restore:
      return ceiling_of_passes(demands_of_restore(run.figure, speeds));
  }
  return std::nullopt;
}

std::optional<Ceiling> ceiling_of_pack_writing(const BenchReport& report) {
  const PartSpeeds speeds = speeds_of(report, report.compression);
  const bool known = speeds.write_folder > 0 && speeds.checksum > 0 && speeds.parity > 0;
  if (!report.packs || !known) return std::nullopt;
  return ceiling_of_pass(demands_of_packs(report.packs->bytes, speeds));
}

std::optional<Outlook> outlook_with(const BenchReport& report, const Compression& compression) {
  const BenchReport::Run* full = report.find(full_backup);
  const PartSpeeds with = speeds_of(report, compression);
  const PartSpeeds now = speeds_of(report, report.compression);
  if (full == nullptr || !with.complete() || !now.complete()) return std::nullopt;
  FlowFigure figure = full->figure;
  const double before = ceiling_of_pass(demands_of_backup(figure, now)).seconds;
  const double stored = number(figure.stored) * now.ratio / with.ratio;
  figure.stored = bytes(stored);
  const double after = ceiling_of_pass(demands_of_backup(figure, with)).seconds;
  if (before <= 0) return std::nullopt;
  return Outlook{full->figure.figure.seconds * after / before, stored};
}

std::string verdict_of(const BenchReport& report) {
  const BenchReport::Run* full = report.find(full_backup);
  if (full == nullptr || full->figure.figure.bytes.none()) return "";
  const auto time = [&](const BenchReport::Run& run) {
    return duration_text(seconds_for_tib(run.figure.figure.seconds, run.figure));
  };
  const double stored = number(full->figure.stored) / number(full->figure.figure.bytes);
  std::string text =
      fmt::format("A full backup of 1 TiB of such data would take about {} here and store {}.",
                  time(*full), size_text(bytes(stored * tib)));
  if (const auto ceiling = ceiling_of(report, *full)) {
    text += fmt::format(" What binds is {}: its parts alone would allow {}.", ceiling->text(),
                        duration_text(seconds_for_tib(ceiling->seconds, full->figure)));
  }
  if (const auto* run = report.find(unchanged_backup)) {
    text += fmt::format(" When nothing changed it takes {}", time(*run));
    const auto* changed = report.find(changed_backup);
    text += changed == nullptr ? "." : fmt::format(", when 1 % changed {}.", time(*changed));
  }
  if (const auto* run = report.find(verify_run)) {
    text += fmt::format(" Verifying it takes {}", time(*run));
    const auto* restore = report.find(restore_run);
    text += restore == nullptr ? "." : fmt::format(", restoring it {}.", time(*restore));
  } else if (const auto* restore = report.find(restore_run)) {
    text += fmt::format(" Restoring it takes {}.", time(*restore));
  }
  for (const Compression& other : {Compression{Codec::zstd, 1}, Compression{Codec::zstd, 3}}) {
    if (other != report.compression) text += outlook_text(report, *full, other);
  }
  if (const double share = processor_share(report); share < quiet_machine) {
    text += fmt::format(
        " But other work took {:.0f} % of the processors meanwhile, so the ceilings are too low: "
        "repeat it when the machine is quiet.",
        100 * (1 - share));
  }
  return text;
}

}  // namespace ebb
