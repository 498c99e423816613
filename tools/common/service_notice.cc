// SPDX-License-Identifier: Apache-2.0
#include "tools/common/service_notice.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "devmap/core/unique_fd.h"

namespace ebb {

void tell_service_manager(const Outside& outside, std::string_view state) {
  const std::string path = outside.environment("NOTIFY_SOCKET").value_or("");
  sockaddr_un address{};
  const bool is_path = path.starts_with('/');
  // '@' stands for the zero byte that an abstract name begins with.
  if ((!is_path && !path.starts_with('@')) || path.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (!is_path) address.sun_path[0] = '\0';
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_path ? 1 : 0));
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return;
  static_cast<void>(::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length));
}

}  // namespace ebb
