// SPDX-License-Identifier: Apache-2.0
// record_index.h - where the record with this name lies. A cache: packs can rebuild it.
//
// Packs are added after they are published. A crash may lose the newest additions, never invent
// one; whoever opens a repository compares the packs it names with those that are there.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "devmap/core/result.h"
#include "engine/repo/pack_format.h"

namespace ebb {

class RecordIndex {
 public:
  virtual ~RecordIndex() = default;
  virtual Result<void> add_pack(const PackId& pack, std::span<const TableEntry> entries) = 0;
  // Its entries stay and are to be ignored by whoever knows which packs are there.
  virtual Result<void> forget_pack(const PackId& pack) = 0;
  // Removes the places of those `names` that still lie in this pack.
  virtual Result<void> forget_records(const PackId& pack, std::span<const RecordName> names) = 0;
  virtual Result<std::vector<PackId>> packs() = 0;
  // places[i] is the newest place of names[i].
  virtual Result<void> look_up(std::span<const RecordName> names,
                               std::span<std::optional<RecordPlace>> places) = 0;
  // A note that it once was compared with all points and lacked nothing, and since then has only
  // been added to.
  virtual Result<bool> whole() = 0;
  virtual Result<void> set_whole(bool whole) = 0;
};

std::unique_ptr<RecordIndex> memory_index();

enum class IndexAccess {
  write,   // Alone: busy while another process writes.
  follow,  // Beside a writer; sees what was there when it was opened.
};
// RocksDB in the folder `path`. Damaged when its files are; it may then be deleted.
Result<std::unique_ptr<RecordIndex>> open_index(const std::string& path, IndexAccess access);
// An empty one in a temporary folder of this process's own, which goes with it.
Result<std::unique_ptr<RecordIndex>> open_scratch_index();
// Removes the index's folder and all in it.
Result<void> delete_index(const std::string& path);

}  // namespace ebb
