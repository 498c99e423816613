// SPDX-License-Identifier: Apache-2.0
#include "devmap/program_output.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "devmap/core/check.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr off_t most_told = 2000;  // Of what it said on standard error.

std::string path_of(const std::string& name) {
  const char* const given = std::getenv("PATH");
  std::string folders =
      std::string(given != nullptr ? given : "") + ":/usr/sbin:/usr/bin:/sbin:/bin";
  while (!folders.empty()) {
    const std::string folder = folders.substr(0, folders.find(':'));
    folders.erase(0, folder.size() + 1);
    const std::string path = folder + "/" + name;
    // Relative folders are left out: whoever owns the folder that we happen to be in is not root.
    if (folder.starts_with('/') && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

// What the new process does; only calls that are safe after a fork.
[[noreturn]] void become(const char* path, char* const* arguments, char* const* environment,
                         int out, int err, pid_t parent, OwnersEnd end) {
  if (end == OwnersEnd::kills) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // It died before we asked.
  } else {
    ::setsid();  // What a terminal or a service manager sends to all of us is not for it.
  }
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, end == OwnersEnd::kills ? SIG_DFL : SIG_IGN);
  ::execve(path, arguments, environment);
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<ProgramOutput>> ProgramOutput::start(
    const std::vector<std::string>& arguments, OwnersEnd end) {
  const std::string path = path_of(arguments.at(0));
  if (path.empty()) return fail(Error::absent("the program {} is not installed", arguments[0]));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Error::from_errno(errno));
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  UniqueFd err(::memfd_create("stderr", MFD_CLOEXEC));
  if (!err.is_open()) return fail(Error::from_errno(errno));

  std::vector<std::string> words = arguments;  // execve wants them writable.
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string language = "LC_ALL=C";
  std::string folders = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  const std::array<char*, 3> environment = {language.data(), folders.data(), nullptr};

  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) return fail(Error::from_errno(errno).during("starting {}", path));
  if (process == 0) {
    become(path.c_str(), argv.data(), environment.data(), theirs.get(), err.get(), parent, end);
  }
  return std::unique_ptr<ProgramOutput>(
      new ProgramOutput(arguments[0], process, end, std::move(ours), std::move(err)));
}

ProgramOutput::ProgramOutput(std::string name, pid_t process, OwnersEnd end, UniqueFd out,
                             UniqueFd err)
    : name_(std::move(name)),
      process_(process),
      end_(end),
      out_(std::move(out)),
      err_(std::move(err)) {}

ProgramOutput::~ProgramOutput() {
  if (process_ == 0) return;
  out_.reset();
  if (end_ == OwnersEnd::kills) ::kill(process_, SIGKILL);
  wait();
}

int ProgramOutput::wait() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = 0;
  return status;
}

Result<std::size_t> ProgramOutput::read(std::span<char> room) {
  while (true) {
    const ssize_t n = ::read(out_.get(), room.data(), room.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return fail(Error::from_errno(errno).during("reading from {}", name_));
  }
}

Result<void> ProgramOutput::finish() {
  EBB_CHECK(process_ != 0, "a program ends once");
  const int status = wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const off_t size = ::lseek(err_.get(), 0, SEEK_END);
  std::string said(static_cast<std::size_t>(std::clamp<off_t>(size, 0, most_told)), '\0');
  const ssize_t n =
      ::pread(err_.get(), said.data(), said.size(), std::max<off_t>(size - most_told, 0));
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  std::string how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                        : fmt::format("exit code {}", WEXITSTATUS(status));
  return fail(Error::lost("{} ended with {}: {}", name_, how, trimmed(said)));
}

}  // namespace ebb
