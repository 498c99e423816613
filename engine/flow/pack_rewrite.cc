// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/pack_rewrite.h"

#include <algorithm>

#include "engine/repo/pack_reader.h"

namespace ebb {

namespace {

// Records that lie within so much of a pack are read at once.
constexpr std::uint64_t most_at_once = 1024 * 1024;

// A writer, and the wait for what is under way before it may go.
class NewPack {
 public:
  NewPack(Loop& loop, std::unique_ptr<PackWriter> writer)
      : loop_(loop), writer_(std::move(writer)) {}
  ~NewPack() {
    while (!writer_->quiet()) {
      const auto ran = loop_.run_once();
      EBB_CHECK(ran.has_value(), "the ring failed while a pack was being written");
    }
  }
  NewPack(const NewPack&) = delete;
  NewPack& operator=(const NewPack&) = delete;

  Result<void> append(Bytes record, const RecordName& name) {
    if (!writer_->takes(ByteCount(record.size()), 1)) {
      return fail(Error::damaged("its records lie over each other"));
    }
    std::optional<PackRoom> room;
    while (!(room = writer_->reserve(ByteCount(record.size()), 1))) TRY(run());
    std::ranges::copy(record, room->bytes.begin());
    const auto stored = static_cast<std::uint32_t>(record.size() - sizeof(RecordHeaderOnDisk));
    const TableEntry entry{name, room->at, stored};
    writer_->filled(*room, std::span(&entry, 1));
    return health();
  }
  Result<void> finish() {
    writer_->finish();
    TRY(health());
    while (!writer_->published() || !writer_->quiet()) TRY(run());
    return {};
  }
  PackWriter& writer() { return *writer_; }

 private:
  Result<void> run() {
    TRY(loop_.run_once());
    return health();
  }
  Result<void> health() {
    if (writer_->error()) return fail(*writer_->error());
    return {};
  }

  Loop& loop_;
  std::unique_ptr<PackWriter> writer_;
};

std::uint64_t end_of(const TableEntry& record) {
  return record.at + length_of(record).value();
}

// The first records of `rest`, as many as are read together.
std::span<const TableEntry> next_run(std::span<const TableEntry> rest) {
  std::size_t taken = 1;
  while (taken < rest.size() && end_of(rest[taken]) - rest.front().at <= most_at_once) ++taken;
  return rest.first(taken);
}

Result<void> copy_records(Loop& loop, File& from, std::span<const TableEntry> records,
                          NewPack& to) {
  while (!records.empty()) {
    const auto run = next_run(records);
    const std::uint64_t begin = run.front().at;
    const ByteVector bytes =
        TRY(read_run(loop, from, {ByteIndex(begin), ByteIndex(end_of(run.back()))}));
    for (const TableEntry& entry : run) {
      const Bytes raw = Bytes(bytes).subspan(entry.at - begin, length_of(entry).size());
      const Record record = TRY(during(unpack_record(raw), "its record at {}", entry.at));
      if (record.header.name != entry.name || record.payload.size() != entry.stored_length) {
        return fail(Error::damaged("another record lies at {}", entry.at));
      }
      TRY(to.append(raw, entry.name));
    }
    records = records.subspan(run.size());
  }
  return {};
}

}  // namespace

Result<ByteCount> rewrite_pack(const RewriteWorld& world, const PackCensus& census) {
  Repository& repository = world.repository;
  Files& files = repository.objects().files();
  const PackHeader header{PackUse::repository, repository.config().id,
                          repository.random().name<PackId>(), census.data_key};
  auto writer =
      TRY(PackWriter::begin({files, repository.loop(), world.workers, world.memory,
                             repository.objects().temporary_name(), layout::pack(header.pack)},
                            header));
  EBB_CHECK(writer != nullptr, "a rewrite has memory for one pack");
  NewPack pack(repository.loop(), std::move(writer));
  const auto old = TRY(files.open(layout::pack(census.pack)));
  TRY(copy_records(repository.loop(), *old, census.needed, pack));
  TRY(pack.finish());
  TRY(repository.packs().add(header.pack, pack.writer().table()));
  return pack.writer().length_on_disk();
}

}  // namespace ebb
