// SPDX-License-Identifier: Apache-2.0
#include "tests/support/storage_program.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "devmap/core/check.h"

namespace ebb::test {

namespace {

std::string program_path() {
  const char* given = std::getenv("EBB_STORAGE_PROGRAM");
  return given != nullptr ? given : EBB_STORAGE_PROGRAM;
}

}  // namespace

StorageProgram::StorageProgram(std::string socket, std::string folder,
                               std::vector<std::string> more)
    : socket_(std::move(socket)), folder_(std::move(folder)), more_(std::move(more)) {
  start();
}

StorageProgram::~StorageProgram() {
  stop();
}

void StorageProgram::start() {
  std::vector<std::string> arguments{program_path(),     "serve",    "--repository",
                                     "disks=" + folder_, "--socket", socket_};
  arguments.insert(arguments.end(), more_.begin(), more_.end());
  program_ = StartedProgram::start(arguments, {});
  while (program_->runs() && program_->output().find("listening") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!program_->runs()) std::fputs(program_->errors().c_str(), stderr);
  EBB_CHECK(program_->runs(), "the storage agent does not come up");
}

void StorageProgram::kill() {
  program_->signal(SIGKILL);
  program_->exit_code();
}

// One that never ends is killed in the end, so that no test leaves it behind.
int StorageProgram::stop() {
  program_->signal(SIGTERM);
  program_->kill_after(std::chrono::minutes(2));
  return program_->exit_code();
}

std::uint64_t StorageProgram::peak_kib() const {
  std::ifstream status("/proc/" + std::to_string(program_->pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  EBB_CHECK(false, "a running program has a status");
}

std::uint64_t StorageProgram::open_files() const {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(program_->pid()) + "/fd");
  return static_cast<std::uint64_t>(std::distance(begin(all), end(all)));
}

}  // namespace ebb::test
