// SPDX-License-Identifier: Apache-2.0
// stamped_device.h - a device whose every sector says what it is, so that a wrong one names its
// cause: lost, stale, misplaced, torn, or from nowhere.
//
// The oracle keeps what each sector should hold, in memory, and writes it to the image or device. A
// sector is 512 bytes here, whatever the device says; the last one may be short.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "devmap/core/random.h"
#include "devmap/core/units.h"

namespace ebb::test {

// Content of one sector: what sector `origin` got in generation `generation`; 0: zeroes.
struct Stamp {
  std::uint64_t origin = 0;
  std::uint32_t generation = 0;
  bool operator==(const Stamp&) const = default;
};

class StampedDevice {
 public:
  // What the device holds at one instant.
  struct State {
    std::uint64_t device = 0;  // Part of every stamp, so that another device's sectors are known.
    ByteCount size;
    std::vector<Stamp> sectors;
  };

  // Of zeroes; `path` holds them already.
  StampedDevice(std::string path, ByteCount size, std::uint64_t id);

  // The next generation: single sectors, runs, zeroed runs and copies of other places.
  void change(Random& random, unsigned times);
  // Every sector of the device gets a stamp.
  void fill();
  void resize(ByteCount size);  // The image was resized; what is new is zero.
  const State& state() const { return state_; }

 private:
  void put(std::uint64_t first, const std::vector<Stamp>& stamps);

  std::string path_;
  std::uint32_t generation_ = 0;
  State state_;
};

// Empty when the first state.size bytes at `path` are as `state` says; else the first wrong sector
// and why.
std::string first_wrong_sector(const std::string& path, const StampedDevice::State& state);

}  // namespace ebb::test
