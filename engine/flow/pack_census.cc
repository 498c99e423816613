// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/pack_census.h"

#include "engine/repo/pack_reader.h"

namespace ebb {

namespace {

// The table of a pack does not say what kind a record is.
Result<bool> is_sound(PackStore& packs, const RecordPlace& place, const RecordName& name) {
  for (const RecordKind kind : {RecordKind::block, RecordKind::page}) {
    const auto record = packs.read_record(place, kind, name);
    if (record) return true;
    if (!is_obstacle(record.error())) return fail(record.error());
  }
  return false;
}

// A point needs this name. Whether it needs this copy of it.
Result<bool> is_needed_here(PackStore& packs, const PackId& pack, const TableEntry& record,
                            const std::optional<RecordPlace>& found) {
  if (found && found->pack == pack) return found->at == record.at;
  if (found && TRY(is_sound(packs, *found, record.name))) return false;
  return fail(
      Error::damaged("points need its record at {}, which was noted as lost or is found in another "
                     "pack where it is damaged",
                     record.at));
}

}  // namespace

Result<PackCensus> take_census(Repository& repository, Mark& mark, const PackId& pack) {
  PackStore& packs = repository.packs();
  PackCensus census;
  census.pack = pack;
  const auto file = TRY(repository.objects().files().open(layout::pack(pack)));
  const PackHeader header = TRY(read_pack_header(repository.loop(), *file));
  const PackTail tail = TRY(read_pack_tail(repository.loop(), *file)).tail;
  if (header.pack != pack || tail.pack != pack || header.use != PackUse::repository) {
    return fail(Error::damaged("it holds another pack"));
  }
  census.data_key = header.data_key;
  census.length = tail.file_length();
  const std::vector<TableEntry> table = TRY(read_pack_table(repository.loop(), *file, tail));
  const std::vector<std::uint8_t> used = TRY(mark.used(table));
  std::vector<TableEntry> wanted;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (used[i] != 0) {
      wanted.push_back(table[i]);
    } else {
      census.dead += length_of(table[i]);
    }
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::optional<RecordPlace> place;
    TRY(packs.look_up_to_read({&wanted[i].name, 1}, {&place, 1}));
    const bool needed = TRY(is_needed_here(packs, pack, wanted[i], place));
    (needed ? census.live : census.dead) += length_of(wanted[i]);
    if (needed) census.needed.push_back(wanted[i]);
    if (i % names_in_one_breath == 0) TRY(mark.breathe());
  }
  return census;
}

}  // namespace ebb
