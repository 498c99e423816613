// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/used_records.h"

namespace ebb {

namespace {

constexpr unsigned bits_in_half = 32;

}  // namespace

Result<std::unique_ptr<UsedRecords>> UsedRecords::make(const Files& files) {
  auto set = files.place().empty() ? memory_index() : TRY(open_scratch_index());
  return std::unique_ptr<UsedRecords>(new UsedRecords(std::move(set)));
}

Result<std::optional<UsedRecords::Entries>> UsedRecords::find(const RecordName& name) {
  std::optional<RecordPlace> place;
  TRY(set_->look_up(std::span(&name, 1), std::span(&place, 1)));
  if (!place) return std::nullopt;
  return std::optional<Entries>(Entries{place->stored_length} << bits_in_half | place->at);
}

Result<std::vector<std::uint8_t>> UsedRecords::contains(std::span<const RecordName> names) {
  std::vector<std::optional<RecordPlace>> places(names.size());
  TRY(set_->look_up(names, places));
  std::vector<std::uint8_t> there;
  there.reserve(names.size());
  for (const auto& place : places) there.push_back(place ? 1 : 0);
  return there;
}

Result<void> UsedRecords::add(std::span<const Used> records) {
  std::vector<TableEntry> entries;
  entries.reserve(records.size());
  for (const Used& record : records) {
    entries.push_back({record.name, static_cast<std::uint32_t>(record.entries),
                       static_cast<std::uint32_t>(record.entries >> bits_in_half)});
  }
  return set_->add_pack(PackId{}, entries);
}

}  // namespace ebb
