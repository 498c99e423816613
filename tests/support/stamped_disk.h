// SPDX-License-Identifier: Apache-2.0
// stamped_disk.h - a disk whose every sector says where it belongs and when it was written.
//
// A sector of 512 bytes carries its number, the sequence of the write that made it and a CRC, so
// that a wrong sector after a restore tells its own cause: lost, misplaced, torn, zeroed, foreign.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "devmap/core/random.h"
#include "devmap/passport.h"
#include "engine/device/block_device.h"

namespace ebb::test {

class StampedDisk {
 public:
  static constexpr std::size_t sector = 512;

  // All sectors are stamped. `random` outlives the disk.
  StampedDisk(Random& random, ByteCount size);

  Bytes content() const { return bytes_; }
  ByteCount size() const { return ByteCount(bytes_.size()); }
  std::uint64_t sectors() const { return (bytes_.size() + sector - 1) / sector; }

  // Stamps `count` sectors from `first` on anew, by one write.
  void write(std::uint64_t first, std::uint64_t count);
  void zero(std::uint64_t first, std::uint64_t count);
  // Makes the sectors at `to` what those at `from` are: blocks that occur twice.
  void duplicate(std::uint64_t from, std::uint64_t to, std::uint64_t count);
  void put(ByteIndex at, Bytes bytes);
  // What it grows by is zero or stamped.
  void resize(ByteCount size);
  // One of the above, anywhere.
  void change();

  std::unique_ptr<MemoryDevice> device(Loop& loop) const;

 private:
  Random& random_;
  ByteVector bytes_;
  std::uint64_t sequence_ = 0;
};

// A device in memory that holds `bytes`.
std::unique_ptr<MemoryDevice> memory_device(Loop& loop, Bytes bytes);
// Its passport: an image, with the partition table that its bytes hold.
Passport passport_of(MemoryDevice& device);
Passport passport_of(Bytes bytes);

// Names the first sector of `actual` that is not as in `expected`, and its cause.
std::optional<std::string> first_wrong_sector(Bytes expected, Bytes actual);

}  // namespace ebb::test
