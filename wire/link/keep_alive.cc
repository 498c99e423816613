// SPDX-License-Identifier: Apache-2.0
#include "wire/link/keep_alive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace ebb {

namespace {

constexpr int unanswered_milliseconds = 30'000;  // While something is on its way.
constexpr int quiet_seconds = 15;                // With nothing on its way: then it is asked,
constexpr int ask_seconds = 5;                   // so often,
constexpr int ask_times = 3;                     // and so many times.

}  // namespace

void end_when_unanswered(kj::AsyncIoStream& tcp) {
  const auto set = [&](int level, int option, int value) {
    tcp.setsockopt(level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, quiet_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, ask_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, ask_times);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, unanswered_milliseconds);
}

}  // namespace ebb
