// SPDX-License-Identifier: Apache-2.0
#include "tools/common/host_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "devmap/core/unique_fd.h"

namespace ebb {

namespace {

constexpr std::int64_t nanoseconds = 1'000'000'000;
// A new ticket is asked for when the kept one has less than this left, if the manager is there.
constexpr std::int64_t renew_when_left = 2 * 3600;

// A file that only this user reads, whole or not at all.
Result<void> write_privately(const std::string& path, Bytes bytes) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("writing {}", fresh));
  if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      ::fsync(fd.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return fail(Error::from_errno(errno).during("writing {}", path));
  }
  return {};
}

Verbs verbs_of(control::Role role) {
  return role == control::Role::operator_ ? Verbs{Verb::read, Verb::keys, Verb::administer}
                                          : Verbs{Verb::add, Verb::read, Verb::keys};
}

}  // namespace

Result<std::shared_ptr<HostIdentity>> HostIdentity::read(const std::string& state_folder,
                                                         const Clock& clock, const char* program) {
  auto identity = TRY(control::read_identity(state_folder));
  return std::shared_ptr<HostIdentity>(
      new HostIdentity(state_folder, std::move(identity), clock, program));
}

Result<std::shared_ptr<const Credentials>> HostIdentity::credentials(
    const std::shared_ptr<HostIdentity>& identity) {
  PrivateKey key = TRY(PrivateKey::of_pem(identity->identity_.key.pem().reveal()));
  return std::make_shared<const Credentials>(
      Credentials{std::move(key), identity->identity_.certificate, identity->identity_.authority,
                  [identity](const RemoteAddress& address) { return identity->ticket(address); },
                  [identity](const TicketVolume& volume, const std::string& label) {
                    return identity->claims_.insert_or_assign(volume, label).second;
                  }});
}

std::string HostIdentity::file_of(const std::string& repository) const {
  return folder_ + "/tickets/" + repository;
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
  std::ifstream file(file_of(repository), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  control::IssuedTicket issued;
  issued.bytes = copy_of(bytes_of(text));
  auto ticket = open_ticket(issued.bytes, identity_.ticket_key);
  if (!ticket) return std::nullopt;
  issued.ticket = std::move(*ticket);
  return issued;
}

Result<ByteVector> HostIdentity::ticket(const RemoteAddress& address) {
  const auto before = kept(address.repository);
  if (before && will_do(before->ticket, renew_when_left)) return before->bytes;
  auto asked = ask(address.repository);
  if (asked) {
    // Kept for when the manager is down; a run goes on without that, too.
    std::error_code error;
    std::filesystem::create_directories(folder_ + "/tickets", error);
    static_cast<void>(write_privately(file_of(address.repository), asked->bytes));
    return asked->bytes;
  }
  if (before && will_do(before->ticket, 0)) return before->bytes;
  return fail(asked.error().during("asking the manager {} for a ticket", identity_.manager.text()));
}

// In a thread of its own, which has an event loop of its own: this one has one already.
Result<control::IssuedTicket> HostIdentity::ask(const std::string& repository) {
  std::vector<control::VolumeToClaim> volumes;
  // What the kept ticket names stays named, so that two runs do not take turns at claiming.
  if (const auto before = kept(repository)) {
    for (const TicketVolume& volume : before->ticket.volumes) {
      if (!claims_.contains(volume) && volumes.size() < max_ticket_volumes) {
        volumes.push_back({control::WireVolumeId{volume}, "", ""});
      }
    }
  }
  for (const auto& [volume, label] : claims_) {
    volumes.push_back({control::WireVolumeId{volume}, label, ""});
  }
  if (identity_.role == control::Role::operator_) volumes.clear();
  Result<control::IssuedTicket> issued = fail(Error::lost("not asked"));
  std::thread([&] {
    auto manager = control::ControlClient::connect(identity_, program_);
    if (!manager) {
      issued = fail(manager.error());
    } else {
      issued = (*manager)->ticket(repository, verbs_of(identity_.role), volumes);
    }
  }).join();
  return issued;
}

}  // namespace ebb
