// SPDX-License-Identifier: Apache-2.0
// address.h - how a repository at a storage agent is named.
//
//   unix:/run/ebb/storage.sock:web1      a unix socket of this machine, and the repository's name
//   ebb://backup.example:7442/web1       a host, a port (7442 when not given), and the name
//
// Anything else is a folder of this machine.
#pragma once

#include <string>
#include <string_view>

#include "devmap/core/result.h"

namespace ebb {

inline constexpr std::uint16_t storage_port = 7442;

struct RemoteAddress {
  std::string socket;  // Of a unix socket; empty for a host.
  std::string host;
  std::uint16_t port = storage_port;
  std::string repository;

  std::string text() const;
  bool operator==(const RemoteAddress&) const = default;
};

// Whether it is meant as an address, right or wrong.
bool names_an_agent(std::string_view text);
// Invalid when it is not as above.
Result<RemoteAddress> parse_address(std::string_view text);

}  // namespace ebb
