// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stamped_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "devmap/byte_source.h"
#include "devmap/core/check.h"
#include "devmap/core/endian.h"
#include "engine/stage/checksum.h"

namespace ebb::test {

namespace {

struct Stamp {
  std::array<char, 8> magic{'S', 'T', 'A', 'M', 'P', 'E', 'D', '1'};
  Le64 number;
  Le64 sequence;
  std::array<std::byte, StampedDisk::sector - 32> filler{};
  Le64 crc;  // Of everything before it.
};
static_assert(sizeof(Stamp) == StampedDisk::sector && alignof(Stamp) == 1);

std::uint64_t crc_of(const Stamp& stamp) {
  return crc64(bytes_of_struct(stamp).first(sizeof(Stamp) - sizeof(Le64)));
}

// Half of all writes cannot be packed, the other half very well.
Stamp stamp_of(std::uint64_t number, std::uint64_t sequence) {
  Stamp stamp;
  stamp.number = Le64(number);
  stamp.sequence = Le64(sequence);
  if (sequence % 2 == 0) {
    std::uint64_t state = (number + 1) * 0x9e3779b97f4a7c15 ^ (sequence << 32);
    for (std::size_t at = 0; at + 8 <= stamp.filler.size(); at += 8) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      std::memcpy(&stamp.filler[at], &state, 8);
    }
  }
  stamp.crc = Le64(crc_of(stamp));
  return stamp;
}

bool is_stamp(const Stamp& stamp) {
  return stamp.magic == Stamp{}.magic && stamp.crc.value() == crc_of(stamp);
}

std::string cause(Bytes expected, Bytes actual) {
  if (all_zero(actual)) return "zeroed";
  if (actual.size() < StampedDisk::sector) return "foreign, in the short last sector";
  Stamp is;
  Stamp should;
  std::memcpy(&is, actual.data(), sizeof is);
  std::memcpy(&should, expected.data(), sizeof should);
  if (is_stamp(is)) {
    const bool stamped = is_stamp(should);
    if (!stamped || is.number.value() != should.number.value()) {
      return fmt::format("misplaced: it is sector {} of write {}", is.number.value(),
                         is.sequence.value());
    }
    return fmt::format("lost: write {} instead of {}", is.sequence.value(),
                       should.sequence.value());
  }
  const bool torn = same_bytes(actual.first(8), expected.first(8)) ||
                    same_bytes(actual.last(8), expected.last(8));
  return torn ? "torn" : "foreign";
}

}  // namespace

StampedDisk::StampedDisk(Random& random, ByteCount size) : random_(random), bytes_(size.size()) {
  write(0, sectors());
}

void StampedDisk::write(std::uint64_t first, std::uint64_t count) {
  ++sequence_;
  for (std::uint64_t i = first; i < std::min(first + count, sectors()); ++i) {
    const Stamp stamp = stamp_of(i, sequence_);
    const std::size_t at = i * sector;
    std::memcpy(&bytes_[at], &stamp, std::min(sector, bytes_.size() - at));
  }
}

void StampedDisk::zero(std::uint64_t first, std::uint64_t count) {
  const std::size_t begin = std::min(first * sector, bytes_.size());
  const std::size_t end = std::min((first + count) * sector, bytes_.size());
  std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(begin), end - begin, std::byte{0});
}

void StampedDisk::duplicate(std::uint64_t from, std::uint64_t to, std::uint64_t count) {
  const std::size_t most = bytes_.size() - std::max(from, to) * sector;
  std::memmove(&bytes_[to * sector], &bytes_[from * sector], std::min(count * sector, most));
}

void StampedDisk::put(ByteIndex at, Bytes bytes) {
  EBB_CHECK(at.value() + bytes.size() <= bytes_.size(), "past the disk's end");
  std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(at.value()));
}

void StampedDisk::resize(ByteCount size) {
  const std::uint64_t before = bytes_.size() / sector;
  bytes_.resize(size.size());
  if (sectors() > before && random_.below(2) == 0) write(before, sectors() - before);
}

void StampedDisk::change() {
  const std::uint64_t first = random_.below(sectors());
  const std::uint64_t run = 1 + random_.below(std::max<std::uint64_t>(1, sectors() / 6));
  switch (random_.below(8)) {
    case 0:
      for (int i = 0; i < 5; ++i) write(random_.below(sectors()), 1);
      break;
    case 1:
    case 2: write(first, run); break;
    case 3: zero(first, run); break;
    case 4: zero(round_down(first, 2048), 2048); break;  // A whole batch, whatever the blocks.
    case 5: {
      const std::uint64_t mask = 128;  // Blocks of 64 KiB and smaller become alike.
      duplicate(round_down(first, mask), round_down(random_.below(sectors()), mask),
                (run / mask + 1) * mask);
      break;
    }
    case 6: resize(ByteCount(bytes_.size() + 1 + random_.below(700'000))); break;
    case 7: resize(ByteCount(bytes_.size() - random_.below(bytes_.size() / 4))); break;
    default: break;
  }
}

std::unique_ptr<MemoryDevice> StampedDisk::device(Loop& loop) const {
  return memory_device(loop, bytes_);
}

std::unique_ptr<MemoryDevice> memory_device(Loop& loop, Bytes bytes) {
  auto device = std::make_unique<MemoryDevice>(loop, Shape{ByteCount(bytes.size())});
  std::ranges::copy(bytes, device->content().begin());
  return device;
}

Passport passport_of(MemoryDevice& device) {
  return passport_of(Bytes(device.content()));
}

Passport passport_of(Bytes bytes) {
  Passport passport;
  passport.path = passport.backing_file = "/disk.img";
  passport.kind = "image";
  passport.host = "here";
  passport.shape.size = ByteCount(bytes.size());
  MemorySource source(bytes);
  auto table = read_partition_table(source, passport.shape.logical_sector);
  EBB_CHECK(table.has_value(), "bytes in memory can be read");
  passport.table = std::move(*table);
  passport.last_used = last_used_byte(passport.table, passport.shape.size);
  return passport;
}

std::optional<std::string> first_wrong_sector(Bytes expected, Bytes actual) {
  if (same_bytes(expected, actual)) return std::nullopt;
  if (expected.size() != actual.size()) {
    return fmt::format("{} bytes instead of {}", actual.size(), expected.size());
  }
  for (std::size_t at = 0;; at += StampedDisk::sector) {
    const std::size_t length = std::min(StampedDisk::sector, expected.size() - at);
    const Bytes should = expected.subspan(at, length);
    const Bytes is = actual.subspan(at, length);
    if (!same_bytes(should, is)) {
      return fmt::format("sector {} is {}", at / StampedDisk::sector, cause(should, is));
    }
  }
}

}  // namespace ebb::test
