// SPDX-License-Identifier: Apache-2.0
// storage_service.h - a storage agent with everything it stands on, for programs, which need know
// nothing of RPC.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "devmap/core/clock.h"
#include "devmap/core/interrupt.h"
#include "devmap/core/random.h"
#include "engine/flow/chore.h"
#include "wire/agent/storage_bounds.h"
#include "wire/control/ticket.h"
#include "wire/link/private_key.h"

namespace ebb {

// What lets an agent be reached from other machines.
struct SecureListening {
  std::string address;  // "0.0.0.0:7442", "[::]:7442", "127.0.0.1:0"
  PrivateKey key;
  std::string certificate;  // PEM
  std::string authority;    // PEM; of both sides' certificates.
  TicketVerifyKey manager;  // Whose tickets count.
};

// What became of a chore.
struct ChoreNews {
  std::string repository;
  std::array<std::byte, 16> id;
  const Chore& chore;
  std::string by;
  WallTime began;
  std::optional<WallTime> ended;      // Nothing: it has just begun.
  const Result<ChoreReport>* result;  // Once it has ended.
};

class StorageService {
 public:
  struct Wishes {
    std::vector<std::pair<std::string, std::string>> repositories;  // Names and folders.
    std::string socket;                                             // Empty: none.
    std::optional<SecureListening> secure;                          // Nothing: this machine only.
    std::set<HolderId> revoked;                                     // From the beginning.
    StorageBounds bounds;
    unsigned threads = 0;  // Workers; 0: one for each processor.
    // Told, on the thread of run(), when a chore begins and when it has ended.
    std::function<void(const ChoreNews&)> chored = {};
  };
  // Listens when it returns. `log` takes a line for each event that a person should know of.
  static Result<std::unique_ptr<StorageService>> make(
      Wishes wishes, const Clock& clock, Random& random,
      std::function<void(std::string_view line)> log);
  ~StorageService();
  StorageService(const StorageService&) = delete;
  StorageService& operator=(const StorageService&) = delete;

  // Of the secure address; 0 when there is none.
  std::uint16_t port() const;
  // From any thread: this holder is refused from now on, and its connections end within a second.
  void revoke(const HolderId& holder);
  // From any thread: this one (PEM), of the same key, is shown from now on.
  void show_certificate(std::string certificate);
  // What a catalog says of a point that is here.
  struct StoredPoint {
    std::array<std::byte, 32> point;
    std::array<std::byte, 16> volume;
    std::uint64_t sequence = 0;
    WallTime created;
    WallTime arrived;
    ByteCount device;
    ByteCount stored;
  };
  // How much somebody was told of a repository's points.
  struct ToldPoints {
    std::uint64_t removals = 0;
    std::size_t points = 0;
    bool operator==(const ToldPoints&) const = default;
  };
  struct PointNews {
    std::array<std::byte, 16> repository_id;
    bool is_all = false;  // Else what came after what was told.
    std::vector<StoredPoint> points;
    ToldPoints told;  // With these.
  };
  // From any thread: what whoever was told so much, or nothing, is to be told of a repository's
  // points; nothing when there is nothing new.
  std::optional<PointNews> point_news(const std::string& repository,
                                      const std::optional<ToldPoints>& told) const;
  // That were made before this agent was started, or have got points since.
  std::vector<std::string> repositories() const;
  // On the thread of run(), from `tick`. Busy while another chore is done in the repository.
  Result<void> begin_chore(const std::string& repository, const Chore& chore,
                           const std::string& by);
  // Whether there is such a repository, and no chore is done in it now.
  bool takes_chores(const std::string& repository) const;
  // Serves until `stop` is raised; then ends every run and chore, and publishes what arrived.
  // `tick` is called many times a second meanwhile, and must not wait.
  Result<void> run(const StopFlag& stop, const std::function<void()>& tick = {});

 private:
  struct State;
  explicit StorageService(std::unique_ptr<State> state);
  static Result<void> listen_securely(State& state);
  std::unique_ptr<State> state_;
};

}  // namespace ebb
