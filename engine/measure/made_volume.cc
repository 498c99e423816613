// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/made_volume.h"

#include "engine/measure/made_content.h"

namespace ebb {

namespace {

constexpr ByteCount part = made_volume_memory;
// Three of five, not two of which always lie together.
constexpr bool is_full(std::uint64_t number) {
  return number % 5 == 0 || number % 5 == 1 || number % 5 == 3;
}

}  // namespace

std::vector<ByteRun> full_parts(ByteCount size) {
  std::vector<ByteRun> parts;
  const ByteIndex end = ByteIndex(0) + size;
  std::uint64_t number = 0;
  for (ByteIndex at(0); at < end; at += part, ++number) {
    if (is_full(number)) parts.push_back({at, std::min(at + part, end)});
  }
  return parts;
}

ByteCount full_bytes(ByteCount size) {
  const ByteCount turn = part * 5;
  const ByteCount rest(size.value() % turn.value());
  ByteCount sum = part * 3 * (size.value() / turn.value());
  for (const ByteRun& run : full_parts(rest)) sum += run.length();
  return sum;
}

Result<void> make_volume(const StopFlag& stop, Loop& loop, Medium& medium, ByteCount size,
                         std::uint64_t seed, MutableBytes memory) {
  MadeContent content(seed);
  for (const ByteRun& run : full_parts(size)) {
    TRY(unless_interrupted(stop));
    const MutableBytes bytes = memory.first(run.length().size());
    content.fill_with_mix(bytes);
    TRY(write_and_wait(loop, medium, run.begin, bytes));
  }
  return sync_and_wait(loop, medium);
}

}  // namespace ebb
