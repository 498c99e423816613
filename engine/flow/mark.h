// SPDX-License-Identifier: Apache-2.0
// mark.h - the first half of garbage collection: which records does any point need?
//
// Walks the maps of all points. A page that points share is walked once, so the cost follows the
// pages that there are, not the points. It can be asked again: then it walks the points that came
// since, and whatever these need in a condemned pack pardons that pack. Needs no key.
//
// A point or page that cannot be read may name anything: it is an obstacle, and with one nothing
// may be called unused.
#pragma once

#include <set>

#include "devmap/core/interrupt.h"
#include "engine/flow/breathe.h"
#include "engine/flow/observer.h"
#include "engine/flow/used_records.h"
#include "engine/repo/repository.h"

namespace ebb {

// Something that cannot be read, for which garbage stays.
struct Obstacle {
  std::string file;  // In the repository; of a page: the point that names it.
  std::string what;
};

class Mark {
 public:
  struct World {
    Repository& repository;
    Observer& observer;
    const StopFlag& stop;
    const Breathe& breathe;
  };
  static Result<std::unique_ptr<Mark>> make(World world);

  // Marks what the points need that it has not yet seen. One that is removed meanwhile is none.
  Result<void> mark_new_points();
  const std::vector<Obstacle>& obstacles() const { return obstacles_; }
  std::uint64_t points() const { return points_.size(); }
  // Of the runs that made the points.
  const std::set<DataKeyId>& data_keys() const { return data_keys_; }
  // 1 for each of the records that a point needs. Without obstacles.
  Result<std::vector<std::uint8_t>> used(std::span<const TableEntry> records);
  Result<void> breathe() { return world_.breathe ? world_.breathe() : Result<void>(); }

 private:
  Mark(World world, std::unique_ptr<UsedRecords> used) : world_(world), used_(std::move(used)) {}
  Result<void> mark_point(const layout::PointName& name);
  Result<void> mark_page(const PageDigest& digest, PageKind kind, unsigned level);
  Result<std::optional<Page>> page(const PageDigest& digest, PageKind kind, unsigned level);
  Result<void> mark_leaves(const Page& segment);
  Result<void> use(const RecordName& name, UsedRecords::Entries entries = 0);
  Result<void> flush();

  World world_;
  std::unique_ptr<UsedRecords> used_;
  std::vector<UsedRecords::Used> pending_;  // Not yet in the set.
  std::set<layout::PointName> points_;
  std::set<DataKeyId> data_keys_;
  std::vector<Obstacle> obstacles_;
  std::string now_marking_;  // The file of the point.
  ByteCount read_;
};

// Whether an error says that bytes are wrong or missing, and not that reading failed for now.
bool is_obstacle(const Error& error);

}  // namespace ebb
