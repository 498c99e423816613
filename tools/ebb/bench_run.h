// SPDX-License-Identifier: Apache-2.0
// bench_run.h - measures, part after part, and takes away what it made.
//
// All that it writes lies in one folder of its own in `folder`. A device is only read.
#pragma once

#include <set>
#include <string>

#include "tools/common/outside.h"
#include "tools/common/show_progress.h"
#include "tools/ebb/bench_report.h"

namespace ebb {

enum class BenchPart { stages, read, write, ring, pack, backup, restore, verify };

struct BenchWishes {
  std::string folder;
  std::string device;  // Empty: a volume is made up.
  ByteCount size;      // Of the volume, or of what is used of the device.
  double seconds = 1;  // For one measurement.
  unsigned threads = 0;
  std::set<BenchPart> parts;

  bool any_run() const {
    return parts.contains(BenchPart::backup) || parts.contains(BenchPart::restore) ||
           parts.contains(BenchPart::verify);
  }
};

// What it needs in the folder at most.
ByteCount room_needed(const BenchWishes& wishes);

Result<BenchReport> run_bench(const BenchWishes& wishes, Outside& outside, ShowProgress& show);

}  // namespace ebb
