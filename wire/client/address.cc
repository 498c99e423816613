// SPDX-License-Identifier: Apache-2.0
#include "wire/client/address.h"

#include <charconv>

#include "wire/control/ticket.h"

namespace ebb {

namespace {

constexpr std::string_view unix_scheme = "unix:";
constexpr std::string_view ebb_scheme = "ebb://";

Error no_address(std::string_view text) {
  return Error::invalid(
      "\"{}\" is no address of a repository: there are unix:SOCKET:NAME and "
      "ebb://HOST[:PORT]/NAME, with names of a-z 0-9 . _ -",
      text);
}

Result<std::uint16_t> port_of(std::string_view digits, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) {
    return fail(no_address(text));
  }
  return port;
}

}  // namespace

bool names_an_agent(std::string_view text) {
  return text.starts_with(unix_scheme) || text.starts_with(ebb_scheme);
}

Result<RemoteAddress> parse_address(std::string_view text) {
  RemoteAddress address;
  if (text.starts_with(unix_scheme)) {
    const std::string_view rest = text.substr(unix_scheme.size());
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) return fail(no_address(text));
    address.socket = rest.substr(0, colon);
    address.repository = rest.substr(colon + 1);
    if (address.socket.empty() || !is_repository_name(address.repository)) {
      return fail(no_address(text));
    }
    return address;
  }
  if (!text.starts_with(ebb_scheme)) return fail(no_address(text));
  const std::string_view rest = text.substr(ebb_scheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return fail(no_address(text));
  std::string_view authority = rest.substr(0, slash);
  address.repository = rest.substr(slash + 1);
  // An address of version 6 stands in brackets, for it has colons of its own.
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    address.port = TRY(port_of(authority.substr(colon + 1), text));
    authority = authority.substr(0, colon);
  }
  address.host = authority;
  if (address.host.empty() || !is_repository_name(address.repository)) {
    return fail(no_address(text));
  }
  return address;
}

std::string RemoteAddress::text() const {
  if (!socket.empty()) return fmt::format("unix:{}:{}", socket, repository);
  return fmt::format("ebb://{}:{}/{}", host, port, repository);
}

}  // namespace ebb
