// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/schedule.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ebb {

std::uint32_t offset_of(const HolderId& host, std::uint64_t every_seconds) {
  // A holder id is a digest, so its first bytes are as good as random.
  std::uint64_t number = 0;
  std::memcpy(&number, host.bytes.data(), sizeof number);
  const std::uint64_t span = std::min<std::uint64_t>(every_seconds, longest_offset_seconds);
  return span == 0 ? 0 : static_cast<std::uint32_t>(number % span);
}

std::vector<std::size_t> choose(const std::vector<Due>& due, const std::set<std::string>& running,
                                std::size_t room) {
  std::vector<std::size_t> order(due.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (due[a].ordered != due[b].ordered) return due[a].ordered;
    return due[a].since < due[b].since;
  });
  std::vector<std::size_t> chosen;
  std::set<std::string> taken = running;
  for (const std::size_t i : order) {
    if (chosen.size() == room) break;
    if (taken.insert(due[i].volume).second) chosen.push_back(i);
  }
  return chosen;
}

}  // namespace ebb
