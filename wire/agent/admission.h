// SPDX-License-Identifier: Apache-2.0
// admission.h - who is at the other end, and what that lets it do.
//
// Over a unix socket the kernel says who is there; over TLS a certificate does, and a ticket says
// what its holder may do. Revoked holders are refused whatever they show.
#pragma once

#include <functional>
#include <set>

#include "devmap/core/clock.h"
#include "wire/agent/permission.h"

namespace ebb {

// By whatever its connection proves.
struct Peer {
  std::string name;                // For messages and the log.
  bool is_local = false;           // Over a unix socket, as root or as the agent's own user.
  std::optional<HolderId> holder;  // Of a certificate.
};

class Admission {
 public:
  virtual ~Admission() = default;
  // Denied in words.
  virtual Result<Permission> admit(const Peer& peer, const std::string& repository,
                                   Bytes ticket) const = 0;
  // Whether a connection that was admitted may stay; `until` is when the first of its permissions
  // ends. Denied in words.
  virtual Result<void> may_stay(const Peer& peer, std::optional<WallTime> until) const = 0;
};

// Everything for local peers, nothing for others.
class LocalAdmission final : public Admission {
 public:
  Result<Permission> admit(const Peer& peer, const std::string& repository,
                           Bytes ticket) const override;
  Result<void> may_stay(const Peer&, std::optional<WallTime>) const override { return {}; }
};

// Besides, what tickets of a manager say.
class TicketAdmission final : public Admission {
 public:
  // `storage` is the agent's own holder id. The clock outlives this.
  TicketAdmission(TicketVerifyKey manager, HolderId storage, const Clock& clock)
      : manager_(manager), storage_(storage), clock_(clock) {}
  Result<Permission> admit(const Peer& peer, const std::string& repository,
                           Bytes ticket) const override;
  Result<void> may_stay(const Peer& peer, std::optional<WallTime> until) const override;
  void revoke(const HolderId& holder) { revoked_.insert(holder); }

 private:
  TicketVerifyKey manager_;
  HolderId storage_;
  const Clock& clock_;
  LocalAdmission local_;
  std::set<HolderId> revoked_;
};

}  // namespace ebb
