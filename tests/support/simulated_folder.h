// SPDX-License-Identifier: Apache-2.0
// simulated_folder.h - a folder in memory that loses, in a crash, whatever nobody promised to keep.
//
// It promises what engine/file/files.h does and not a byte more. crash() keeps what a settled
// sync_data() or a sync_folder() covers. Of everything else it drops a part, by its seed: each
// unsynced write is kept, dropped or torn at sectors of 512 bytes; each create, rename and remove
// happened or did not, a rename as a whole; a name that survives may lead to bytes that did not.
// Faults: the machine dies after the n-th operation, the disk is full from the n-th write on, reads
// fail. Transfers settle at the loop's next turn; memory that changes under a write is caught.
#pragma once

#include <functional>
#include <limits>
#include <memory>

#include "engine/file/files.h"

namespace ebb::test {

class SimulatedFolder final : public Files {
 public:
  SimulatedFolder(Loop& loop, std::uint64_t seed);
  ~SimulatedFolder() override;

  Result<std::unique_ptr<File>> create(const std::string& name) override;
  Result<std::unique_ptr<File>> open(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& name) override;
  Result<void> make_folder(const std::string& name) override;
  Result<void> sync_folder(const std::string& name) override;
  Result<std::vector<Entry>> list(const std::string& folder) override;
  Result<std::unique_ptr<FolderLock>> lock(const std::string& name) override;
  Result<std::unique_ptr<FolderLock>> lock_shared(const std::string& name) override;
  std::string place() const override { return ""; }

  // The power goes: this folder is dead from here on (every operation is `lost`), its locks are
  // free, and the result holds what survived. Files still open belong to the dead one.
  std::unique_ptr<SimulatedFolder> crash();

  // Another folder with the same content, all of it durable.
  std::unique_ptr<SimulatedFolder> copy(Loop& loop, std::uint64_t seed) const;

  // The first `operations` mutating operations pass, counted over the folder's life; the next one,
  // and everything after it, reads too, fails as `lost`. Syncs and locks that make a file count.
  void stop_after(std::uint64_t operations);
  std::uint64_t operations() const;
  bool stopped() const;

  // The write with this number (from 0, over the folder's life), and every later one, finds the
  // disk full; it may have written a part. never: there is room again.
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
  void full_from_write(std::uint64_t number);
  // The write with this number fails as a medium error does; it may have written a part.
  void fail_write(std::uint64_t number);
  std::uint64_t writes() const;

  // Reads for which this says true fail as a medium error does.
  using ReadFault = std::function<bool(const std::string& name, ByteRun bytes)>;
  void fail_reads(ReadFault fault);

  // What is written from now on was modified then.
  void set_time(WallTime now);

  // For tests to look and to damage, past all faults. The name exists.
  ByteVector content(const std::string& name) const;
  void overwrite(const std::string& name, ByteIndex at, Bytes bytes);
  std::vector<std::string> all_files() const;  // Sorted, by full name.

  struct State;  // Shared with the files and transfers that are still about.

 private:
  explicit SimulatedFolder(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace ebb::test
