// SPDX-License-Identifier: Apache-2.0
// hosted_repository.h - one repository that a storage agent keeps, and the runs that write to it.
//
// The folder may still be empty: then its small objects can be written, and once it is a repository
// it is opened, for as long as the agent lives. Of each volume one run is open at a time. A run
// whose peer went away ends by itself: what arrived is published, so that nothing is sent twice.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "engine/file/free_room.h"
#include "engine/flow/local_sink.h"
#include "wire/agent/chores.h"
#include "wire/loop/turnstile.h"

namespace ebb {

// What everything that an agent hosts shares.
struct AgentWorld {
  RingInKj& kj;
  Workers& workers;
  Random& random;
  PackMemory& memory;
  Turnstile& runs;     // A place for each run that may be open at once.
  Turnstile& fetches;  // A place for each fetch that may be under way at once.
  Turnstile& chores;   // A place for each chore that may have memory at once.
  const Clock& clock;
  RoomToLeave room_to_leave;        // On the disk of each repository.
  std::array<std::byte, 16> start;  // New with each start of the agent.
  // A point came into the repository of this name; for whoever keeps a catalog.
  std::function<void(const std::string& repository, const SignedPoint& point)> committed;
  // A chore began in it, or, later, has ended.
  std::function<void(const std::string& repository, const ChoreRun& chore)> chored;
};

class HostedRepository;

// One run, from its beginning to the end of everything that it started.
struct OpenRun {
  RunStart start;
  std::unique_ptr<LocalSink> sink;
  std::unique_ptr<Turnstile::Place> place;
  std::uint64_t losses = 0;  // Of the repository's packs, when it began.
  unsigned under_way = 0;    // Calls that are being answered.
  bool closing = false;      // A flush or commit is being answered.
  bool committed = false;    // It may be gone on with, but holds up nobody.
  bool abandoned = false;    // Its peer has gone or began it anew: nothing more is taken.
  std::optional<Error>
      broken;  // Something that it was told is kept is not: it cannot be committed.
};

// While a call is being answered the run does not end, however the call ends.
class RunCall {
 public:
  RunCall(OpenRun& run, RingInKj& kj) : run_(run), kj_(kj) { ++run_.under_way; }
  ~RunCall() {
    --run_.under_way;
    kj_.called_back();
  }
  RunCall(const RunCall&) = delete;
  RunCall& operator=(const RunCall&) = delete;

 private:
  OpenRun& run_;
  RingInKj& kj_;
};

class HostedRepository {
 public:
  HostedRepository(AgentWorld& world, std::string name, std::unique_ptr<Files> files)
      : world_(world), name_(std::move(name)), files_(std::move(files)), chores_(*this) {}
  HostedRepository(const HostedRepository&) = delete;
  HostedRepository& operator=(const HostedRepository&) = delete;

  const std::string& name() const { return name_; }
  AgentWorld& world() { return world_; }
  Files& files() { return *files_; }
  // Absent until there is a repository in the folder.
  Result<Repository*> repository();
  bool is_made() const { return repository_ != nullptr; }
  Chores& chores() { return chores_; }

  // The sink is begun. Busy when the volume has a run of somebody else that is not yet committed;
  // a committed one, and the same run (by its data key), is ended first. Waits for a place among
  // the runs.
  struct Begun {
    std::shared_ptr<OpenRun> run;
    RunBase base;
  };
  Result<Begun> begin(const RunStart& start);
  // Publishes what arrived and ends the run; waits for it.
  void end(const std::shared_ptr<OpenRun>& run);
  // How many puts a run may have under way now.
  unsigned window() const;
  unsigned open_runs() const { return static_cast<unsigned>(runs_.size()); }
  // Full, in words, when the disk has not so much room left that more is taken in: for a new run,
  // or, closer to the end, for one that runs.
  Result<void> has_room_for_a_new_run() const;
  Result<void> has_room_to_go_on() const;

 private:
  Result<void> make_way_for(const RunStart& start);
  Result<void> has_room(std::uint64_t part, std::string_view refused) const;

  AgentWorld& world_;
  std::string name_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Repository> repository_;
  std::unique_ptr<Turnstile> opening_;
  std::map<VolumeId, std::shared_ptr<OpenRun>> runs_;
  // Runs whose end failed: what was answered may be gone, so they cannot go on.
  std::map<DataKeyId, Error> broken_;
  // The losses when a run was begun first: what it left out it left out by that.
  std::map<DataKeyId, std::uint64_t> losses_;
  Chores chores_;
};

}  // namespace ebb
