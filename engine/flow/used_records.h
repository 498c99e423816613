// SPDX-License-Identifier: Apache-2.0
// used_records.h - the names of all records that points need, however many: a set on disk.
//
// It is as large as the repository's index and lies where scratch files do; in memory only beside a
// repository that is in memory. With a name goes which of a leaf's entries were already followed: a
// segment's overrides may hide entries of a leaf from one point that another point needs. An index
// of records serves as the set; the 64 bits take the room of a place.
#pragma once

#include <memory>

#include "engine/file/files.h"
#include "engine/repo/record_index.h"

namespace ebb {

class UsedRecords {
 public:
  // Bit i: entry i of the leaf of this name. Of no meaning for other records.
  using Entries = std::uint64_t;

  // For a repository in `files`.
  static Result<std::unique_ptr<UsedRecords>> make(const Files& files);

  // Nothing when the name is not in the set.
  Result<std::optional<Entries>> find(const RecordName& name);
  // 1 for each of `names` that is.
  Result<std::vector<std::uint8_t>> contains(std::span<const RecordName> names);

  struct Used {
    RecordName name;
    Entries entries = 0;  // All that are known by now.
  };
  Result<void> add(std::span<const Used> records);

 private:
  explicit UsedRecords(std::unique_ptr<RecordIndex> set) : set_(std::move(set)) {}
  std::unique_ptr<RecordIndex> set_;
};

}  // namespace ebb
