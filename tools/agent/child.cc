// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "devmap/core/unique_fd.h"

namespace ebb {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t most_kept = 1024 * 1024;
constexpr int look_every_ms = 100;

// One of its streams, of which the last part is kept.
class Stream {
 public:
  static Result<Stream> make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Error::from_errno(errno));
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return Stream(UniqueFd(ends[0]), UniqueFd(ends[1]));
  }
  int childs_end() const { return theirs_.get(); }
  void close_childs_end() { theirs_.reset(); }
  int fd() const { return ours_.get(); }
  void read() {
    std::array<char, 4096> part;
    ssize_t n = 0;
    while (ours_.is_open() && (n = ::read(fd(), part.data(), part.size())) > 0) {
      text_.append(part.data(), static_cast<std::size_t>(n));
      if (text_.size() > 2 * most_kept) text_.erase(0, text_.size() - most_kept);
    }
    if (n == 0) ours_.reset();
  }
  std::string text() const {
    return text_.substr(text_.size() - std::min(text_.size(), most_kept));
  }

 private:
  Stream(UniqueFd ours, UniqueFd theirs) : ours_(std::move(ours)), theirs_(std::move(theirs)) {}
  UniqueFd ours_;
  UniqueFd theirs_;
  std::string text_;
};

std::vector<std::string> environment_with(const std::map<std::string, std::string>& settings) {
  std::vector<std::string> lines;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string line(*entry);
    const std::string name = line.substr(0, line.find('='));
    // What is the agent's alone: a child does not speak to the service manager.
    if (!settings.contains(name) && name != "NOTIFY_SOCKET") lines.push_back(line);
  }
  for (const auto& [name, value] : settings) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> as_pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<pid_t> start(const ChildWish& wish, const Stream& out, const Stream& err) {
  std::vector<std::string> arguments = wish.arguments;
  std::vector<std::string> environment = environment_with(wish.environment);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.childs_end(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, err.childs_end(), 2);
  if (wish.inherited >= 0) ::posix_spawn_file_actions_adddup2(&actions, wish.inherited, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t signals;
  ::sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM}) ::sigaddset(&signals, number);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, wish.arguments.at(0).c_str(), &actions, &attributes,
                                   as_pointers(arguments).data(), as_pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return fail(Error::from_errno(failed).during("starting {}", wish.arguments.at(0)));
  }
  return child;
}

// Without taking it away: its number, and so its group's, is not given to another yet.
bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == child;
}

void wait_for_output(Stream& out, Stream& err) {
  std::array<pollfd, 2> streams{{{out.fd(), POLLIN, 0}, {err.fd(), POLLIN, 0}}};
  ::poll(streams.data(), streams.size(), look_every_ms);
  out.read();
  err.read();
}

}  // namespace

Result<ChildEnd> run_child(const ChildWish& wish) {
  Stream out = TRY(Stream::make());
  Stream err = TRY(Stream::make());
  const pid_t child = TRY(start(wish, out, err));
  out.close_childs_end();
  err.close_childs_end();
  ChildEnd end;
  const auto began = SteadyClock::now();
  std::optional<SteadyClock::time_point> asked_to_end;
  std::optional<SteadyClock::time_point> deadline;
  if (wish.time_limit) deadline = began + *wish.time_limit;
  bool is_hurried = false;
  while (!has_ended(child)) {
    wait_for_output(out, err);
    const auto now = SteadyClock::now();
    if (!is_hurried && wish.hurry != nullptr && wish.hurry->raised()) {
      is_hurried = true;
      deadline = std::min(deadline.value_or(now + wish.hurried_limit), now + wish.hurried_limit);
    }
    if (asked_to_end) {
      if (now - *asked_to_end > wish.patience) ::kill(-child, SIGKILL);
      if (now - *asked_to_end > 2 * wish.patience) {
        end.hangs = true;
        end.exit_code = 128 + SIGKILL;
        end.out = out.text();
        end.err = err.text();
        return end;
      }
    } else if (wish.stop != nullptr && wish.stop->raised()) {
      end.why = ChildEnd::Why::stopped;
    } else if (deadline && now > *deadline) {
      end.why = ChildEnd::Why::time_over;
    }
    if (!asked_to_end && end.why != ChildEnd::Why::by_itself) {
      ::kill(-child, SIGTERM);
      asked_to_end = now;
    }
  }
  // What it left behind: nothing of a child that was made to end goes on.
  if (end.why != ChildEnd::Why::by_itself) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  out.read();
  err.read();
  end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  end.out = out.text();
  end.err = err.text();
  return end;
}

std::string last_line_of(const std::string& text) {
  const std::size_t end = text.find_last_not_of("\r\n\t ");
  if (end == std::string::npos) return {};
  const std::size_t before = text.find_last_of("\r\n", end);
  std::string line = text.substr(before == std::string::npos ? 0 : before + 1,
                                 end - (before == std::string::npos ? 0 : before + 1) + 1);
  std::erase_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return line;
}

}  // namespace ebb
