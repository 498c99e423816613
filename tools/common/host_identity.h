// SPDX-License-Identifier: Apache-2.0
// host_identity.h - what this host has of its enrolment, for reaching storage agents.
//
// Tickets are kept in the state folder and used until shortly before they end, so backups go on
// while the manager is down. A ticket names volumes; when a run needs one that the kept ticket does
// not name, the manager is asked for a new one.
#pragma once

#include <map>
#include <mutex>

#include "wire/client/credentials.h"
#include "wire/control/client/control_client.h"

namespace ebb {

inline constexpr const char* default_state_folder = "/var/lib/ebb";

class HostIdentity {
 public:
  // `absent`, saying how to enroll, when this host has none. The clock outlives it. `policy`: what
  // its runs are under; empty: by hand.
  static Result<std::shared_ptr<HostIdentity>> read(const std::string& state_folder,
                                                    const Clock& clock, const char* program,
                                                    const std::string& policy = {});

  // What is shown to storage agents; holds this.
  static Result<std::shared_ptr<const Credentials>> credentials(
      const std::shared_ptr<HostIdentity>& identity);
  const control::Identity& identity() const { return identity_; }
  // A new ticket for the volumes that the kept one names, and says where the storage agent is. Not
  // beside a run of this host, whose claims it might not know.
  Result<control::IssuedTicket> renew(const std::string& repository,
                                      control::ControlClient& manager) const;

 private:
  struct Claim {
    std::string label;
    std::string policy;
  };
  using Claims = std::map<TicketVolume, Claim>;

  HostIdentity(std::string folder, control::Identity identity, const Clock& clock,
               const char* program, std::string policy)
      : folder_(std::move(folder)),
        identity_(std::move(identity)),
        clock_(clock),
        program_(program),
        policy_(std::move(policy)) {}
  Result<ByteVector> ticket(const RemoteAddress& address);
  std::optional<control::IssuedTicket> kept(const std::string& repository) const;
  Claims kept_claims(const std::string& repository) const;
  Claims claims_for(const std::string& repository) const;
  void keep(const std::string& repository, const control::IssuedTicket& issued,
            const Claims& claims) const;
  bool will_do(const Ticket& ticket, std::int64_t seconds_left) const;
  bool is_under_its_policy(const std::string& repository) const;
  std::string file_of(const std::string& repository) const;
  std::string claims_file_of(const std::string& repository) const;

  std::string folder_;
  control::Identity identity_;
  const Clock& clock_;
  const char* program_;
  std::string policy_;
  Claims claims_;  // What runs of this process write.
};

}  // namespace ebb
