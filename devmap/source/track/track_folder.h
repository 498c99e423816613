// SPDX-License-Identifier: Apache-2.0
// track_folder.h - where trackers stay when the program that started them has ended.
//
// A folder of the BPF file system for each tracked device, named by its number ("7_3"), holding the
// maps and the links that keep the programs attached. It is made under another name and renamed
// when it is whole. Gone with the mount, and with the boot.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/unique_fd.h"

namespace ebb {

// While it lives nobody else starts, stops or switches a tracker, in any process.
class TrackLock {
 public:
  // Mounts the BPF file system and makes ebb's folder in it where they are missing.
  static Result<TrackLock> take();

 private:
  explicit TrackLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

std::string track_folder_of(dev_t number);
// Of a tracker that is being made. What an ended program left there is removed first.
Result<std::string> make_unfinished_track_folder(const TrackLock& lock);
Result<void> finish_track_folder(const TrackLock& lock, dev_t number);
Result<void> remove_track_folder(const TrackLock& lock, const std::string& folder);
// Of all devices that have one, tracked still or not.
std::vector<dev_t> devices_with_track_folders();

}  // namespace ebb
