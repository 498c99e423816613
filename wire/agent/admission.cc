// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/admission.h"

namespace ebb {

Result<Permission> LocalAdmission::admit(const Peer& peer, const std::string&, Bytes) const {
  if (!peer.is_local) {
    return fail(Error::denied("{} is neither root nor the user that the agent runs as", peer.name));
  }
  return Permission{peer.name,
                    {Verb::add, Verb::read, Verb::keys, Verb::administer, Verb::scrub},
                    std::nullopt,
                    std::nullopt,
                    std::nullopt};
}

Result<Permission> TicketAdmission::admit(const Peer& peer, const std::string& repository,
                                          Bytes ticket) const {
  if (peer.is_local) return local_.admit(peer, repository, ticket);
  if (!peer.holder) return fail(Error::denied("{} showed no certificate", peer.name));
  TRY(may_stay(peer, std::nullopt));
  const Ticket opened = TRY(open_ticket(ticket, manager_));
  TRY(check_ticket(opened, *peer.holder, repository, storage_, clock_.wall()));
  Permission permission{peer.name, opened.verbs,     std::nullopt,
                        opened.id, opened.not_after, opened.bytes_per_second};
  if (!opened.all_volumes) {
    permission.volumes.emplace();
    for (const TicketVolume& volume : opened.volumes) permission.volumes->insert(VolumeId{volume});
  }
  return permission;
}

Result<void> TicketAdmission::may_stay(const Peer& peer, std::optional<WallTime> until) const {
  if (peer.holder && revoked_.contains(*peer.holder)) {
    return fail(Error::denied("{} was revoked; enroll it anew with a new token", peer.name));
  }
  if (until && has_expired(*until, clock_.wall())) {
    return fail(Error::denied("the ticket of {} expired at {}", peer.name, until->text()));
  }
  return {};
}

}  // namespace ebb
