// SPDX-License-Identifier: Apache-2.0
// collect.h - garbage collection: gives back the room of what no point needs any more.
//
// Marks what the points need (mark.h), counts the packs (pack_census.h), and goes on in two steps,
// so that no backup that runs meanwhile loses a record that it was told is there:
//   condemn  whoever ships does not find the records of these packs any more, and ships them again;
//   remove   once every run and every reader that was there at that moment has left, the points
//   that
//            came since are marked too; a condemned pack that they need is pardoned, the others go.
// Packs without needed records go first; those that are dead in a large part are then rewritten,
// some at a time. What is in doubt stays, and the report says what stands in the way.
//
// May be stopped or killed anywhere: what it had not finished is garbage for the next one. Needs no
// key. One at a time, on the I/O thread of a repository that is open for writing.
#pragma once

#include <unordered_map>

#include "engine/buffer/arena.h"
#include "engine/flow/pack_rewrite.h"

namespace ebb {

struct CollectRequest {
  unsigned rewrite_from = 33;  // Percent of a pack's records, by bytes, that are dead.
  bool only_look = false;      // Reports what it would do.
};

struct CollectReport {
  std::uint64_t points = 0;
  std::uint64_t packs = 0;           // Looked at.
  std::uint64_t packs_unneeded = 0;  // Of them: without a needed record.
  std::uint64_t packs_sparse = 0;    // Of them: to be rewritten.
  ByteCount dead_kept;               // In packs that are dead in a small part only.

  std::uint64_t packs_removed = 0;
  std::uint64_t packs_rewritten = 0;  // And then removed or left.
  std::uint64_t packs_pardoned = 0;   // A point came that needs them.
  std::uint64_t packs_left = 0;       // To the next one: somebody may be reading them.
  std::uint64_t envelopes_removed = 0;
  ByteCount written;  // New packs.
  ByteCount freed;    // Files removed.

  std::vector<Obstacle> obstacles;  // `ebb scrub` says more of each.
  std::string waits_for;            // Why packs were left; empty: nothing did.
};

class Collect {
 public:
  struct World {
    Repository& repository;
    Workers& workers;
    Observer& observer;
    const StopFlag& stop;
    // Waits until somebody may have left; false: that it shall wait no longer. None: it never
    // waits.
    std::function<Result<bool>()> wait;
    Breathe breathe;
  };
  Collect(World world, CollectRequest request) : world_(std::move(world)), request_(request) {}
  ~Collect();  // What is still condemned is pardoned.
  Collect(const Collect&) = delete;
  Collect& operator=(const Collect&) = delete;

  Result<CollectReport> run();

 private:
  struct Condemned {
    PackId pack;
    ByteCount length;
  };

  Result<void> mark();
  Result<void> take_stock();
  Result<void> condemn();
  Result<void> rewrite_some();
  Result<bool> rewrite(const PackId& pack);
  Result<bool> wait_for_those_before();
  Result<bool> remove();
  Result<std::vector<std::string>> move_away(std::span<const Condemned> packs);
  Result<void> remove_moved(std::span<const Condemned> packs, std::span<const std::string> moved);
  Result<void> remove_envelopes();
  Result<bool> note_obstacle(const PackId& pack, const Error& error);
  Result<void> go_on() const;
  bool is_sparse(const PackCensus& census) const;
  Files& files() { return world_.repository.objects().files(); }

  World world_;
  CollectRequest request_;
  CollectReport report_;
  std::unique_ptr<Mark> mark_;
  std::vector<Condemned> unneeded_;
  std::vector<PackId> sparse_;  // Still to be rewritten; the last comes first.
  std::vector<Condemned> condemned_;
  std::uint64_t condemned_at_ = 0;  // By the numbers of OpenRuns.
  std::unordered_map<PackId, DataKeyId, NameHash> data_keys_;
  std::unique_ptr<Arena> arena_;  // For rewriting; made when it is needed.
  std::unique_ptr<PackMemory> memory_;
};

}  // namespace ebb
