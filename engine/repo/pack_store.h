// SPDX-License-Identifier: Apache-2.0
// pack_store.h - all packs of a repository, and the index over them.
//
// On opening, the packs that are there are compared with those that the index names: what is
// missing in the index is added from the packs' tables, what the index names and is not there is
// ignored. A record that scrub found beyond repair is ignored too, so that a backup ships it again.
// So is, by whoever ships, a record in a condemned pack: one that is going to be removed. Packs are
// condemned in this process only, and may be pardoned until they are forgotten.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <unordered_set>

#include "engine/file/files.h"
#include "engine/repo/layout.h"
#include "engine/repo/record_index.h"

namespace ebb {

enum class StoreAccess { read, write };

// A record that is beyond repair. Without a name: every record of the pack from `at` on.
struct LostRecord {
  PackId pack;
  std::uint32_t at = 0;
  RecordName name;
  bool and_all_after() const { return name.is_zero(); }
  auto operator<=>(const LostRecord&) const = default;
};
ByteVector pack_lost_records(std::span<const LostRecord> records);
Result<std::vector<LostRecord>> unpack_lost_records(Bytes body);

class LostSet {
 public:
  void add(std::span<const LostRecord> records);
  void remove(std::span<const LostRecord> records);
  void clear() { *this = {}; }
  bool has(const RecordPlace& place) const;
  // From where on this pack is lost to its end, if it is.
  std::optional<std::uint32_t> end_of(const PackId& pack) const {
    const auto found = from_.find(pack);
    return found == from_.end() ? std::nullopt : std::optional(found->second);
  }
  const std::set<LostRecord>& records() const { return records_; }

 private:
  std::set<LostRecord> records_;
  std::map<PackId, std::uint32_t> from_;  // Packs of which everything from there on is lost.
};

class PackStore {
 public:
  static Result<std::unique_ptr<PackStore>> open(Files& files, Loop& loop, StoreAccess access);
  PackStore(const PackStore&) = delete;
  PackStore& operator=(const PackStore&) = delete;

  // places[i] is where names[i] lies; nothing when it is not there, is lost, or is going to be
  // removed: who is told of a place may rely on it.
  Result<void> look_up(std::span<const RecordName> names,
                       std::span<std::optional<RecordPlace>> places);
  // For readers only: what lies in condemned packs is found too, as long as it is there.
  Result<void> look_up_to_read(std::span<const RecordName> names,
                               std::span<std::optional<RecordPlace>> places);
  // Every record that any point needs was there at the last look, and nothing has gone since.
  bool whole() const { return whole_; }
  Result<void> set_whole(bool whole);

  // A pack was published, or one that could not be read was mended; its records can be found from
  // now on.
  Result<void> add(const PackId& pack, std::span<const TableEntry> table);
  const std::unordered_set<PackId, NameHash>& packs() const { return packs_; }
  void condemn(const PackId& pack) { condemned_.insert(pack); }
  void pardon(const PackId& pack) { condemned_.erase(pack); }
  const std::set<PackId>& condemned() const { return condemned_; }
  // Before their files go: whoever opens the repository from now on does not miss them. Durable
  // when it returns. What the index says of their records stays until forget_records().
  Result<void> forget(std::span<const PackId> packs);
  Result<void> forget_records(const PackId& pack, std::span<const TableEntry> table);

  // Packs whose table could not be read when the store was opened, and why.
  const std::map<PackId, Error>& unreadable_packs() const { return unreadable_; }

  // The opened file and checked header of a pack; kept open for a while.
  struct OpenPack {
    std::unique_ptr<File> file;
    PackHeader header;
    unsigned in_use = 0;  // Transfers under way; keeps it open.
  };
  Result<OpenPack*> open_pack(const PackId& pack);
  // The whole record at `place`: checked, and of this name and kind.
  Result<ByteVector> read_record(const RecordPlace& place, RecordKind kind, const RecordName& name);

  // Publishes that these are lost; they are not found from now on.
  Result<void> note_lost(std::span<const LostRecord> records, Random& random);
  bool has_lost_of(const PackId& pack) const;
  bool is_noted(const RecordPlace& place) const { return lost_.has(place); }
  // Of the pack's records these are sound; of what was noted as lost of it only `damaged` stays so.
  // No when a list that cannot be read keeps it from being known what is noted.
  Result<bool> take_back(const PackId& pack, std::span<const TableEntry> sound,
                         std::span<const TableEntry> damaged, Random& random);
  // Grows with each note_lost(): what was proven to be there before may not be.
  std::uint64_t losses() const { return losses_; }
  // The same for this process only, until it considers anew.
  void consider_lost(std::span<const LostRecord> records) {
    considered_.clear();
    considered_.add(records);
  }
  // The next open_pack() opens the file anew.
  void close_pack(const PackId& pack);
  // A transfer from it is under way.
  bool is_in_use(const PackId& pack) const {
    const auto found = open_.find(pack);
    return found != open_.end() && found->second.in_use > 0;
  }
  // What was noted.
  const std::set<LostRecord>& lost() const { return lost_.records(); }

 private:
  Result<void> publish_lost(std::span<const LostRecord> records, Random& random);
  PackStore(Files& files, Loop& loop, StoreAccess access)
      : files_(files), loop_(loop), access_(access) {}
  Result<void> open_records(StoreAccess access);
  Result<void> load_lost();
  Result<void> reconcile(StoreAccess access);
  Result<void> index_tables_of(std::span<const PackId> packs);
  Result<void> index_table_of(const PackId& pack);
  Result<std::vector<TableEntry>> table_of(const PackId& pack, File& file);
  Result<void> make_room_for_newer(std::size_t packs);
  Result<bool> pick_up_new_packs();
  Result<void> look_up_here(std::span<const RecordName> names,
                            std::span<std::optional<RecordPlace>> places);
  bool is_lost(const RecordPlace& place) const;

  Files& files_;
  Loop& loop_;
  StoreAccess access_;
  std::unique_ptr<RecordIndex> index_;
  bool follows_ = false;                // A writer's index, which is not written to.
  std::unique_ptr<RecordIndex> newer_;  // Beside that: packs that it does not know; null: none.
  bool newer_is_on_disk_ = false;
  std::unordered_set<PackId, NameHash> packs_;
  std::set<PackId> condemned_;
  std::map<PackId, Error> unreadable_;
  LostSet lost_;
  LostSet considered_;
  std::map<PackId, OpenPack> open_;
  std::list<std::map<PackId, OpenPack>::node_type> former_;  // In use when they were closed.
  std::uint64_t losses_ = 0;
  bool lost_list_is_damaged_ = false;
  bool whole_ = false;
};

}  // namespace ebb
