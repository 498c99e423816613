// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stamped_device.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/stage/checksum.h"
#include "tests/support/image_file.h"

namespace ebb::test {

namespace {

constexpr std::size_t sector = 512;
constexpr std::uint64_t magic = 0x506d617453626245;  // "EbbStamp"

// At the beginning of a stamped sector.
struct Head {
  std::uint64_t magic;
  std::uint64_t device;
  std::uint64_t origin;
  std::uint64_t generation;
  std::uint64_t checksum;  // Of the rest of the sector.
};

// Half of the sectors compress, half do not, so that a backup takes both ways.
ByteVector sector_of(std::uint64_t device, Stamp stamp) {
  ByteVector bytes(sector);
  if (stamp.generation == 0) return bytes;
  std::uint64_t value = device * 0x9e3779b97f4a7c15 + stamp.origin * 0xbf58476d1ce4e5b9 +
                        stamp.generation * 0x94d049bb133111eb;
  const bool noise = stamp.origin / 16 % 2 == 0;
  for (std::size_t at = sizeof(Head); at < sector; at += sizeof value) {
    if (noise || at % 128 == 0) value = (value ^ (value >> 29)) * 0xbf58476d1ce4e5b9 + 1;
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
  const Head head{magic, device, stamp.origin, stamp.generation,
                  crc64(Bytes(bytes).subspan(sizeof(Head)))};
  std::memcpy(bytes.data(), &head, sizeof head);
  return bytes;
}

std::string cause(std::uint64_t device, Stamp wanted, Bytes found) {
  if (all_zero(found)) return "lost: it is all zeroes";
  if (found.size() < sector) return "wrong: the short sector at the end differs";
  Head head{};
  std::memcpy(&head, found.data(), sizeof head);
  if (head.magic != magic) return "from nowhere: it has no stamp";
  if (head.device != device) return "foreign: it belongs to another device";
  if (head.checksum != crc64(found.subspan(sizeof(Head)))) {
    return fmt::format("torn: the stamp says sector {} of generation {}, the rest does not fit it",
                       head.origin, head.generation);
  }
  if (wanted.generation == 0) {
    return fmt::format("not zeroed: it holds sector {} of generation {}", head.origin,
                       head.generation);
  }
  if (head.origin != wanted.origin) {
    return fmt::format("misplaced: it is sector {} of generation {}", head.origin, head.generation);
  }
  return fmt::format("{}: it is of generation {}",
                     head.generation < wanted.generation ? "stale" : "too new", head.generation);
}

}  // namespace

StampedDevice::StampedDevice(std::string path, ByteCount size, std::uint64_t id)
    : path_(std::move(path)) {
  state_.device = id;
  resize(size);
}

void StampedDevice::resize(ByteCount size) {
  state_.size = size;
  const bool cuts_last = size.value() % sector != 0;
  state_.sectors.resize((size.size() + sector - 1) / sector);
  // A sector that was short and has grown is half a stamp: make it whole again.
  if (!cuts_last && generation_ > 0) put(state_.sectors.size() - 1, {state_.sectors.back()});
}

void StampedDevice::put(std::uint64_t first, const std::vector<Stamp>& stamps) {
  ByteVector bytes;
  for (std::size_t i = 0; i < stamps.size(); ++i) {
    state_.sectors[first + i] = stamps[i];
    append(bytes, sector_of(state_.device, stamps[i]));
  }
  const std::size_t begin = static_cast<std::size_t>(first) * sector;
  bytes.resize(std::min(bytes.size(), state_.size.size() - begin));
  write_at(path_, ByteIndex(begin), bytes);
}

void StampedDevice::fill() {
  ++generation_;
  std::vector<Stamp> stamps(state_.sectors.size());
  for (std::size_t i = 0; i < stamps.size(); ++i) stamps[i] = {i, generation_};
  put(0, stamps);
}

void StampedDevice::change(Random& random, unsigned times) {
  ++generation_;
  const std::uint64_t count = state_.sectors.size();
  for (unsigned i = 0; i < times; ++i) {
    const std::uint64_t first = random.below(count);
    const std::uint64_t way = random.below(4);
    const std::uint64_t most = way == 0 ? 1 : 1 + random.below(2048);
    const std::uint64_t length = std::min(most, count - first);
    const std::uint64_t from = random.below(count - length + 1);
    std::vector<Stamp> stamps(length);
    for (std::uint64_t n = 0; n < length; ++n) {
      if (way <= 1) stamps[n] = {first + n, generation_};
      if (way == 3) stamps[n] = state_.sectors[from + n];
    }
    put(first, stamps);
  }
}

std::string first_wrong_sector(const std::string& path, const StampedDevice::State& state) {
  constexpr std::size_t step = 1 << 20;
  for (std::size_t begin = 0; begin < state.size.size(); begin += step) {
    const ByteCount length(std::min(step, state.size.size() - begin));
    const ByteVector found = read_at(path, ByteIndex(begin), length);
    for (std::size_t at = 0; at < found.size(); at += sector) {
      const std::size_t index = (begin + at) / sector;
      const ByteVector wanted = sector_of(state.device, state.sectors[index]);
      const Bytes there = Bytes(found).subspan(at, std::min(sector, found.size() - at));
      if (same_bytes(there, Bytes(wanted).first(there.size()))) continue;
      return fmt::format(
          "sector {} (byte {}) of {}, which should hold sector {} of generation {}, "
          "is {}",
          index, begin + at, path, state.sectors[index].origin, state.sectors[index].generation,
          cause(state.device, state.sectors[index], there));
    }
  }
  return "";
}

}  // namespace ebb::test
