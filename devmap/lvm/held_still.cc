// SPDX-License-Identifier: Apache-2.0
#include "devmap/lvm/held_still.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "devmap/mapper_call.h"

namespace ebb {

namespace {

// What the keeper says, and what is said to it, in one byte each.
constexpr char held = 'h';
constexpr char let_go_now = 'g';
constexpr char was_held_until_now = 'w';

std::int64_t milliseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// Everything that the keeper needs, made before it is born: it is forked from a process with
// threads, so it may not allocate, and it should touch no page that has to be fetched from a device
// that it holds.
struct Keeper {
  int control;
  int line;
  std::int64_t end;  // By milliseconds_now().
  std::vector<MapperCall> suspends;
  std::vector<MapperCall> resumes;

  // The kernel writes its answer over the request.
  static bool ask(int control, MapperCall& call) {
    dm_ioctl& head = call.head();
    const std::uint32_t flags = head.flags;
    while (::ioctl(control, DM_DEV_SUSPEND, &head) != 0) {
      if (errno != EINTR) return false;
      head.flags = flags;
    }
    return true;
  }
  bool time_is_over() const { return milliseconds_now() >= end; }
  bool is_alone() const {
    pollfd line_fd{line, POLLIN, 0};
    return ::poll(&line_fd, 1, 0) != 0;
  }
  void resume_all() {
    for (MapperCall& call : resumes) ask(control, call);
  }
  bool suspend_all() {
    for (MapperCall& call : suspends) {
      if (time_is_over() || is_alone() || !ask(control, call)) return false;
    }
    return !time_is_over();
  }
  // Told in time, by somebody who lives.
  bool wait() const {
    while (true) {
      const std::int64_t left = end - milliseconds_now();
      if (left <= 0) return false;
      pollfd line_fd{line, POLLIN, 0};
      const int n = ::poll(&line_fd, 1, static_cast<int>(left));
      if (n == 0) return false;
      if (n < 0) continue;
      char said = 0;
      return ::read(line, &said, 1) == 1 && said == let_go_now;
    }
  }
  bool say(char what) const { return ::send(line, &what, 1, MSG_NOSIGNAL) == 1; }

  [[noreturn]] void live() {
    ::setsid();  // What is sent to all of us is not for it.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(number, SIG_IGN);
    ::mlockall(MCL_CURRENT);
    const bool well = suspend_all() && say(held) && wait();
    resume_all();
    if (well) say(was_held_until_now);
    ::_exit(0);
  }
};

}  // namespace

Result<std::unique_ptr<HeldStill>> HeldStill::hold(const std::vector<dev_t>& devices,
                                                   std::chrono::milliseconds longest) {
  const UniqueFd control(::open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control.is_open()) {
    return fail(Error::from_errno(errno).during("opening /dev/mapper/control"));
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Error::from_errno(errno));
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  Keeper keeper{control.get(), theirs.get(), milliseconds_now() + longest.count(), {}, {}};
  for (const dev_t device : devices) {
    keeper.suspends.emplace_back(device, DM_SUSPEND_FLAG, sizeof(dm_ioctl));
    keeper.resumes.emplace_back(device, 0, sizeof(dm_ioctl));
  }
  const pid_t process = ::fork();
  if (process < 0) return fail(Error::from_errno(errno).during("starting a process"));
  if (process == 0) {
    ::close(ours.get());
    keeper.live();
  }
  theirs.reset();
  std::unique_ptr<HeldStill> all(new HeldStill(process, std::move(ours)));
  char said = 0;
  ssize_t n = 0;
  while ((n = ::read(all->line_.get(), &said, 1)) < 0 && errno == EINTR) {
  }
  if (n == 1 && said == held) return all;
  return fail(
      Error::busy("the volumes could not be held still together within {} ms; what writes "
                  "to them is let go again",
                  longest.count()));
}

bool HeldStill::end() {
  if (keeper_ == 0) return false;
  char said = let_go_now;
  bool well = ::send(line_.get(), &said, 1, MSG_NOSIGNAL) == 1;
  ssize_t n = 0;
  while ((n = ::read(line_.get(), &said, 1)) < 0 && errno == EINTR) {
  }
  well = well && n == 1 && said == was_held_until_now;
  while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
  keeper_ = 0;
  return well;
}

Result<void> HeldStill::let_go() {
  if (end()) return {};
  return fail(
      Error::busy("holding the volumes still took too long, so they were let go before all "
                  "snapshots were there"));
}

HeldStill::~HeldStill() {
  end();
}

}  // namespace ebb
