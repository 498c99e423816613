// SPDX-License-Identifier: Apache-2.0
// schedule.h - what is due when. Values in, values out: no clock, no file, no process.
//
// A volume is due when its policy's period has passed since its last run ended, the policy's window
// is open, and the host's offset has passed. The offset is the host's own and never changes, so
// hosts that learn of a policy, boot, or see a window open at the same moment do not start at once.
// Times are seconds since 1970; a wall clock that was set back delays nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wire/link/holder.h"

namespace ebb {

inline constexpr std::uint32_t longest_offset_seconds = 600;

struct Moment {
  std::int64_t seconds = 0;         // Since 1970.
  std::uint32_t second_of_day = 0;  // Of the local day.
};

// Minutes after local midnight; the same twice: always open. May go over midnight.
struct Window {
  std::uint16_t begin = 0;
  std::uint16_t end = 0;
};
// How long it has been open; nothing while it is closed or when there is none.
std::optional<std::uint32_t> seconds_into(const Window& window, const Moment& now);
bool is_open(const Window& window, const Moment& now);

// The same for a host each time, and evenly spread over hosts: below the period and ten minutes.
std::uint32_t offset_of(const HolderId& host, std::uint64_t every_seconds);

struct Rule {
  std::uint64_t every_seconds = 0;
  Window window;
  std::uint32_t offset_seconds = 0;
};

struct History {
  std::int64_t known_since = 0;  // When this process first saw the policy.
  std::optional<std::int64_t> last_end;
};

// Since when it is due; nothing when it is not.
std::optional<std::int64_t> due_since(const Rule& rule, const History& history, const Moment& now);

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
