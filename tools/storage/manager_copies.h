// SPDX-License-Identifier: Apache-2.0
// manager_copies.h - the sealed copies of the manager's state that this host keeps for the day that
// the manager is lost.
//
// Files "2026-11-28T03-00-00Z.copy", as they came; `ebb-manager rebuild` takes one. The newest
// three stay, and of each of the last 14 days that had any the newest: a manager that was broken
// into cannot push the good ones out in less.
#pragma once

#include <optional>
#include <string>

#include "wire/control/client/control_client.h"

namespace ebb {

class ManagerCopies {
 public:
  // Empty: none are kept.
  explicit ManagerCopies(std::string folder) : folder_(std::move(folder)) {}

  // Of the newest that is there and can be read.
  std::optional<control::CopyDigest> newest() const;
  // On disk when it returns.
  Result<void> keep(Bytes copy, WallTime now) const;
  bool is_empty() const { return folder_.empty(); }

 private:
  std::string folder_;
};

}  // namespace ebb
