// SPDX-License-Identifier: Apache-2.0
// dying_device.h - a device in memory that loses, when the power goes, what no sync has covered.
//
// Each unsynced write is kept, dropped or torn at its sectors of 512 bytes, by a seed. The machine
// dies after the n-th write, zeroing, sync or step of the journal; the journal that goes with the
// device is kept as journal_file() keeps it: a rename that may not have reached the disk.
#pragma once

#include <memory>
#include <vector>

#include "devmap/core/random.h"
#include "engine/flow/restore.h"

namespace ebb::test {

class DyingDevice final : public BlockDevice, public JournalKeeper {
 public:
  DyingDevice(Loop& loop, Bytes content, std::uint64_t seed);

  const Shape& shape() const override { return shape_; }
  void start(Transfer& transfer) override;

  Result<std::optional<RestoreJournal>> read() override;
  Result<void> write(const RestoreJournal& journal) override;
  Result<void> remove() override;

  // The next `steps` steps pass, then the machine is dead.
  void die_after(std::uint64_t steps) { left_ = steps; }
  bool dead() const { return dead_; }
  // The power went and came back: what survived is there, and the device works.
  void come_back();

  Bytes content() const { return current_; }
  // Somebody else writes to it, durably.
  void overwrite(ByteIndex at, Bytes bytes);

 private:
  struct Unsynced {
    std::size_t at = 0;
    ByteVector bytes;
  };
  Result<void> step();

  Loop& loop_;
  Shape shape_;
  std::unique_ptr<Random> random_;
  ByteVector durable_;
  ByteVector current_;
  std::vector<Unsynced> unsynced_;
  std::vector<std::optional<RestoreJournal>> journals_;  // The last is what a reader sees.
  std::uint64_t left_;
  bool dead_ = false;
};

}  // namespace ebb::test
