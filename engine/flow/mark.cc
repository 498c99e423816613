// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/mark.h"

#include <algorithm>
#include <array>

namespace ebb {

bool is_obstacle(const Error& error) {
  // Invalid: a newer ebb wrote it.
  return error.kind() == ErrorKind::damaged || error.kind() == ErrorKind::absent ||
         error.kind() == ErrorKind::invalid;
}

Result<std::unique_ptr<Mark>> Mark::make(World world) {
  auto used = TRY(during(UsedRecords::make(world.repository.objects().files()),
                         "making room for the names of used records"));
  return std::unique_ptr<Mark>(new Mark(world, std::move(used)));
}

Result<void> Mark::mark_new_points() {
  // A list of no points says nothing of what they need.
  const auto there = world_.repository.objects().files().list(layout::points);
  if (!there && !is_obstacle(there.error())) return fail(there.error());
  if (!there) {
    obstacles_.push_back({std::string(layout::points), there.error().text()});
    return {};
  }
  for (const layout::PointName& name : TRY(world_.repository.point_names())) {
    if (points_.insert(name).second) TRY(mark_point(name));
  }
  return flush();
}

Result<void> Mark::mark_point(const layout::PointName& name) {
  now_marking_ = name.path();
  const auto point = world_.repository.point(name);
  if (!point && point.error().kind() == ErrorKind::absent) {
    points_.erase(name);  // It was removed since the listing.
    return {};
  }
  if (!point && is_obstacle(point.error())) {
    obstacles_.push_back({now_marking_, point.error().text()});
    return {};
  }
  if (!point) return fail(point.error());
  data_keys_.insert(point->point.data_key);
  const MapRoot root = point->point.root();
  const unsigned levels = node_levels(root.blocks);
  return mark_page(root.page, levels == 0 ? PageKind::segment : PageKind::node, levels);
}

Result<std::optional<Page>> Mark::page(const PageDigest& digest, PageKind kind, unsigned level) {
  if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  auto page = fetch_page(world_.repository, digest, kind, level);
  if (page) {
    read_ += ByteCount(max_page_bytes);
    world_.observer.progress({"marking", read_, {}, {}});
    return std::optional<Page>(std::move(*page));
  }
  if (!is_obstacle(page.error())) return fail(page.error());
  obstacles_.push_back({now_marking_, "its map: " + page.error().text()});
  return std::nullopt;
}

// What is in the set was walked with all that is below it, or an obstacle is below it.
Result<void> Mark::mark_page(const PageDigest& digest, PageKind kind, unsigned level) {
  if (digest.is_zero() || TRY(used_->find(record_name(digest)))) return {};
  const std::optional<Page> found = TRY(page(digest, kind, level));
  if (!found) return {};
  if (kind == PageKind::segment) {
    TRY(mark_leaves(*found));
  } else {
    const PageKind below = level == 1 ? PageKind::segment : PageKind::node;
    for (std::uint64_t i = 0; i < page_fan_out; ++i) {
      TRY(mark_page(found->child(i), below, level - 1));
    }
  }
  return use(record_name(digest));
}

Result<void> Mark::mark_leaves(const Page& segment) {
  std::array<UsedRecords::Entries, page_fan_out> hidden{};  // By overrides, of each leaf.
  for (const Override& o : segment.overrides) {
    hidden.at(o.position / page_fan_out) |= UsedRecords::Entries{1} << (o.position % page_fan_out);
    if (!o.fingerprint.is_zero()) TRY(use(record_name(o.fingerprint)));
  }
  for (std::uint64_t leaf = 0; leaf < page_fan_out; ++leaf) {
    const PageDigest digest = segment.child(leaf);
    if (digest.is_zero()) continue;
    const auto followed = TRY(used_->find(record_name(digest)));
    const UsedRecords::Entries wanted = ~hidden[leaf];
    const UsedRecords::Entries fresh = wanted & ~followed.value_or(0);
    if (followed && fresh == 0) continue;
    const std::optional<Page> found = TRY(page(digest, PageKind::leaf, 0));
    if (!found) continue;
    for (std::uint64_t i = 0; i < page_fan_out; ++i) {
      const Fingerprint print = found->fingerprint(i);
      if ((fresh >> i & 1) != 0 && !print.is_zero()) TRY(use(record_name(print)));
    }
    TRY(use(record_name(digest), followed.value_or(0) | wanted));
  }
  return {};
}

Result<void> Mark::use(const RecordName& name, UsedRecords::Entries entries) {
  pending_.push_back({name, entries});
  return pending_.size() < names_in_one_breath ? Result<void>() : flush();
}

Result<void> Mark::flush() {
  if (pending_.empty()) return {};
  PackStore& packs = world_.repository.packs();
  if (!packs.condemned().empty()) {
    std::vector<RecordName> names;
    for (const UsedRecords::Used& record : pending_) names.push_back(record.name);
    std::vector<std::optional<RecordPlace>> places(names.size());
    TRY(packs.look_up_to_read(names, places));
    for (const auto& place : places) {
      if (place) packs.pardon(place->pack);
    }
  }
  TRY(used_->add(pending_));
  pending_.clear();
  return breathe();
}

Result<std::vector<std::uint8_t>> Mark::used(std::span<const TableEntry> records) {
  std::vector<std::uint8_t> all;
  all.reserve(records.size());
  while (!records.empty()) {
    const auto some = records.first(std::min(records.size(), names_in_one_breath));
    std::vector<RecordName> names;
    for (const TableEntry& record : some) names.push_back(record.name);
    const std::vector<std::uint8_t> used = TRY(used_->contains(names));
    all.insert(all.end(), used.begin(), used.end());
    records = records.subspan(some.size());
    TRY(breathe());
  }
  return all;
}

}  // namespace ebb
