// SPDX-License-Identifier: Apache-2.0
#include "tests/support/nbd_server.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "devmap/core/check.h"
#include "devmap/core/unique_fd.h"
#include "tests/support/run_program.h"

namespace ebb::test {

namespace {

bool listens(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EBB_CHECK(socket.size() < sizeof address.sun_path, "a short path");
  std::memcpy(address.sun_path, socket.c_str(), socket.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

bool has_nbd_servers() {
  for (const char* program : {"qemu-nbd", "qemu-img", "qemu-io", "nbdkit"}) {
    if (!run_program({"sh", "-c", std::string("command -v ") + program}).ok()) return false;
  }
  return true;
}

NbdServer::NbdServer(const Words& command, const std::string& socket) : socket_(socket) {
  Words words = {"/usr/bin/setpriv", "--pdeathsig", "KILL"};
  words.insert(words.end(), command.begin(), command.end());
  program_ = StartedProgram::start(words, {});
  while (!listens(socket_)) {
    EBB_CHECK(program_->runs(), "the NBD server ended: " + program_->errors());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::unique_ptr<NbdServer> NbdServer::qemu(const TemporaryFolder& folder, const std::string& image,
                                           const std::string& format, const Words& more) {
  static unsigned number = 0;
  const std::string socket = folder / ("nbd-" + std::to_string(++number));
  Words command = {"qemu-nbd", "--read-only", "--persistent", "--shared=8", "--export-name",
                   "disk",     "--format",    format,         "--socket",   socket};
  command.insert(command.end(), more.begin(), more.end());
  command.push_back(image);
  return std::make_unique<NbdServer>(command, socket);
}

}  // namespace ebb::test
