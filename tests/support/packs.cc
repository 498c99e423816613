// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packs.h"

#include <algorithm>

#include "devmap/core/check.h"

namespace ebb::test {

PackContent random_pack_content(Random& random, std::size_t records, std::size_t payload) {
  PackContent content;
  content.header = {PackUse::repository, random.name<RepositoryId>(), random.name<PackId>(),
                    random.name<DataKeyId>()};
  for (std::size_t i = 0; i < records; ++i) {
    content.payloads.emplace_back(payload);
    random.fill(content.payloads.back());
  }
  return content;
}

Result<void> write_pack(Files& files, Loop& loop, unsigned threads, const PackContent& content,
                        const std::string& name) {
  Workers workers(loop, threads);
  const auto arena = TRY(Arena::make(PackMemory::total(), nullptr));
  PackMemory memory(*arena);
  const auto writer =
      TRY(PackWriter::begin({files, loop, workers, memory, name + ".tmp", name}, content.header));
  EBB_CHECK(writer != nullptr, "there is memory for one pack");
  const auto wait_until = [&](const auto& done) -> Result<void> {
    while (!done()) TRY(loop.run_once());
    return {};
  };
  for (std::size_t i = 0; i < content.payloads.size() && !writer->error(); ++i) {
    const Bytes payload = content.payloads[i];
    const ByteCount length(sizeof(RecordHeaderOnDisk) + payload.size());
    EBB_CHECK(writer->takes(length, 1), "the records of a test fit into one pack");
    std::optional<PackRoom> room;
    TRY(wait_until([&] { return (room = writer->reserve(length, 1)) || writer->error(); }));
    if (!room) break;
    RecordHeader header{RecordKind::block,
                        Codec::none,
                        static_cast<std::uint32_t>(payload.size()),
                        static_cast<std::uint32_t>(payload.size()),
                        i,
                        record_name(sha256(payload))};
    put_record_header(header, payload, room->bytes);
    std::ranges::copy(payload, room->bytes.begin() + sizeof(RecordHeaderOnDisk));
    const TableEntry entry{header.name, room->at, header.stored_length};
    writer->filled(*room, std::span(&entry, 1));
  }
  writer->finish();
  TRY(wait_until([&] { return writer->quiet(); }));
  if (writer->error()) return fail(*writer->error());
  EBB_CHECK(writer->published(), "a quiet, finished writer without an error has published");
  return {};
}

ByteVector pack_bytes(const PackContent& content, unsigned threads) {
  Loop loop;
  SimulatedFolder files(loop, 0);
  const auto written = write_pack(files, loop, threads, content, "pack");
  EBB_CHECK(written.has_value(), "a pack in memory is written");
  return files.content("pack");
}

ByteVector whole_file(Files& files, Loop& loop, const std::string& name) {
  auto bytes = read_small_file(files, loop, name, 1_GiB);
  EBB_CHECK(bytes.has_value(), "a file that a test wrote can be read");
  return std::move(*bytes);
}

std::optional<PackTail> find_tail(Bytes pack) {
  if (pack.size() < sizeof(TailEndOnDisk)) return std::nullopt;
  if (const auto length = tail_length_from_end(pack.last(sizeof(TailEndOnDisk)));
      length && length->size() <= pack.size()) {
    auto tail = unpack_tail(pack.last(length->size()));
    if (tail && tail->file_length().size() == pack.size()) return std::move(*tail);
  }
  for (std::uint32_t chunks = 1; chunks <= max_pack_chunks; ++chunks) {
    PackTail shape;
    shape.data_chunks = chunks;
    shape.rows = parity_rows(chunks);
    if (shape.file_length().size() != pack.size()) continue;
    auto tail = unpack_tail(pack.subspan(shape.first_tail_at().value()));
    if (tail) return std::move(*tail);
  }
  return std::nullopt;
}

int spoil_pages(SimulatedFolder& folder, const std::string& name) {
  const ByteVector pack = folder.content(name);
  const auto tail = find_tail(pack);
  EBB_CHECK(tail.has_value(), "a pack has a tail");
  const auto table = unpack_table(
      *tail, Bytes(pack).subspan(tail->table_at, tail->record_count * sizeof(TableEntryOnDisk)));
  EBB_CHECK(table.has_value(), "a pack has a table");
  int pages = 0;
  for (const TableEntry& entry : *table) {
    const auto record = unpack_record(Bytes(pack).subspan(entry.at));
    if (!record || record->header.kind != RecordKind::page) continue;
    const std::byte flipped = pack[entry.at + 100] ^ std::byte{1};
    folder.overwrite(name, ByteIndex(entry.at + 100), Bytes(&flipped, 1));
    ++pages;
  }
  return pages;
}

std::optional<Repaired> repair(MutableBytes pack) {
  auto tail = find_tail(pack);
  if (!tail) return std::nullopt;
  Mended outcome = mend(*tail, pack);
  const ByteVector copy = to_disk(*tail);
  for (const ByteIndex at : {tail->first_tail_at(), tail->second_tail_at()}) {
    std::ranges::copy(copy, pack.subspan(at.value()).begin());
  }
  return Repaired{std::move(*tail), std::move(outcome.lost)};
}

}  // namespace ebb::test
