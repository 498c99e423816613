// SPDX-License-Identifier: Apache-2.0
// nbd_server.h - a real NBD server over an image, for as long as its owner lives.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/started_program.h"
#include "tests/support/temporary_folder.h"

namespace ebb::test {

// A program of qemu-utils or nbdkit is not there: the test says so and is skipped.
bool has_nbd_servers();
#define EBB_NEEDS_NBD_SERVERS() \
  if (!has_nbd_servers()) GTEST_SKIP() << "qemu-nbd, qemu-img, qemu-io or nbdkit is not installed"

class NbdServer {
 public:
  using Words = std::vector<std::string>;
  // `command` serves on `socket` until it is killed, also by this program's end.
  NbdServer(const Words& command, const std::string& socket);
  // qemu-nbd of an image, read-only, as the export "disk".
  static std::unique_ptr<NbdServer> qemu(const TemporaryFolder& folder, const std::string& image,
                                         const std::string& format, const Words& more = {});

  std::string uri() const { return "nbd+unix:///disk?socket=" + socket_; }
  void kill() { program_->signal(9); }

 private:
  std::string socket_;
  std::unique_ptr<StartedProgram> program_;
};

}  // namespace ebb::test
