// SPDX-License-Identifier: Apache-2.0
// control_client.h - a host's session with its manager: orders, tickets, reports.
//
// Values in, values out; every call may be repeated. `lost` means that the manager is not there: go
// on with the tickets and orders that are kept, and connect again later. `denied` is for good.
// Blocks, with an event loop of its own: a thread that has one already must not call it.
#pragma once

#include <memory>
#include <vector>

#include "wire/control/client/identity.h"
#include "wire/control/protocol.h"

namespace ebb::control {

using WireVolumeId = Name<16, struct WireVolumeTag>;
using WirePointId = Name<32, struct WirePointTag>;
using WireRepositoryId = Name<16, struct WireRepositoryTag>;
using WireJobId = Name<16, struct WireJobTag>;

struct VolumeToClaim {
  WireVolumeId volume;
  std::string label;
  std::string policy;  // Empty: by hand.
};

struct IssuedTicket {
  ByteVector bytes;  // To be shown to the storage agent as it is.
  Ticket ticket;     // What it says; its signature was verified.
  std::string address;
};

struct PolicyOrder {
  std::string name;
  std::string repository;
  std::vector<std::string> volumes;  // Globs of paths, "serial=S", "vg=NAME".
  std::uint64_t every_seconds = 0;
  std::uint64_t bytes_per_second = 0;  // 0: no bound.
  std::uint16_t window_begin = 0;      // Minutes after local midnight; both 0: always.
  std::uint16_t window_end = 0;
  std::string before;
  std::string after;
  // Of `ebb backup` (backup_setting.h); to be checked by who runs it.
  std::vector<std::string> settings;
  bool operator==(const PolicyOrder&) const = default;
};

struct RunOrder {
  std::uint64_t number = 0;
  std::string policy;
};

struct SourceOrders {
  std::vector<PolicyOrder> policies;
  std::vector<RunOrder> runs;
};

struct KeepOrder {
  WireVolumeId volume;
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
};

struct StoredRepository {
  std::string name;
  std::vector<KeepOrder> keep;   // Of all volumes for which there is a rule.
  bool has_more = false;         // Before the client has asked for the rest.
  std::uint64_t listing = 0;     // Of its points, the newest that the manager has; 0: none.
  std::optional<ToldMark> told;  // Of what was told last.
};

// Up to where revocations were heard: the number of the last one, and whose it was.
struct HeardRevocations {
  std::uint64_t number = 0;
  std::optional<HolderId> last;
  WallTime at;
  bool operator==(const HeardRevocations&) const = default;
};

struct StorageOrders {
  std::vector<StoredRepository> repositories;
  std::vector<HolderId> revoked;  // That were not heard before; or all, after another database.
  HeardRevocations heard;         // What to say next time.
  bool rules_are_old = false;     // What was to be kept before still holds.
};

struct PointToTell {
  WirePointId point;
  WireVolumeId volume;
  std::uint64_t sequence = 0;
  WallTime created;
  WallTime arrived;
  std::uint64_t device_bytes = 0;
  std::uint64_t stored_bytes = 0;
};

struct ManagerCopy {
  ByteVector bytes;
  CopyDigest digest;
};
CopyDigest digest_of_copy(Bytes copy);

enum class Outcome { running, done, incomplete, failed };

struct JobToReport {
  WireJobId id;
  std::string kind;
  std::string policy;
  std::uint64_t run = 0;  // The request it answers; 0: none.
  std::string repository;
  std::optional<WireVolumeId> volume;
  std::string label;
  WallTime started;
  std::optional<WallTime> ended;
  Outcome outcome = Outcome::running;
  std::string message;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_stored = 0;
  std::optional<WirePointId> point;
};

struct KnownRepository {
  std::string name;
  std::string storage;
  std::optional<HolderId> holder;
  std::string address;
};

class ControlClient {
 public:
  // Connects and says hello. `program` is for people: "ebb-agent 0.1.0".
  static Result<std::unique_ptr<ControlClient>> connect(const Identity& identity,
                                                        const std::string& program);
  virtual ~ControlClient() = default;

  // PEM, for replace_certificate().
  virtual Result<std::string> renew_certificate() = 0;
  virtual Result<void> report_jobs(const std::vector<JobToReport>& jobs) = 0;

  // Sources name their volumes; operators' tickets are for all of them, and name none.
  virtual Result<IssuedTicket> ticket(const std::string& repository, Verbs verbs,
                                      const std::vector<VolumeToClaim>& volumes) = 0;
  virtual Result<SourceOrders> poll_source() = 0;
  virtual Result<StorageOrders> poll_storage(const std::string& own_address,
                                             const HeardRevocations& heard) = 0;
  // All points of a repository, in as many messages as it takes; returns the listing's number.
  virtual Result<std::uint64_t> tell_points(const std::string& repository,
                                            const WireRepositoryId& id,
                                            const std::vector<PointToTell>& points,
                                            const ToldMark& mark) = 0;
  // Points that came since that listing.
  virtual Result<void> tell_more_points(std::uint64_t listing,
                                        const std::vector<PointToTell>& points,
                                        const ToldMark& mark) = 0;
  // The manager's state, sealed, as storage agents keep it; nothing when `have` is the newest.
  virtual Result<std::optional<ManagerCopy>> newer_copy(const std::optional<CopyDigest>& have) = 0;
  virtual Result<std::vector<KnownRepository>> repositories() = 0;
};

}  // namespace ebb::control
