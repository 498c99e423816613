// SPDX-License-Identifier: Apache-2.0
// schedule.h - what is due when. Values in, values out: no clock, no file, no process.
//
// A volume is due by its policy's rule (due.h). The offset is the host's own and never changes, so
// hosts that learn of a policy, boot, or see a window open at the same moment do not start at once.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tools/common/due.h"
#include "wire/link/holder.h"

namespace ebb {

inline constexpr std::uint32_t longest_offset_seconds = 600;

// The same for a host each time, and evenly spread over hosts: below the period and ten minutes.
std::uint32_t offset_of(const HolderId& host, std::uint64_t every_seconds);

// Something that is due.
struct Due {
  std::string volume;
  std::int64_t since = 0;
  bool ordered = false;  // A person asked for it: before everything else.
};
// Which of them to begin, by their places in the list: at most `room`, the longest due first, never
// a volume that runs, and no volume twice.
std::vector<std::size_t> choose(const std::vector<Due>& due, const std::set<std::string>& running,
                                std::size_t room);

}  // namespace ebb
