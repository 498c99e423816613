// SPDX-License-Identifier: Apache-2.0
#include "wire/control/protocol.h"

#include <algorithm>

namespace ebb::control {

Result<std::uint32_t> agree_on_protocol(std::uint32_t peers_oldest, std::uint32_t peers_newest,
                                        std::string_view peer) {
  const std::uint32_t newest = std::min(peers_newest, newest_protocol);
  if (peers_oldest <= newest && oldest_protocol <= newest) return newest;
  const bool peer_is_older = peers_newest < oldest_protocol;
  return fail(
      Error::mismatch("the manager speaks control protocol {} to {}, and {} speaks {} to {}: {} is "
                      "the older, upgrade it",
                      oldest_protocol, newest_protocol, peer, peers_oldest, peers_newest,
                      peer_is_older ? peer : std::string_view("the manager")));
}

}  // namespace ebb::control
