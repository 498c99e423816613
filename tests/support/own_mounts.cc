// SPDX-License-Identifier: Apache-2.0
#include "tests/support/own_mounts.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>

#include "devmap/source/track/tracker.h"
#include "tests/support/loop_device.h"

namespace ebb::test {

namespace {

std::string enter() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0) {
    return std::string("no mounts of one's own: ") + std::strerror(errno);
  }
  return "";
}

}  // namespace

std::string why_nothing_can_be_tracked() {
  if (const std::string why = why_no_loop_devices(); !why.empty()) return why;
  static const std::string why_not_entered = enter();
  if (!why_not_entered.empty()) return why_not_entered;
  return why_no_tracker();
}

}  // namespace ebb::test
