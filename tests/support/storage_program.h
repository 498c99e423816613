// SPDX-License-Identifier: Apache-2.0
// storage_program.h - the real program ebb-storage, keeping one repository behind a unix socket.
//
// The program is $EBB_STORAGE_PROGRAM, else the one that was built with the tests. It listens when
// the constructor returns, and is told to end, and waited for, when its owner goes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/started_program.h"

namespace ebb::test {

class StorageProgram {
 public:
  // Stops the test program when it does not come up. `more` are options of `ebb-storage serve`.
  StorageProgram(std::string socket, std::string folder, std::vector<std::string> more = {});
  ~StorageProgram();
  StorageProgram(const StorageProgram&) = delete;
  StorageProgram& operator=(const StorageProgram&) = delete;

  const std::string& socket() const { return socket_; }
  // Of its repository, as ebb takes it; also by way of another socket.
  std::string address() const { return address_by(socket_); }
  static std::string address_by(const std::string& socket) { return "unix:" + socket + ":disks"; }

  // As a crash does: nothing more is written.
  void kill();
  void start();
  // By SIGTERM; its exit code, which is that of a kill when it does not end.
  int stop();
  bool runs() { return program_->runs(); }
  std::string errors() const { return program_->errors(); }
  // The most memory that it ever held, in KiB (VmHWM).
  std::uint64_t peak_kib() const;
  std::uint64_t open_files() const;

 private:
  std::string socket_;
  std::string folder_;
  std::vector<std::string> more_;
  std::unique_ptr<StartedProgram> program_;
};

}  // namespace ebb::test
