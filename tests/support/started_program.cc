// SPDX-License-Identifier: Apache-2.0
#include "tests/support/started_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "devmap/core/check.h"

namespace ebb::test {

namespace {

UniqueFd memory_file() {
  UniqueFd fd(::memfd_create("ebb-test", MFD_CLOEXEC));
  EBB_CHECK(fd.is_open(), "no memory for the output of a program");
  return fd;
}

std::string content_of(int fd) {
  std::string content;
  char part[4096];
  // With a place: the program may still be writing through the same open file.
  for (ssize_t n = 0;
       (n = ::pread(fd, part, sizeof part, static_cast<off_t>(content.size()))) > 0;) {
    content.append(part, static_cast<std::size_t>(n));
  }
  return content;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& settings) {
  std::vector<std::string> lines;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string line(*entry);
    if (!settings.contains(line.substr(0, line.find('=')))) lines.push_back(line);
  }
  for (const auto& [name, value] : settings) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> as_pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::unique_ptr<StartedProgram> StartedProgram::start(
    const std::vector<std::string>& arguments, const std::map<std::string, std::string>& settings) {
  const std::vector<std::string> environment = environment_with(settings);
  UniqueFd out = memory_file();
  UniqueFd err = memory_file();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, err.get(), 2);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, arguments.at(0).c_str(), &actions, nullptr,
                                   as_pointers(arguments).data(), as_pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  EBB_CHECK(failed == 0, "the program under test cannot be started");
  return std::unique_ptr<StartedProgram>(new StartedProgram(child, std::move(out), std::move(err)));
}

StartedProgram::~StartedProgram() {
  signal(SIGKILL);
  exit_code();
}

bool StartedProgram::runs() {
  if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

void StartedProgram::signal(int number) {
  if (runs()) ::kill(pid_, number);
}

bool StartedProgram::kill_after(std::chrono::microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (runs() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  signal(SIGKILL);
  return exit_code() == 128 + SIGKILL;
}

int StartedProgram::exit_code() {
  while (!ended_) {
    ended_ = ::waitpid(pid_, &status_, 0) == pid_ || errno != EINTR;
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string StartedProgram::output() const {
  return content_of(out_.get());
}
std::string StartedProgram::errors() const {
  return content_of(err_.get());
}

}  // namespace ebb::test
