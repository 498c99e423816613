// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/local_source.h"

namespace ebb {

Result<void> LocalSource::locate(std::span<const Fingerprint> names,
                                 std::span<std::optional<RecordPlace>> places) {
  std::vector<RecordName> records;
  records.reserve(names.size());
  for (const Fingerprint& name : names) records.push_back(record_name(name));
  return repository_.packs().look_up_to_read(records, places);
}

Result<DataKeyId> LocalSource::data_key_of(const RecordPlace& place, const Fingerprint&) {
  const PackStore::OpenPack* open = TRY(repository_.packs().open_pack(place.pack));
  return open->header.data_key;
}

LocalSource::Reading& LocalSource::free_reading() {
  for (const auto& reading : readings_) {
    if (reading->fetch == nullptr) return *reading;
  }
  return *readings_.emplace_back(std::make_unique<Reading>());
}

void LocalSource::fetch(Fetch& fetch) {
  Reading& reading = free_reading();
  reading.fetch = &fetch;
  reading.way = Way::read;
  reading.settled = [](Transfer& transfer, Result<void> result) {
    auto& done = static_cast<Reading&>(transfer);
    Fetch& asked = *std::exchange(done.fetch, nullptr);
    if (done.pack != nullptr) --std::exchange(done.pack, nullptr)->in_use;
    const std::size_t before = asked.bytes.begin.value() -
                               round_down(asked.bytes.begin.value(), limits::io_alignment.value());
    asked.arrived = asked.room.subspan(before, asked.bytes.length().size());
    asked.settled(asked, std::move(result));
  };
  auto pack = repository_.packs().open_pack(fetch.pack);
  if (!pack) return repository_.loop().settle_later(reading, fail(pack.error()));
  // Packs are multiples of 4 KiB long, so the aligned run stays inside.
  const ByteIndex begin(round_down(fetch.bytes.begin.value(), limits::io_alignment.value()));
  const ByteIndex end(round_up(fetch.bytes.end.value(), limits::io_alignment.value()));
  EBB_CHECK((end - begin).size() <= fetch.room.size(), "a fetch larger than its room");
  reading.pack = *pack;
  ++reading.pack->in_use;
  reading.at = begin;
  reading.data = fetch.room.first((end - begin).size());
  (*pack)->file->start(reading);
}

}  // namespace ebb
