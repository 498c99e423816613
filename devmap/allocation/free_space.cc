// SPDX-License-Identifier: Apache-2.0
#include "devmap/allocation/free_space.h"

#include <algorithm>

#include "devmap/allocation/ext4_free_space.h"
#include "devmap/content.h"

namespace ebb {

namespace {

struct Place {
  ByteRun bytes;
  std::string where;  // " in partition 2"; empty for the whole device.
};

// An extended partition is a box of others, whose bytes it shares.
bool is_box(const Partition& partition) {
  return partition.type == "05" || partition.type == "0f" || partition.type == "85";
}

// Where file systems may be; none where partitions share bytes, for then none is its bytes' only
// owner.
std::vector<Place> places_on(const PartitionTable& table, ByteCount size) {
  const ByteRun all{ByteIndex(0), ByteIndex(size.value())};
  if (table.kind == TableKind::none) return {{all, ""}};
  std::vector<Place> places;
  for (const Partition& partition : table.partitions) {
    if (is_box(partition) || !all.contains(partition.bytes)) continue;
    places.push_back({partition.bytes, fmt::format(" in partition {}", partition.number)});
  }
  std::ranges::sort(places, {}, [](const Place& place) { return place.bytes.begin; });
  const auto share = [](const Place& a, const Place& b) { return a.bytes.touches(b.bytes); };
  if (std::ranges::adjacent_find(places, share) != places.end()) return {};
  return places;
}

std::string words_of(ByteCount bytes) {
  const double mib = static_cast<double>(bytes.value()) / (1u << 20);
  return mib < 1024 ? fmt::format("{:.1f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

}  // namespace

FreeSpace free_space_of(ByteSource& source, int fd, const PartitionTable& table,
                        const BlockGrid& grid, XfsLog xfs_log) {
  FreeSpace found{DirtyMap::clean(grid), {}};
  for (const Place& place : places_on(table, grid.size())) {
    // Only where nothing else is seen: what lies over an old file system may have left it in place.
    const Content content = content_of_part(fd, place.bytes, table.sector);
    const bool is_ext = content.type.starts_with("ext");
    if (!is_ext && content.type != "xfs") continue;
    ByteCount free;
    const auto take = [&](ByteRun bytes) {
      free += bytes.length();
      found.blocks.mark(grid.blocks_within(bytes));
    };
    const auto read =
        is_ext ? ext4_free_space(source, place.bytes, take)
               : xfs_free_space(source, place.bytes,
                                place.where.empty() ? xfs_log : XfsLog::must_be_empty, take);
    if (read) {
      found.said.push_back(
          fmt::format("{}{}: {} are free", content.type, place.where, words_of(free)));
    } else {
      found.blocks.clear(grid.blocks_touching(place.bytes));
      found.said.push_back(fmt::format("{}{}: {}", content.type, place.where, read.error().text()));
    }
  }
  if (found.said.empty()) found.said.push_back("no file system whose free space is known");
  return found;
}

}  // namespace ebb
