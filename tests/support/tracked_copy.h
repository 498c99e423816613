// SPDX-License-Identifier: Apache-2.0
// tracked_copy.h - a copy of a device that is kept up to date by nothing but a tracker's marks.
//
// What differential backups would hold: one call of update() is one of them. It may be made while
// others write to the device. Once nobody writes any more, one more update() makes the copy equal
// to the device, or the tracker has missed a change.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "devmap/core/bytes.h"
#include "devmap/source/track/tracker.h"

namespace ebb::test {

enum class BackupEnds { well, in_failure };  // in_failure: the marks are not forgotten.

class TrackedCopy {
 public:
  // Starts the tracker, takes the whole device. Stops the test program when it cannot.
  TrackedCopy(std::string device, BlockSize block);
  ~TrackedCopy();
  TrackedCopy(const TrackedCopy&) = delete;
  TrackedCopy& operator=(const TrackedCopy&) = delete;

  // Switches epochs and reads the marked blocks past the page cache.
  void update(BackupEnds ends = BackupEnds::well);
  // Names the first block in which the copy differs from the device, and what lies there.
  std::optional<std::string> first_difference() const;

  Tracker& tracker() { return *tracker_; }
  std::uint64_t updates() const { return updates_; }
  std::uint64_t whole_updates() const { return whole_updates_; }  // Of these: "everything".
  ByteCount bytes_read() const { return bytes_read_; }

 private:
  ByteVector read(ByteRun run) const;
  std::string device_;
  std::unique_ptr<Tracker> tracker_;
  std::optional<TrackToken> base_;
  ByteVector copy_;
  std::uint64_t updates_ = 0;
  std::uint64_t whole_updates_ = 0;
  ByteCount bytes_read_;
};

}  // namespace ebb::test
