// SPDX-License-Identifier: Apache-2.0
// bench_report.h - everything that one `ebb bench` measured, and what follows from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/measure/ceiling.h"
#include "engine/measure/stage_measure.h"
#include "engine/measure/transfer_measure.h"

namespace ebb {

struct BenchReport {
  struct Run {
    enum class Kind { backup, verify, restore };
    Kind kind;
    std::string name;  // "full backup"
    FlowFigure figure;
  };

  unsigned threads = 1;  // "All cores".
  CryptoBackend backend = CryptoBackend::openssl;
  std::string folder;
  std::string volume;       // What is read: a device, or a volume made up.
  std::string content;      // What the stages worked on.
  Compression compression;  // Of the backups.

  std::vector<StageFigure> stages;
  std::vector<TransferFigure> reads;
  std::vector<TransferFigure> writes;
  std::optional<TransferFigure> read_back;  // Of what was written to the folder.
  std::optional<SyncFigure> sync;
  std::vector<TransferFigure> ring;
  std::optional<Figure> packs;
  std::vector<Run> runs;

  const Run* find(std::string_view name) const;
};

inline constexpr const char* full_backup = "full backup";
inline constexpr const char* unchanged_backup = "backup, unchanged";
inline constexpr const char* changed_backup = "backup, 1 % changed";
inline constexpr const char* verify_run = "verify";
inline constexpr const char* restore_run = "restore";

// The part of the processors' time that the stages got of what they asked for; less than 1 when
// something else runs here. 1 when no stage was measured.
double processor_share(const BenchReport& report);
double processor_share(const StageFigure& stage);
inline constexpr double quiet_machine = 0.9;  // More than this.

// With all cores; 0 for what was not measured.
PartSpeeds speeds_of(const BenchReport& report, const Compression& compression);
// Nothing when not all that it needs was measured.
std::optional<Ceiling> ceiling_of(const BenchReport& report, const BenchReport::Run& run);
std::optional<Ceiling> ceiling_of_pack_writing(const BenchReport& report);
// How long the full backup would take with another compression, and what it would store; by the
// ceilings of both and what was measured with the one.
struct Outlook {
  double seconds = 0;
  double stored = 0;
};
std::optional<Outlook> outlook_with(const BenchReport& report, const Compression& compression);

// What it all means, in plain words; empty when no full backup was measured.
std::string verdict_of(const BenchReport& report);

}  // namespace ebb
