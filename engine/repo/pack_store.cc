// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/pack_store.h"

#include <algorithm>

#include "engine/repo/body.h"
#include "engine/repo/object_frame.h"
#include "engine/repo/pack_reader.h"

namespace ebb {

namespace {

constexpr std::size_t packs_kept_open = 64;
// Packs whose records a reader may hold in memory: 40 MiB when all are full of 4 KiB blocks.
constexpr std::size_t newer_packs_in_memory = 8;
// As many as fit a small object.
constexpr std::size_t lost_in_one_list = 16384;

}  // namespace

ByteVector pack_lost_records(std::span<const LostRecord> records) {
  BodyWriter body;
  body.u32(static_cast<std::uint32_t>(records.size()));
  for (const LostRecord& record : records) {
    body.raw(record.pack.view()).u32(record.at).raw(record.name.view());
  }
  return body.take();
}

Result<std::vector<LostRecord>> unpack_lost_records(Bytes body) {
  BodyReader reader(body);
  const std::uint32_t count = TRY(reader.u32());
  std::vector<LostRecord> records;
  for (std::uint32_t i = 0; i < count; ++i) {
    LostRecord record;
    record.pack = TRY(reader.name<PackId>());
    record.at = TRY(reader.u32());
    record.name = TRY(reader.name<RecordName>());
    records.push_back(record);
  }
  TRY(reader.end());
  return records;
}

void LostSet::add(std::span<const LostRecord> records) {
  for (const LostRecord& record : records) {
    records_.insert(record);
    if (!record.and_all_after()) continue;
    const auto [rest, is_new] = from_.try_emplace(record.pack, record.at);
    if (!is_new) rest->second = std::min(rest->second, record.at);
  }
}

void LostSet::remove(std::span<const LostRecord> records) {
  for (const LostRecord& record : records) records_.erase(record);
  std::set<LostRecord> rest = std::move(records_);
  clear();
  add(std::vector(rest.begin(), rest.end()));
}

bool LostSet::has(const RecordPlace& place) const {
  if (records_.empty()) return false;
  const auto rest = from_.find(place.pack);
  if (rest != from_.end() && place.at >= rest->second) return true;
  const auto found = records_.lower_bound(LostRecord{place.pack, place.at, {}});
  return found != records_.end() && found->pack == place.pack && found->at == place.at;
}

Result<std::unique_ptr<PackStore>> PackStore::open(Files& files, Loop& loop, StoreAccess access) {
  std::unique_ptr<PackStore> store(new PackStore(files, loop, access));
  for (const Files::Entry& entry : TRY(files.list(layout::packs))) {
    if (const auto pack = layout::pack_id_of(entry.name)) store->packs_.insert(*pack);
  }
  TRY(store->load_lost());
  TRY(store->open_records(access));
  TRY(store->reconcile(access));
  return store;
}

Result<void> PackStore::open_records(StoreAccess access) {
  if (files_.place().empty()) {
    index_ = memory_index();
    return {};
  }
  const std::string path = files_.place() + "/" + layout::index;
  if (access == StoreAccess::read) {
    // Beside a writer; where that cannot be (no index, a damaged one, a folder that may not be
    // written), the packs' own tables are read into an index of this process's own.
    auto followed = open_index(path, IndexAccess::follow);
    follows_ = followed.has_value();
    index_ = follows_ ? std::move(*followed) : TRY(open_scratch_index());
    return {};
  }
  auto opened = open_index(path, IndexAccess::write);
  if (!opened && opened.error().kind() == ErrorKind::busy) return fail(opened.error());
  if (!opened) {
    TRY(delete_index(path));  // It is a cache.
    opened = TRY(open_index(path, IndexAccess::write));
  }
  index_ = std::move(*opened);
  return {};
}

Result<void> PackStore::load_lost() {
  auto lists = files_.list(layout::lost);
  if (!lists) {
    if (lists.error().kind() == ErrorKind::absent) return {};
    return fail(lists.error());
  }
  for (const Files::Entry& entry : *lists) {
    const std::string name = std::string(layout::lost) + "/" + entry.name;
    const auto read = [&]() -> Result<std::vector<LostRecord>> {
      const ByteVector file = TRY(read_small_file(files_, loop_, name, max_object_file));
      const auto object = TRY(unframe_object(ObjectType::lost, file));
      return unpack_lost_records(object.body);
    };
    const auto records = read();
    // A list that cannot be read must not close the repository; without it, nothing counts as
    // whole.
    if (records) {
      lost_.add(*records);
    } else {
      lost_list_is_damaged_ = true;
    }
  }
  return {};
}

Result<void> PackStore::reconcile(StoreAccess access) {
  auto named = index_->packs();
  auto whole = index_->whole();
  if ((!named || !whole) && follows_) {
    index_ = TRY(open_scratch_index());
    follows_ = false;
    named = index_->packs();
    whole = index_->whole();
  }
  const std::vector<PackId> indexed = TRY(std::move(named));
  whole_ = TRY(std::move(whole)) && !lost_list_is_damaged_;
  const std::unordered_set<PackId, NameHash> known(indexed.begin(), indexed.end());
  for (const PackId& pack : known) {
    if (packs_.contains(pack)) continue;
    whole_ = false;  // A pack has gone, and with it what the points need of it.
    if (access == StoreAccess::write) TRY(index_->forget_pack(pack));
  }
  if (!whole_ && access == StoreAccess::write) TRY(index_->set_whole(false));
  std::vector<PackId> unknown;
  for (const PackId& pack : packs_) {
    if (!known.contains(pack)) unknown.push_back(pack);
  }
  return index_tables_of(unknown);
}

Result<void> PackStore::index_tables_of(std::span<const PackId> packs) {
  if (packs.empty()) return {};
  if (follows_) TRY(make_room_for_newer(packs.size()));
  for (const PackId& pack : packs) TRY(index_table_of(pack));
  return {};
}

// A few packs are kept in memory; many, as when a writer is making the index anew, are not.
Result<void> PackStore::make_room_for_newer(std::size_t packs) {
  if (!newer_) newer_ = memory_index();
  if (newer_is_on_disk_) return {};
  const std::vector<PackId> held = TRY(newer_->packs());
  if (held.size() + packs <= newer_packs_in_memory) return {};
  newer_ = TRY(open_scratch_index());
  newer_is_on_disk_ = true;
  for (const PackId& pack : held) TRY(index_table_of(pack));
  return {};
}

// Of a pack that is known to have lost its end, and its table with it, the records before that.
Result<std::vector<TableEntry>> PackStore::table_of(const PackId& pack, File& file) {
  const auto end = lost_.end_of(pack);
  const auto own = [&]() -> Result<std::vector<TableEntry>> {
    const FoundTail found = TRY(read_pack_tail(loop_, file));
    return read_pack_table(loop_, file, found.tail);
  };
  auto read = own();
  if (read || !end) return read;
  std::vector<TableEntry> table;
  const ByteVector front =
      TRY(read_run(loop_, file, ByteRun::of(ByteIndex(0), ByteCount(std::uint64_t{*end}))));
  for (std::size_t at = sizeof(PackHeaderOnDisk); at < front.size();) {
    const auto record = unpack_record(Bytes(front).subspan(at));
    if (!record) break;
    table.push_back(
        {record->header.name, static_cast<std::uint32_t>(at), record->header.stored_length});
    at += sizeof(RecordHeaderOnDisk) + record->header.stored_length;
  }
  return table;
}

// Reads the pack's own table into the index. A pack whose table cannot be read is remembered as
// such.
Result<void> PackStore::index_table_of(const PackId& pack) {
  RecordIndex& target = newer_ ? *newer_ : *index_;
  const auto add = [&]() -> Result<void> {
    const auto file = TRY(files_.open(layout::pack(pack)));
    std::vector<TableEntry> sound;
    for (const TableEntry& entry : TRY(table_of(pack, *file))) {
      if (!is_lost({pack, entry.at, entry.stored_length})) sound.push_back(entry);
    }
    return target.add_pack(pack, sound);
  };
  auto added = add();
  if (added) return added;
  if (added.error().kind() != ErrorKind::damaged && added.error().kind() != ErrorKind::invalid) {
    return fail(added.error().during("reading pack {}", pack.hex()));
  }
  unreadable_.emplace(pack, added.error());
  whole_ = false;
  return {};
}

// A writer may publish packs and a point that needs them after a reader has looked around. Says
// whether there was anything new.
Result<bool> PackStore::pick_up_new_packs() {
  std::vector<PackId> fresh;
  for (const Files::Entry& entry : TRY(files_.list(layout::packs))) {
    const auto pack = layout::pack_id_of(entry.name);
    if (pack && packs_.insert(*pack).second) fresh.push_back(*pack);
  }
  TRY(index_tables_of(fresh));
  return !fresh.empty();
}

Result<void> PackStore::set_whole(bool whole) {
  whole_ = whole;
  return index_->set_whole(whole);
}

bool PackStore::is_lost(const RecordPlace& place) const {
  return lost_.has(place) || considered_.has(place);
}

Result<void> PackStore::look_up(std::span<const RecordName> names,
                                std::span<std::optional<RecordPlace>> places) {
  TRY(look_up_to_read(names, places));
  for (auto& place : places) {
    if (place && condemned_.contains(place->pack)) place.reset();
  }
  return {};
}

Result<void> PackStore::look_up_to_read(std::span<const RecordName> names,
                                        std::span<std::optional<RecordPlace>> places) {
  TRY(look_up_here(names, places));
  const bool all = std::ranges::all_of(places, [](const auto& place) { return place.has_value(); });
  if (all || access_ == StoreAccess::write) return {};
  if (TRY(pick_up_new_packs())) return look_up_here(names, places);
  return {};
}

Result<void> PackStore::look_up_here(std::span<const RecordName> names,
                                     std::span<std::optional<RecordPlace>> places) {
  TRY(index_->look_up(names, places));
  if (newer_) {
    std::vector<std::optional<RecordPlace>> newer(names.size());
    TRY(newer_->look_up(names, newer));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (newer[i]) places[i] = newer[i];
    }
  }
  for (auto& place : places) {
    if (place && (!packs_.contains(place->pack) || is_lost(*place))) place.reset();
  }
  return {};
}

Result<void> PackStore::add(const PackId& pack, std::span<const TableEntry> table) {
  packs_.insert(pack);
  unreadable_.erase(pack);
  return during(index_->add_pack(pack, table), "adding pack {}", pack.hex());
}

Result<void> PackStore::forget(std::span<const PackId> packs) {
  for (const PackId& pack : packs) {
    EBB_CHECK(condemned_.contains(pack) && !is_in_use(pack), "only a condemned pack goes");
    TRY(index_->forget_pack(pack));
  }
  // A pack that the index knows and nobody finds means that something was lost.
  TRY(index_->set_whole(whole_));
  for (const PackId& pack : packs) {
    packs_.erase(pack);
    unreadable_.erase(pack);
    condemned_.erase(pack);
    open_.erase(pack);
  }
  return {};
}

Result<void> PackStore::forget_records(const PackId& pack, std::span<const TableEntry> table) {
  std::vector<RecordName> names;
  names.reserve(table.size());
  for (const TableEntry& entry : table) names.push_back(entry.name);
  return index_->forget_records(pack, names);
}

Result<PackStore::OpenPack*> PackStore::open_pack(const PackId& pack) {
  if (const auto found = open_.find(pack); found != open_.end()) return &found->second;
  auto opened = [&]() -> Result<OpenPack> {
    auto file = TRY(files_.open(layout::pack(pack)));
    auto header = read_pack_header(loop_, *file);
    // The first bytes may be damaged while the rest is sound; the header is only needed to know
    // the data key, and only its own scrub can mend it.
    if (header && header->pack != pack) {
      return fail(Error::damaged("the pack is another one, {}", header->pack.hex()));
    }
    PackHeader checked = TRY(std::move(header));
    if (checked.use != PackUse::repository) {
      return fail(Error::damaged("it is part of a difference file"));
    }
    return OpenPack{std::move(file), checked, 0};
  }();
  if (!opened) return fail(opened.error().during("opening pack {}", pack.hex()));
  if (open_.size() >= packs_kept_open) {
    const auto idle =
        std::ranges::find_if(open_, [](const auto& p) { return p.second.in_use == 0; });
    if (idle != open_.end()) open_.erase(idle);
  }
  return &open_.emplace(pack, std::move(*opened)).first->second;
}

Result<ByteVector> PackStore::read_record(const RecordPlace& place, RecordKind kind,
                                          const RecordName& name) {
  OpenPack* pack = TRY(open_pack(place.pack));
  const ByteCount length(sizeof(RecordHeaderOnDisk) + std::uint64_t{place.stored_length});
  if (place.stored_length > max_stored_record.value()) {
    return fail(Error::damaged("the index names a record of {} bytes", place.stored_length));
  }
  ++pack->in_use;  // While this waits, others may open packs.
  auto read = read_run(loop_, *pack->file, ByteRun::of(ByteIndex(place.at), length));
  --pack->in_use;
  ByteVector bytes = TRY(during(std::move(read), "reading pack {}", place.pack.hex()));
  const Record record =
      TRY(during(unpack_record(bytes), "pack {} at {}", place.pack.hex(), place.at));
  if (record.header.name != name || record.header.kind != kind) {
    return fail(Error::damaged("pack {} at {} holds another record", place.pack.hex(), place.at));
  }
  return bytes;
}

void PackStore::close_pack(const PackId& pack) {
  const auto found = open_.find(pack);
  if (found == open_.end()) return;
  // Whoever reads from it holds a pointer to it, which stays right.
  auto node = open_.extract(found);
  std::erase_if(former_, [](const auto& former) { return former.mapped().in_use == 0; });
  if (node.mapped().in_use > 0) former_.push_back(std::move(node));
}

Result<void> PackStore::publish_lost(std::span<const LostRecord> records, Random& random) {
  TRY(files_.make_folder(layout::lost));
  for (std::size_t at = 0; at < records.size(); at += lost_in_one_list) {
    const auto part = records.subspan(at, std::min(lost_in_one_list, records.size() - at));
    const std::string id = random.name<PackId>().hex();
    TRY(publish_small_file(files_, loop_, std::string(layout::lost) + "/" + id,
                           frame_object(ObjectType::lost, pack_lost_records(part)),
                           std::string(layout::temporary) + "/" + id));
  }
  return {};
}

Result<void> PackStore::note_lost(std::span<const LostRecord> records, Random& random) {
  if (records.empty()) return {};
  ++losses_;
  TRY(set_whole(false));
  lost_.add(records);
  auto published = publish_lost(records, random);
  if (!published) lost_.remove(records);  // A scrub would call them noted.
  return published;
}

bool PackStore::has_lost_of(const PackId& pack) const {
  const auto found = lost_.records().lower_bound(LostRecord{pack, 0, {}});
  return found != lost_.records().end() && found->pack == pack;
}

// The new lists are there before the old ones go: a crash between loses nothing that was noted.
Result<bool> PackStore::take_back(const PackId& pack, std::span<const TableEntry> sound,
                                  std::span<const TableEntry> damaged, Random& random) {
  if (lost_list_is_damaged_) return false;
  const auto without = [&] {
    std::vector<LostRecord> staying;
    for (const LostRecord& record : lost_.records()) {
      if (record.pack != pack) staying.push_back(record);
    }
    for (const TableEntry& entry : damaged) {
      if (lost_.has({pack, entry.at, entry.stored_length})) {
        staying.push_back({pack, entry.at, entry.name});
      }
    }
    return staying;
  };
  const std::vector<LostRecord> staying = without();
  std::vector<std::string> former;
  for (const Files::Entry& list : TRY(files_.list(layout::lost))) {
    former.push_back(std::string(layout::lost) + "/" + list.name);
  }
  // The index may have been made anew while they counted as lost.
  std::vector<RecordName> names;
  for (const TableEntry& entry : sound) names.push_back(entry.name);
  std::vector<std::optional<RecordPlace>> places(names.size());
  TRY(index_->look_up(names, places));
  std::vector<TableEntry> missing;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const auto& place = places[i];
    const bool is_there =
        place && packs_.contains(place->pack) && (place->pack == pack || !is_lost(*place));
    if (!is_there) missing.push_back(sound[i]);
  }
  TRY(add(pack, missing));
  TRY(publish_lost(staying, random));
  for (const std::string& list : former) TRY(files_.remove(list));
  TRY(files_.sync_folder(layout::lost));
  // Others may have noted something meanwhile, in lists of their own.
  const std::vector<LostRecord> now = without();
  lost_.clear();
  lost_.add(now);
  return true;
}

}  // namespace ebb
