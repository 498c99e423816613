// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/local_sink.h"

#include <algorithm>
#include <utility>

namespace ebb {

LocalSink::LocalSink(Repository& repository, Workers& workers, PackMemory& memory)
    : repository_(repository), workers_(workers), memory_(memory) {}

LocalSink::~LocalSink() {
  const auto quiet = [&] {
    return std::ranges::all_of(writers_, [](const auto& writer) { return writer->quiet(); });
  };
  while (!quiet()) {
    const auto ran = repository_.loop().run_once();
    EBB_CHECK(ran.has_value(), "the ring failed while a pack was being written");
  }
}

Result<RunBase> LocalSink::begin(const RunStart& start) {
  if (start.repository != repository_.config().id) {
    return fail(Error::mismatch("the source key belongs to repository {}, this one is {}",
                                start.repository.hex(), repository_.config().id.hex()));
  }
  start_ = start;
  if (!open_) open_.emplace(repository_.open_runs().run_begins({start.data_key, std::nullopt}));
  open_->uses(start.data_key);
  // Before, so that none is left that nobody opens, and after, for whoever rotates meanwhile.
  TRY(are_for_the_recipients(start));
  // Before the first record that needs it: a pack whose key is lost is noise.
  for (const Envelope& envelope : start.envelopes) {
    TRY(repository_.keys().publish_envelope(envelope));
  }
  TRY(are_for_the_recipients(start));
  RunBase base;
  base.whole = repository_.packs().whole();
  base.latest_name = TRY(repository_.latest_point(start.volume));
  if (base.latest_name) {
    open_->builds_on(base.latest_name->id);
    auto latest = repository_.point(*base.latest_name);
    if (!latest && latest.error().kind() != ErrorKind::damaged) return fail(latest.error());
    if (latest) base.latest = std::move(*latest);
  }
  return base;
}

// Keys may have been rotated since the source read the members record, and what is wrapped to the
// former ones nobody opens any more. Whoever rotates publishes the new record first and then looks
// for envelopes, so one of them sees the other.
Result<void> LocalSink::are_for_the_recipients(const RunStart& start) {
  const Members members = TRY(repository_.keys().members(repository_.config().authority, nullptr));
  const auto is_for = [&](const HpkePublicKey& recipient) {
    const bool is_given = std::ranges::any_of(
        start.envelopes, [&](const Envelope& e) { return e.recipient == recipient; });
    return is_given || repository_.objects()
                           .read(ObjectType::envelope, layout::envelope(start.data_key, recipient))
                           .has_value();
  };
  if (std::ranges::all_of(members.recipients, is_for)) return {};
  return fail(Error::busy("the repository's keys were rotated since; do it again"));
}

void LocalSink::look_up(KnownQuery& query) {
  std::vector<RecordName> names;
  names.reserve(query.names.size());
  for (const Fingerprint& name : query.names) names.push_back(record_name(name));
  std::vector<std::optional<RecordPlace>> places(names.size());
  auto found = repository_.packs().look_up(names, places);
  for (std::size_t i = 0; i < names.size(); ++i) {
    query.known[i] = places[i].has_value() || claimed_.contains(names[i]) ? 1 : 0;
  }
  query.answered(query, std::move(found));
}

bool LocalSink::claim(const Fingerprint& name) {
  return claimed_.insert(record_name(name)).second;
}

// Makes the last writer one that takes records; false when there is no memory for it now.
Result<bool> LocalSink::open_writer() {
  PackHeader header;
  header.repository = repository_.config().id;
  header.pack = repository_.random().name<PackId>();
  header.data_key = start_.data_key;
  auto writer =
      TRY(PackWriter::begin({repository_.objects().files(), repository_.loop(), workers_, memory_,
                             repository_.objects().temporary_name(), layout::pack(header.pack)},
                            header));
  if (writer == nullptr) return false;
  writers_.push_back(std::move(writer));
  return true;
}

Result<std::optional<ShipRoom>> LocalSink::reserve(ByteCount bytes, std::uint64_t records) {
  TRY(health());
  TRY(collect_published());
  if (!writers_.empty() && !writers_.back()->takes(bytes, records)) writers_.back()->finish();
  const bool needs_writer = writers_.empty() || !writers_.back()->takes(bytes, records);
  if (needs_writer && !TRY(open_writer())) return std::nullopt;
  PackWriter& writer = *writers_.back();
  const auto room = writer.reserve(bytes, records);
  if (!room) return std::nullopt;
  return ShipRoom{room->bytes, *room, &writer};
}

void LocalSink::filled(ShipRoom& room, std::span<const TableEntry> entries) {
  std::vector<TableEntry> placed(entries.begin(), entries.end());
  for (TableEntry& entry : placed) entry.at += room.in_pack.at;
  room.writer->filled(room.in_pack, placed);
}

Result<void> LocalSink::keep(const PageDigest& digest, Bytes bytes) {
  const RecordName name = record_name(digest);
  if (claimed_.contains(name)) return {};
  std::optional<RecordPlace> place;
  TRY(repository_.packs().look_up(std::span(&name, 1), std::span(&place, 1)));
  if (place) {
    // The point that is being made must be whole: a page that lies there damaged is kept anew.
    const auto there = repository_.packs().read_record(*place, RecordKind::page, name);
    if (there) return {};
    const ErrorKind kind = there.error().kind();
    if (kind != ErrorKind::damaged && kind != ErrorKind::absent) return fail(there.error());
    replaced_.push_back({place->pack, place->at, name});
  }
  claimed_.insert(name);
  const ByteCount length(sizeof(RecordHeaderOnDisk) + bytes.size());
  std::optional<ShipRoom> room;
  while (!(room = TRY(reserve(length, 1)))) TRY(repository_.loop().run_once());
  RecordHeader header;
  header.kind = RecordKind::page;
  header.plain_length = header.stored_length = static_cast<std::uint32_t>(bytes.size());
  header.name = name;
  std::ranges::copy(bytes, room->bytes.begin() + sizeof(RecordHeaderOnDisk));
  put_record_header(header, bytes, room->bytes);
  const TableEntry entry{name, 0, header.stored_length};
  filled(*room, std::span(&entry, 1));
  return {};
}

Result<void> LocalSink::health() {
  for (const auto& writer : writers_) {
    if (writer->error()) return fail(*writer->error());
  }
  return {};
}

// Packs that are published go into the index; from then on it answers for their records.
Result<void> LocalSink::collect_published() {
  while (!writers_.empty() && writers_.front()->published() && writers_.front()->quiet()) {
    PackWriter& writer = *writers_.front();
    TRY(repository_.packs().add(writer.header().pack, writer.table()));
    for (const TableEntry& entry : writer.table()) claimed_.erase(entry.name);
    stored_ += writer.bytes_on_disk();
    writers_.erase(writers_.begin());
  }
  return {};
}

ByteCount LocalSink::stored() const {
  ByteCount sum = stored_;
  for (const auto& writer : writers_) sum += writer->bytes_on_disk();
  return sum;
}

Result<void> LocalSink::flush() {
  if (!writers_.empty()) writers_.back()->finish();
  TRY(health());
  TRY(collect_published());
  while (!writers_.empty()) {
    TRY(repository_.loop().run_once());
    TRY(health());
    TRY(collect_published());
  }
  TRY(repository_.objects().files().sync_folder(layout::packs));
  // Only now, for what was damaged may still be mended while nothing else is there.
  return repository_.packs().note_lost(std::exchange(replaced_, {}), repository_.random());
}

Result<void> LocalSink::commit(const SignedPoint& point) {
  EBB_CHECK(writers_.empty(), "a point is committed after everything was flushed");
  return repository_.publish_point(point);
}

}  // namespace ebb
