// SPDX-License-Identifier: Apache-2.0
// find_volumes.h - which volumes of this machine a policy means.
//
// A volume's name is HOST:NAME, so that no two hosts of a repository have the same one, and NAME is
// of the device, not of where it is plugged in: the logical volume, the serial number, the path of
// an image file. A path without * that a --before hook may be about to make is not looked at, and
// named by itself.
#pragma once

#include <string>
#include <vector>

#include "wire/control/client/control_client.h"

namespace ebb {

struct Target {
  std::string volume;  // Its name; of a problem, the pattern or the path.
  std::string path;
  std::string problem;  // Why it cannot be backed up; empty: it can.
};

// At least one: a pattern that finds nothing is a problem that people should hear of.
std::vector<Target> find_volumes(const control::PolicyOrder& policy, const std::string& host);

}  // namespace ebb
