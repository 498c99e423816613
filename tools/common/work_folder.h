// SPDX-License-Identifier: Apache-2.0
// work_folder.h - a folder for one run of a program, gone with all it holds when the run ends.
#pragma once

#include <string>

#include "devmap/core/result.h"

namespace ebb {

class WorkFolder {
 public:
  // Made in `parent`, readable by its owner only.
  static Result<WorkFolder> make(const std::string& parent);
  ~WorkFolder();
  WorkFolder(WorkFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  WorkFolder& operator=(WorkFolder&&) = delete;
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace ebb
