// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/difference_writer.h"

#include <algorithm>
#include <set>

#include "engine/file/slice_files.h"
#include "engine/repo/embedded_object.h"

namespace ebb {

namespace {

// So many that their data key table is one object.
constexpr std::size_t max_blocks_in_pack = 16384;
static_assert(max_blocks_in_pack <= max_data_key_entries);
constexpr std::size_t embedded_head = 4;

// Writes records into the packs of one file, a pack at a time.
class PackSequence {
 public:
  PackSequence(const DifferenceWorld& world, PackMemory& memory, File& file)
      : world_(world), memory_(memory), file_(file) {}
  ~PackSequence() {
    while (writer_ && !writer_->quiet()) {
      const auto ran = world_.loop.run_once();
      EBB_CHECK(ran.has_value(), "the ring failed while a pack was being written");
    }
  }
  PackSequence(const PackSequence&) = delete;
  PackSequence& operator=(const PackSequence&) = delete;

  Result<void> put_object(const EmbeddedObject& object) {
    const ByteVector payload = pack_embedded(object);
    RecordHeader header;
    header.kind = RecordKind::object;
    header.name = record_name(sha256(payload));
    return put_clear(header, payload);
  }
  Result<void> put_page(const PageDigest& digest, Bytes bytes) {
    RecordHeader header;
    header.kind = RecordKind::page;
    header.name = record_name(digest);
    return put_clear(header, bytes);
  }
  // A sealed block with its header, as it lies in the repository.
  Result<void> put_block(const Fingerprint& name, Bytes record, const DataKeyId& key) {
    if (names_.contains(record_name(name))) return {};  // Two places of B hold the same.
    if (keys_.size() >= max_blocks_in_pack) TRY(end_pack());
    TRY(put(record_name(name), record));
    keys_.push_back({record_name(name), key});
    return {};
  }
  Result<ByteCount> finish() {
    TRY(end_pack());
    return begin_ - ByteIndex(0);
  }

 private:
  Result<void> put_clear(RecordHeader header, Bytes payload) {
    header.plain_length = header.stored_length = static_cast<std::uint32_t>(payload.size());
    ByteVector record(sizeof(RecordHeaderOnDisk));
    put_record_header(header, payload, record);
    append(record, payload);
    return put(header.name, record);
  }

  Result<void> put(const RecordName& name, Bytes record) {
    if (!names_.insert(name).second) return {};  // Each name once in the file.
    const ByteCount table(sizeof(RecordHeaderOnDisk) + embedded_head +
                          (keys_.size() + 1) * sizeof(DataKeyEntry));
    if (writer_ && !writer_->takes(ByteCount(record.size()) + table, 2)) TRY(end_pack());
    return put_here(name, record);
  }

  Result<void> put_here(const RecordName& name, Bytes record) {
    if (!writer_) TRY(begin_pack());
    std::optional<PackRoom> room;
    while (!(room = writer_->reserve(ByteCount(record.size()), 1))) {
      if (writer_->error()) return fail(*writer_->error());
      TRY(world_.loop.run_once());
    }
    std::memcpy(room->bytes.data(), record.data(), record.size());
    const TableEntry entry{name, room->at,
                           static_cast<std::uint32_t>(record.size() - sizeof(RecordHeaderOnDisk))};
    writer_->filled(*room, std::span(&entry, 1));
    if (writer_->error()) return fail(*writer_->error());
    return {};
  }

  Result<void> begin_pack() {
    files_ = slice_for_writing(file_, begin_);
    PackHeader header;
    header.use = PackUse::difference;
    header.repository = world_.repository.config().id;
    header.pack = world_.repository.objects().random().name<PackId>();
    writer_ =
        TRY(PackWriter::begin({*files_, world_.loop, world_.workers, memory_, "", ""}, header));
    EBB_CHECK(writer_ != nullptr, "one pack at a time always has its memory");
    return {};
  }

  Result<void> end_pack() {
    if (!writer_) return {};
    if (!keys_.empty()) {
      const EmbeddedObject table{ObjectType::data_key_table, "", pack_data_key_table(keys_)};
      const ByteVector payload = pack_embedded(table);
      RecordHeader header;
      header.kind = RecordKind::object;
      header.name = record_name(sha256(payload));
      header.plain_length = header.stored_length = static_cast<std::uint32_t>(payload.size());
      ByteVector record(sizeof(RecordHeaderOnDisk));
      put_record_header(header, payload, record);
      append(record, payload);
      keys_.clear();
      TRY(put_here(header.name, record));
    }
    writer_->finish();
    while (!writer_->published() || !writer_->quiet()) {
      if (writer_->error()) return fail(*writer_->error());
      TRY(world_.loop.run_once());
    }
    begin_ += writer_->length_on_disk();
    writer_.reset();
    return {};
  }

  const DifferenceWorld& world_;
  PackMemory& memory_;
  File& file_;
  ByteIndex begin_;  // Of the pack that is being written.
  std::unique_ptr<Files> files_;
  std::unique_ptr<PackWriter> writer_;
  std::vector<DataKeyEntry> keys_;  // Of the blocks in this pack.
  std::set<RecordName> names_;
};

// Copies records as they are, after a look at their CRC.
class Copying final : public RecordVisitor {
 public:
  Copying(PackSequence& packs, ExtentSource& source) : packs_(packs), source_(source) {}
  void walked_by(RecordWalk& walk) { walk_ = &walk; }
  void look_at(RecordBatch& batch, unsigned) override { check_records(batch); }
  Result<void> arrived(RecordBatch& batch) override {
    if (!batch.damages.empty()) {
      const Damage& damage = batch.damages.front();
      return fail(Error::damaged("block {}: {}; `ebb scrub --repair` may mend it",
                                 damage.blocks.begin.value(), damage.what));
    }
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const WantedRecord& wanted = batch.records[i];
      const DataKeyId key = TRY(source_.data_key_of(wanted.place, wanted.name));
      TRY(packs_.put_block(wanted.name, batch.raw[i], key));
    }
    walk_->release(batch);
    return {};
  }

 private:
  PackSequence& packs_;
  ExtentSource& source_;
  RecordWalk* walk_ = nullptr;
};

// Visits the places of all blocks in which B differs from A, a window at a time.
Result<void> for_differing(PointBlocks& a, PointBlocks& b, const StopFlag& stop,
                           const std::function<Result<void>(const BlockWindow&)>& visit) {
  const BlockIndex end = b.grid().all().end;
  for (BlockIndex at; at < end;) {
    const BlockRun run{at, std::min(at + b.window_size(), end)};
    std::vector<Damage> damages;
    const auto now = TRY(b.prints(run, damages));
    auto before = TRY(
        a.prints({run.begin, std::min(run.end, std::max(run.begin, a.grid().all().end))}, damages));
    before.resize(now.size(), std::nullopt);
    if (!damages.empty()) return fail(Error::damaged("{}", damages.front().what));
    const BlockWindow window = TRY(b.window(run, [&](BlockIndex block) {
      const std::size_t i = (block - run.begin).size();
      return !before[i] || *before[i] != *now[i];
    }));
    if (!window.damages.empty()) return fail(Error::damaged("{}", window.damages.front().what));
    TRY(visit(window));
    if (stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
    at = run.end;
  }
  return {};
}

// What opens and proves B: configuration, keys, members, both points, envelopes.
Result<void> put_objects(PackSequence& packs, RepositoryAccess& repository, const SignedPoint& a,
                         const SignedPoint& b, const std::set<DataKeyId>& keys) {
  ObjectStore& objects = repository.objects();
  const auto put = [&](ObjectType type, const std::string& path) -> Result<void> {
    return packs.put_object({type, path, TRY(objects.read(type, path))});
  };
  TRY(put(ObjectType::repository, layout::config));
  const auto generations = TRY(repository.keys().generations());
  if (generations.empty()) return fail(Error::absent("the repository has no keyring"));
  TRY(put(ObjectType::keyring, layout::keyring(generations.front())));
  for (const Slot& slot : TRY(repository.keys().slots(generations.front()))) {
    TRY(put(ObjectType::slot, layout::slot(generations.front(), slot.id)));
  }
  const auto members = TRY(objects.list(layout::members));
  if (members.empty()) return fail(Error::absent("the repository has no members record"));
  TRY(put(ObjectType::members, std::string(layout::members) + "/" + members.back()));
  for (const SignedPoint* point : {&a, &b}) {
    const layout::PointName name{point->point.volume, point->point.sequence, point->id};
    TRY(packs.put_object({ObjectType::point, name.path(), point->body}));
  }
  for (const Envelope& envelope : TRY(repository.keys().all_envelopes())) {
    if (!keys.contains(envelope.data_key)) continue;
    TRY(packs.put_object({ObjectType::envelope,
                          layout::envelope(envelope.data_key, envelope.recipient),
                          pack_envelope(envelope)}));
  }
  return {};
}

}  // namespace

Result<DifferenceReport> export_difference(const DifferenceWorld& world, const SignedPoint& a,
                                           const SignedPoint& b, Files& out,
                                           const std::string& name) {
  if (a.point.volume != b.point.volume) {
    return fail(Error::mismatch("the two points are of different volumes"));
  }
  if (a.point.sequence >= b.point.sequence) {
    return fail(Error::invalid("the second point must be the later one"));
  }
  if (a.point.grid.block() != b.point.grid.block()) {
    return fail(
        Error::mismatch("the two points have blocks of different sizes; restore the second "
                        "one instead"));
  }
  const std::string building = name + ".new";
  // Not removed when it cannot be made: then it is somebody else's.
  const auto file = TRY(during(out.create(building), "making {}", building));
  const auto write = [&]() -> Result<DifferenceReport> {
    ExtentSource& source = world.repository.source();
    PointBlocks a_blocks(source, a.point);
    PointBlocks b_blocks(source, b.point);
    DifferenceReport report;

    // The envelopes come first in the file, so the data keys are gathered before a block is read.
    std::set<DataKeyId> keys;
    TRY(for_differing(a_blocks, b_blocks, world.stop,
                      [&](const BlockWindow& window) -> Result<void> {
                        for (const WantedRecord& wanted : window.wanted) {
                          keys.insert(TRY(source.data_key_of(wanted.place, wanted.name)));
                        }
                        return {};
                      }));

    PackMemory memory(world.arena);
    PackSequence packs(world, memory, *file);
    TRY(put_objects(packs, world.repository, a, b, keys));
    // Both maps, so that whoever applies the file can tell that a target held A. What they share is
    // there once.
    std::optional<Error> missing;
    for (const SignedPoint* point : {&a, &b}) {
      TRY(walk_pages(
          source, point->point.root(),
          [&](const PageDigest& digest, const Page& page) {
            return packs.put_page(digest, pack_page(page));
          },
          [&](const PageDigest&, BlockRun, const Error& error) { missing = error; }));
    }
    if (missing) return fail(*missing);

    Copying visitor(packs, source);
    RecordWalk walk({source, world.loop, world.workers, world.arena, world.stop}, visitor,
                    b.point.grid.block());
    visitor.walked_by(walk);
    TRY(for_differing(
        a_blocks, b_blocks, world.stop, [&](const BlockWindow& window) -> Result<void> {
          report.blocks += BlockCount(window.wanted.size());
          TRY(walk.run(window.wanted));
          world.observer.progress(
              {"exporting",
               b.point.grid.bytes_of(BlockRun{BlockIndex(0), window.run.end}).length(),
               b.point.grid.size(),
               {}});
          return {};
        }));
    report.bytes = TRY(packs.finish());
    TRY(sync_and_wait(world.loop, *file));
    TRY(out.rename(building, name));
    TRY(out.sync_folder(""));
    return report;
  };
  auto written = write();
  if (!written) static_cast<void>(out.remove(building));
  return written;
}

}  // namespace ebb
