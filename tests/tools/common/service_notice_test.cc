// SPDX-License-Identifier: Apache-2.0
#include "tools/common/service_notice.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <sstream>

#include "devmap/core/unique_fd.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

// What arrives at a socket of this name, "@..." for an abstract one; "" when nothing does.
std::string heard_at(const std::string& name, const std::string& told) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  if (name[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd listener(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() +
                                           (name[0] == '@' ? 0 : 1));
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  std::ostringstream out;
  StopFlag stop;
  const Outside outside{out,
                        out,
                        false,
                        system_clock(),
                        system_random(),
                        stop,
                        [&](const std::string& variable) -> std::optional<std::string> {
                          return variable == "NOTIFY_SOCKET" ? std::optional(told) : std::nullopt;
                        },
                        nullptr};
  tell_service_manager(outside, service_is_ready);
  std::array<char, 64> room;
  const ssize_t n = ::recv(listener.get(), room.data(), room.size(), 0);
  return n < 0 ? "" : std::string(room.data(), static_cast<std::size_t>(n));
}

TEST(ServiceNotice, ArrivesAtTheSocketThatTheEnvironmentNames) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(heard_at(folder / "notify", folder / "notify"), "READY=1");
  const std::string abstract = "@" + folder / "abstract";
  EXPECT_EQ(heard_at(abstract, abstract), "READY=1");
}

TEST(ServiceNotice, IsNotSentWhereNobodyListens) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(heard_at(folder / "a", ""), "");
  EXPECT_EQ(heard_at(folder / "b", folder / "nobody"), "");
  EXPECT_EQ(heard_at(folder / "c", "relative"), "");
  EXPECT_EQ(heard_at(folder / "d", "/" + std::string(300, 'x')), "");
}

}  // namespace
}  // namespace ebb
