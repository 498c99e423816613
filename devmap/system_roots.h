// SPDX-License-Identifier: Apache-2.0
// system_roots.h - where the kernel's trees are mounted.
//
// A test puts a made-up machine (LVM, md, swap) into a folder and passes its roots.
#pragma once

#include <string>

namespace ebb {

struct SystemRoots {
  std::string sys = "/sys";
  std::string proc = "/proc";
  std::string dev = "/dev";
};

}  // namespace ebb
