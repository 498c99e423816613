// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/lvm_snapshot_source.h"

#include "devmap/source/thick_snapshot.h"
#include "devmap/source/thin_delta.h"

namespace ebb {

namespace {

constexpr const char* origin_fact = "origin";
constexpr const char* snapshot_fact = "snapshot";

Result<ThinDevice> thin_device(const std::string& node, DeviceMapper& mapper) {
  return ThinDevice::of(TRY(mapper.table(TRY(number_of_device(node)))));
}

Result<void> check_size(ByteCount base, const BlockGrid& grid) {
  if (base == grid.size()) return {};
  return fail(Error::mismatch("the volume had {} bytes when the last point was made and has {} now",
                              base.value(), grid.size().value()));
}

Result<DirtyMap> thick_changes(const LogicalVolume& base, const BlockGrid& grid,
                               DeviceMapper& mapper) {
  const auto table = TRY(ThickSnapshot::open(base.node, mapper));
  TRY(check_size(table->place().size, grid));
  DirtyMap map = DirtyMap::clean(grid);
  while (const auto run = TRY(table->next())) map.mark_touching(*run);
  return map;
}

Result<DirtyMap> thin_changes(const LogicalVolume& base, const LogicalVolume& now,
                              const BlockGrid& grid, const std::string& notes,
                              DeviceMapper& mapper) {
  const ThinDevice before = TRY(thin_device(base.node, mapper));
  const ThinDevice after = TRY(thin_device(now.node, mapper));
  if (before.pool != after.pool) {
    return fail(Error::mismatch("{} and {} are in different pools", base.name, now.name));
  }
  TRY(check_size(before.size, grid));
  DirtyMap map = DirtyMap::clean(grid);
  const auto delta =
      TRY(ThinDelta::start({after.pool, before.id, after.id, after.size}, notes, mapper));
  while (const auto run = TRY(delta->next())) map.mark_touching(run->bytes);
  return map;
}

}  // namespace

SourceKind LvmSnapshotSource::kind() const {
  return world_.snapshots.member(member_).origin.is_thin() ? SourceKind::dm_thin
                                                           : SourceKind::dm_snapshot;
}

Result<ChangeSource::Answer> LvmSnapshotSource::ask(const BasePoint* since, const BlockGrid& grid) {
  const SnapshotSet::Member& member = world_.snapshots.member(member_);
  Answer answer;
  answer.token = ProofToken{
      kind(), {{origin_fact, member.origin.uuid}, {snapshot_fact, member.snapshot.uuid}}};
  before_ = TRY(world_.snapshots.others(member_));
  if (since == nullptr) {
    answer.why = "there is no point to compare with";
    return answer;
  }
  const auto base = base_of(*since);
  auto changed = base ? changed_since(*base, grid) : Result<DirtyMap>(fail(base.error()));
  // Two of them at most, or who is killed again and again fills the group. What somebody has
  // mounted cannot go now; committed() tries once more and says so.
  static_cast<void>(remove_before(base ? base->uuid : ""));
  if (!changed) {
    answer.why = changed.error().text();
    return answer;
  }
  answer.changed = std::move(*changed);
  answer.why = fmt::format("{} of {} blocks changed since the snapshot {}",
                           answer.changed->dirty_count().value(), grid.count().value(), base->name);
  return answer;
}

Result<LogicalVolume> LvmSnapshotSource::base_of(const BasePoint& since) const {
  const SnapshotSet::Member& member = world_.snapshots.member(member_);
  if (!since.token || since.token->source != kind()) {
    return fail(Error::mismatch("the last point was not made from an LVM snapshot; this one is"));
  }
  const auto& facts = since.token->facts;
  const auto origin = facts.find(origin_fact);
  const auto snapshot = facts.find(snapshot_fact);
  if (origin == facts.end() || snapshot == facts.end()) {
    return fail(Error::mismatch("the last point's proof makes no sense"));
  }
  if (origin->second != member.origin.uuid) {
    return fail(Error::mismatch("the last point was made of another logical volume"));
  }
  for (const LogicalVolume& other : before_) {
    if (other.uuid != snapshot->second) continue;
    if (!other.active) TRY(world_.lvm.activate(other.full_name()));
    return other;
  }
  return fail(Error::mismatch("the snapshot that the last point was made from is gone"));
}

Result<DirtyMap> LvmSnapshotSource::changed_since(const LogicalVolume& base,
                                                  const BlockGrid& grid) const {
  const SnapshotSet::Member& member = world_.snapshots.member(member_);
  if (!member.origin.is_thin()) return thick_changes(base, grid, world_.mapper);
  return thin_changes(base, member.snapshot, grid, world_.notes, world_.mapper);
}

Result<void> LvmSnapshotSource::remove_before(const std::string& but_uuid) {
  Result<void> outcome;
  std::erase_if(before_, [&](const LogicalVolume& volume) {
    if (volume.uuid == but_uuid) return false;
    const auto removed = world_.snapshots.remove(volume);
    if (!removed) outcome = removed;
    return removed.has_value();
  });
  return outcome;
}

Result<void> LvmSnapshotSource::committed() {
  world_.snapshots.keep(member_);
  return remove_before("");
}

}  // namespace ebb
