// SPDX-License-Identifier: Apache-2.0
// new_folder.h - a folder that appears whole, with all its files, or not at all.
//
// It is filled under another name beside its place, readable by its owner only, and given its name
// last. A crash leaves at most that other name, which nobody reads; giving up removes it.
#pragma once

#include <string>

#include "devmap/core/result.h"

namespace ebb {

class NewFolder {
 public:
  // `invalid` when there is something at `place` that is not an empty folder.
  static Result<NewFolder> begin(std::string place);
  ~NewFolder();
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // Where to put its files, which are to be synced by who writes them.
  std::string operator/(const std::string& name) const { return building_ + "/" + name; }
  // Gives it its name, durably.
  Result<void> publish();

 private:
  NewFolder(std::string place, std::string building)
      : place_(std::move(place)), building_(std::move(building)) {}
  std::string place_;
  std::string building_;  // Empty: published, or moved from.
};

}  // namespace ebb
