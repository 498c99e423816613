// SPDX-License-Identifier: Apache-2.0
#include "tools/common/host_identity.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tools/common/private_file.h"

namespace ebb {

namespace {

constexpr std::int64_t nanoseconds = 1'000'000'000;
// A new ticket is asked for when the kept one has less than this left, if the manager is there.
constexpr std::int64_t renew_when_left = 2 * 3600;

Verbs verbs_of(control::Role role) {
  return role == control::Role::operator_ ? Verbs{Verb::read, Verb::keys, Verb::administer}
                                          : Verbs{Verb::add, Verb::read, Verb::keys};
}

}  // namespace

Result<std::shared_ptr<HostIdentity>> HostIdentity::read(const std::string& state_folder,
                                                         const Clock& clock, const char* program,
                                                         const std::string& policy) {
  auto identity = TRY(control::read_identity(state_folder));
  return std::shared_ptr<HostIdentity>(
      new HostIdentity(state_folder, std::move(identity), clock, program, policy));
}

Result<std::shared_ptr<const Credentials>> HostIdentity::credentials(
    const std::shared_ptr<HostIdentity>& identity) {
  PrivateKey key = TRY(PrivateKey::of_pem(identity->identity_.key.pem().reveal()));
  return std::make_shared<const Credentials>(
      Credentials{std::move(key), identity->identity_.certificate, identity->identity_.authority,
                  [identity](const RemoteAddress& address) { return identity->ticket(address); },
                  [identity](const TicketVolume& volume, const std::string& label) {
                    const Claim claim{label, identity->policy_};
                    return identity->claims_.insert_or_assign(volume, claim).second;
                  }});
}

std::string HostIdentity::file_of(const std::string& repository) const {
  return folder_ + "/tickets/" + repository;
}

std::string HostIdentity::claims_file_of(const std::string& repository) const {
  return folder_ + "/claims/" + repository;
}

// What was last claimed of each volume. A file that is missing or wrong is an empty one.
HostIdentity::Claims HostIdentity::kept_claims(const std::string& repository) const {
  Claims claims;
  const auto json =
      nlohmann::json::parse(read_privately(claims_file_of(repository)), nullptr, false);
  if (!json.is_object()) return claims;
  for (const auto& [key, value] : json.items()) {
    const auto volume = control::WireVolumeId::from_hex_text(key);
    if (!volume || !value.is_array() || value.size() != 2 || !value[0].is_string() ||
        !value[1].is_string()) {
      continue;
    }
    claims[volume->bytes] = {value[0].get<std::string>(), value[1].get<std::string>()};
  }
  return claims;
}

// What the next ticket is asked for: what the kept one names, as it was claimed then, so that two
// runs do not take turns at claiming; over that what this process writes. A run by hand does not
// take a volume out of its policy.
HostIdentity::Claims HostIdentity::claims_for(const std::string& repository) const {
  Claims claims;
  if (identity_.role == control::Role::operator_) return claims;
  Claims before = kept_claims(repository);
  if (const auto ticket = kept(repository)) {
    for (const TicketVolume& volume : ticket->ticket.volumes) {
      if (claims.size() + claims_.size() < max_ticket_volumes) claims[volume] = before[volume];
    }
  }
  for (const auto& [volume, claim] : claims_) {
    const std::string policy = claim.policy.empty() ? before[volume].policy : claim.policy;
    claims[volume] = {claim.label, policy};
  }
  return claims;
}

// Kept for when the manager is down; a run goes on without that, too.
void HostIdentity::keep(const std::string& repository, const control::IssuedTicket& issued,
                        const Claims& claims) const {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [volume, claim] : claims) {
    json[control::WireVolumeId{volume}.hex()] = {claim.label, claim.policy};
  }
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::error_code error;
  std::filesystem::create_directories(folder_ + "/tickets", error);
  std::filesystem::create_directories(folder_ + "/claims", error);
  static_cast<void>(write_privately(claims_file_of(repository), bytes_of(text)));
  static_cast<void>(write_privately(file_of(repository), issued.bytes));
}

// Whether the kept ticket was asked for under the policies that this process's runs are under.
bool HostIdentity::is_under_its_policy(const std::string& repository) const {
  Claims before = kept_claims(repository);
  return std::ranges::all_of(claims_, [&](const auto& claim) {
    return claim.second.policy.empty() || claim.second.policy == before[claim.first].policy;
  });
}

// Whether it names all that this process writes and has so long to go.
bool HostIdentity::will_do(const Ticket& ticket, std::int64_t seconds_left) const {
  if (ticket.holder != identity_.holder()) return false;
  if (ticket.not_after.nanoseconds - clock_.wall().nanoseconds < seconds_left * nanoseconds) {
    return false;
  }
  return ticket.all_volumes || std::ranges::all_of(claims_, [&](const auto& claim) {
           return std::ranges::find(ticket.volumes, claim.first) != ticket.volumes.end();
         });
}

std::optional<control::IssuedTicket> HostIdentity::kept(const std::string& repository) const {
  const std::string text = read_privately(file_of(repository));
  control::IssuedTicket issued;
  issued.bytes = copy_of(bytes_of(text));
  auto ticket = open_ticket(issued.bytes, identity_.ticket_key);
  if (!ticket) return std::nullopt;
  issued.ticket = std::move(*ticket);
  return issued;
}

Result<ByteVector> HostIdentity::ticket(const RemoteAddress& address) {
  const auto before = kept(address.repository);
  if (before && will_do(before->ticket, renew_when_left) &&
      is_under_its_policy(address.repository)) {
    return before->bytes;
  }
  // In a thread of its own, which has an event loop of its own: this one has one already.
  Result<control::IssuedTicket> asked = fail(Error::lost("not asked"));
  std::thread([&] {
    auto manager = control::ControlClient::connect(identity_, program_);
    asked = manager ? renew(address.repository, **manager) : fail(manager.error());
  }).join();
  if (asked) return asked->bytes;
  if (before && will_do(before->ticket, 0)) return before->bytes;
  return fail(asked.error().during("asking the manager {} for a ticket", identity_.manager.text()));
}

Result<control::IssuedTicket> HostIdentity::renew(const std::string& repository,
                                                  control::ControlClient& manager) const {
  const Claims claims = claims_for(repository);
  std::vector<control::VolumeToClaim> volumes;
  for (const auto& [volume, claim] : claims) {
    volumes.push_back({control::WireVolumeId{volume}, claim.label, claim.policy});
  }
  auto issued = TRY(manager.ticket(repository, verbs_of(identity_.role), volumes));
  keep(repository, issued, claims);
  return issued;
}

}  // namespace ebb
