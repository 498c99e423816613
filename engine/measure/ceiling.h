// SPDX-License-Identifier: Apache-2.0
// ceiling.h - how fast a run could be at the most, by what its parts were measured to do alone.
//
// Reading, writing and computing go on at the same time, so a pass over the data takes at least as
// long as the slowest of the three; the passes of a run come one after the other. All figures are
// from one run on one machine: the ceiling says where the time must go, not what a data sheet says.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "engine/measure/flow_measure.h"

namespace ebb {

// Bytes a second, with all cores where it is computing.
struct PartSpeeds {
  double read_device = 0;
  double read_folder = 0;
  double write_folder = 0;
  double zero_test = 0;
  double fingerprint = 0;
  double seal = 0;
  double open = 0;
  double compress = 0;
  double decompress = 0;
  double checksum = 0;
  double parity = 0;
  double ratio = 1;  // By which `compress` packs.

  // Nothing of it is missing.
  bool complete() const;
};

enum class Resource : std::uint8_t { read, write, cpu };
std::string_view name_of(Resource resource);

// What a pass asks of one part.
struct Demand {
  Resource resource = Resource::cpu;
  std::string_view part;  // "compress"
  double seconds = 0;
};

struct Ceiling {
  double seconds = 0;
  Resource binds = Resource::cpu;
  std::string_view part;  // The largest demand on what binds.

  // "CPU: compress", "reading", "writing"
  std::string text() const;
};

Ceiling ceiling_of_pass(const std::vector<Demand>& demands);
// What binds is what binds the longest pass.
Ceiling ceiling_of_passes(const std::vector<std::vector<Demand>>& passes);

// What each run asks for. A restore first proves the records, then writes and reads back.
std::vector<Demand> demands_of_backup(const FlowFigure& figure, const PartSpeeds& speeds);
std::vector<Demand> demands_of_verify(const FlowFigure& figure, const PartSpeeds& speeds);
std::vector<std::vector<Demand>> demands_of_restore(const FlowFigure& figure,
                                                    const PartSpeeds& speeds);
// Packs are written and summed up, whatever is in them.
std::vector<Demand> demands_of_packs(ByteCount bytes, const PartSpeeds& speeds);

}  // namespace ebb
