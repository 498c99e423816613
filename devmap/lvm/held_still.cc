// SPDX-License-Identifier: Apache-2.0
#include "devmap/lvm/held_still.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "devmap/mapper_call.h"

namespace ebb {

namespace {

// What the keeper says, in one byte each.
constexpr char held = 'h';
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
  int leash;
  int out;
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
  bool is_let_loose() const {
    pollfd closed{leash, POLLIN, 0};
    return ::poll(&closed, 1, 0) != 0;
  }
  void resume_all() {
    for (MapperCall& call : resumes) ask(control, call);
  }
  bool suspend_all() {
    for (MapperCall& call : suspends) {
      if (time_is_over() || is_let_loose() || !ask(control, call)) return false;
    }
    return !time_is_over();
  }
  // Whether that was in time.
  bool wait_until_let_loose() const {
    while (true) {
      const std::int64_t left = end - milliseconds_now();
      if (left <= 0) return false;
      pollfd closed{leash, POLLIN, 0};
      const int n = ::poll(&closed, 1, static_cast<int>(left));
      if (n >= 0) return n > 0;
    }
  }
  bool say(char what) const { return ::write(out, &what, 1) == 1; }

  [[noreturn]] void live() {
    ::setsid();  // What is sent to all of us is not for it.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(number, SIG_IGN);
    ::mlockall(MCL_CURRENT);
    const bool well = suspend_all() && say(held) && wait_until_let_loose();
    resume_all();
    if (well) say(was_held_until_now);
    ::_exit(0);
  }
};

}  // namespace

Result<std::unique_ptr<HeldStill>> HeldStill::hold(const std::vector<dev_t>& devices,
                                                   std::chrono::milliseconds longest,
                                                   FileSystems mounted) {
  const UniqueFd control(::open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control.is_open()) {
    return fail(Error::from_errno(errno).during("opening /dev/mapper/control"));
  }
  std::array<int, 2> leash{};
  std::array<int, 2> says{};
  if (::pipe2(leash.data(), O_CLOEXEC) != 0) return fail(Error::from_errno(errno));
  UniqueFd our_leash(leash[1]);
  const UniqueFd its_leash(leash[0]);
  if (::pipe2(says.data(), O_CLOEXEC) != 0) return fail(Error::from_errno(errno));
  UniqueFd its_word(says[1]);
  std::unique_ptr<HeldStill> all(new HeldStill(0, std::move(our_leash), UniqueFd(says[0])));
  Keeper keeper{
      control.get(), its_leash.get(), its_word.get(), milliseconds_now() + longest.count(), {}, {}};
  const std::uint32_t flags =
      DM_SUSPEND_FLAG | (mounted == FileSystems::waiting ? DM_SKIP_LOCKFS_FLAG : 0);
  for (const dev_t device : devices) {
    keeper.suspends.emplace_back(device, flags, sizeof(dm_ioctl));
    keeper.resumes.emplace_back(device, 0, sizeof(dm_ioctl));
  }
  const pid_t process = ::fork();
  if (process < 0) return fail(Error::from_errno(errno).during("starting a process"));
  if (process == 0) {
    ::close(all->leash_.get());
    keeper.live();
  }
  all->keeper_ = process;
  its_word.reset();
  if (all->hears(held)) return all;
  return fail(
      Error::busy("the volumes could not be held still together within {} ms; what writes "
                  "to them is let go again",
                  longest.count()));
}

bool HeldStill::hears(char wanted) {
  char said = 0;
  ssize_t n = 0;
  while ((n = ::read(says_.get(), &said, 1)) < 0 && errno == EINTR) {
  }
  return n == 1 && said == wanted;
}

bool HeldStill::end() {
  if (keeper_ == 0) return false;
  leash_.reset();
  const bool well = hears(was_held_until_now);
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
