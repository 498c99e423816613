// SPDX-License-Identifier: Apache-2.0
// scrub.h - looks at every byte of a repository and mends what parity and second copies allow.
//
// Needs no key: chunks have CRCs, small objects lie there twice, and maps can be read in clear.
// What cannot be mended is named, down to the blocks of the points that need it, and noted as lost,
// so that the next backup which still has those blocks ships them again. Backups may begin and end
// meanwhile on the same thread; a prune or a collection may not.
#pragma once

#include <map>
#include <set>

#include "devmap/core/interrupt.h"
#include "engine/flow/breathe.h"
#include "engine/flow/damage.h"
#include "engine/flow/observer.h"
#include "engine/repo/repository.h"

namespace ebb {

enum class ScrubMode {
  look,
  repair,  // The repository is open for writing.
};

struct ScrubFinding {
  std::string file;  // In the repository.
  std::string what;  // One sentence.
  bool mended = false;
  bool known = false;  // Lost and noted before; of interest only to points that need it.
};

// What a point cannot give any more.
struct PointDamage {
  VolumeId volume;
  PointId point;
  Damage damage;
};

struct ScrubReport {
  std::uint64_t packs = 0;
  std::uint64_t objects = 0;
  ByteCount bytes;
  std::vector<ScrubFinding> findings;
  std::uint64_t records_lost = 0;  // Beyond repair; a pack of which nobody can say what lies where
                                   // counts as one.
  std::vector<PointDamage> points;

  // Nothing is wrong that any point needs.
  bool sound() const;
  // All that was found was mended.
  bool mended() const;
};

class Scrub {
 public:
  struct World {
    Repository& repository;
    Loop& loop;
    Workers& workers;
    Observer& observer;
    const StopFlag& stop;
    Breathe breathe = {};
  };
  Scrub(World world, ScrubMode mode);
  Result<ScrubReport> run();

 private:
  Result<void> scrub_objects();
  Result<void> scrub_object(ObjectType type, const std::string& name,
                            std::optional<WallTime> modified = {});
  Result<void> scrub_packs();
  Result<void> scrub_pack(const PackId& pack);
  Result<void> scrub_without_tail(const PackId& pack, File& file, ByteCount size);
  void note_key(Bytes envelope);
  Result<bool> has_key_by_now(const DataKeyId& key);
  void note_lost_pack(const PackId& pack, const std::string& why);
  Result<bool> can_open(const PackId& pack, Bytes bytes);
  Result<void> take_back(const PackTail& tail, Bytes bytes);
  Result<void> republish(const std::string& name, Bytes bytes,
                         std::optional<WallTime> modified = {});
  // What was found of a point.
  struct CheckedPoint {
    Point point;
    std::vector<Damage> damages;
  };
  Result<void> check_points();
  Result<bool> check_new_points();
  Result<std::vector<Damage>> damages_of(const Point& point,
                                         const std::optional<CheckedPoint>& before);
  // Others have their turn; ends the scrub when it shall stop.
  Result<void> breathe();
  void find(std::string file, std::string what, bool mended, bool known = false);
  Files& files() { return world_.repository.objects().files(); }

  World world_;
  ScrubMode mode_;
  ScrubReport report_;
  std::vector<LostRecord> lost_;    // Beyond repair.
  std::set<DataKeyId> keys_there_;  // By sound envelopes.
  std::set<layout::PointName> checked_;
  std::map<VolumeId, std::optional<CheckedPoint>> last_;  // Of each volume.
  bool unreadable_point_ = false;
  ByteCount total_;
};

}  // namespace ebb
