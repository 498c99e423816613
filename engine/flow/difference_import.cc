// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/difference_import.h"

#include <algorithm>
#include <unordered_set>

#include "engine/flow/local_source.h"
#include "engine/flow/point_blocks.h"

namespace ebb {

namespace {

std::vector<Envelope> envelopes_of(const DifferenceFile& file, const DataKeyId& key) {
  std::vector<Envelope> all;
  for (const EmbeddedObject& object : file.objects()) {
    if (object.type != ObjectType::envelope) continue;
    const auto envelope = unpack_envelope(object.body);
    if (envelope && envelope->data_key == key) all.push_back(*envelope);
  }
  return all;
}

Result<std::unordered_set<Fingerprint, NameHash>> names_of(DifferenceFile& file,
                                                           const DirtyMap& wanted) {
  std::unordered_set<Fingerprint, NameHash> names;
  PointBlocks blocks(file, file.b().point);
  for (BlockIndex at; const auto run = wanted.next_dirty(at, blocks.window_size());) {
    std::vector<Damage> damages;
    for (const auto& print : TRY(blocks.prints(*run, damages))) {
      if (print) names.insert(*print);
    }
    at = run->end;
  }
  return names;
}

Result<void> ship(Loop& loop, ExtentSink& sink, const Fingerprint& name, Bytes record) {
  std::optional<ShipRoom> room;
  while (!(room = TRY(sink.reserve(ByteCount(record.size()), 1)))) TRY(loop.run_once());
  std::memcpy(room->bytes.data(), record.data(), record.size());
  const TableEntry entry{record_name(name), 0,
                         static_cast<std::uint32_t>(record.size() - sizeof(RecordHeaderOnDisk))};
  sink.filled(*room, std::span(&entry, 1));
  return {};
}

// Everything that B needs can be found now.
Result<void> check_whole(Repository& repository, const Point& b) {
  LocalSource source(repository);
  PointBlocks blocks(source, b);
  const BlockIndex end = b.grid.all().end;
  for (BlockIndex at; at < end;) {
    const BlockRun run{at, std::min(at + blocks.window_size(), end)};
    const BlockWindow window = TRY(blocks.window(run, [](BlockIndex) { return true; }));
    if (!window.damages.empty()) {
      return fail(
          Error::damaged("after the import block {} is still missing: {}; the point was not "
                         "published",
                         window.damages.front().blocks.begin.value(), window.damages.front().what));
    }
    at = run.end;
  }
  return {};
}

}  // namespace

Result<ImportReport> import_difference(DifferenceFile& file, Repository& repository,
                                       ExtentSink& sink, const DirtyMap& wanted,
                                       const StopFlag& stop) {
  ImportReport report;
  bool has_a = false;
  for (const layout::PointName& name : TRY(repository.point_names())) {
    if (name.id == file.b().id) report.was_there = true;
    if (name.id == file.a().id) has_a = true;
  }
  if (report.was_there) return report;
  // Records are asked for before the sink begins, and B shares with A what the file does not hold.
  auto open = repository.open_runs().run_begins({file.b().point.data_key, file.a().id});
  if (!has_a) {
    return fail(
        Error::mismatch("this repository does not have point {}, from which the file starts",
                        file.a().id.hex().substr(0, 12)));
  }
  const auto needed = TRY(names_of(file, wanted));
  // Blocks come sorted by their data key: a pack holds blocks of one.
  std::optional<DataKeyId> key;
  const auto change_key = [&](const DataKeyId& next) -> Result<void> {
    if (key) TRY(sink.flush());
    key = next;
    const auto begun =
        sink.begin({file.repository(), file.b().point.volume, next, envelopes_of(file, next)});
    if (begun || begun.error().kind() != ErrorKind::busy) {
      return begun ? Result<void>() : fail(begun.error());
    }
    return fail(Error::mismatch("nobody could open what it brings ({}); export the file anew",
                                begun.error().text()));
  };
  for (const DifferenceFile::Block& block : file.blocks()) {
    if (stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
    if (!needed.contains(block.name)) continue;  // Nobody proved it, and B does not need it.
    const RecordName name = record_name(block.name);
    std::optional<RecordPlace> there;
    TRY(repository.packs().look_up(std::span(&name, 1), std::span(&there, 1)));
    if (there) continue;
    const ByteVector record = TRY(file.read_block(block));
    if (key != block.key) TRY(change_key(block.key));
    TRY(ship(repository.loop(), sink, block.name, record));
    report.blocks += BlockCount(1);
  }
  if (!key) TRY(change_key(file.b().point.data_key));
  for (const PageDigest& digest : file.pages()) {
    const ByteVector bytes = TRY(file.page(digest));
    TRY(unpack_page(digest, bytes));  // What is kept is what its name says.
    TRY(sink.keep(digest, bytes));
  }
  TRY(sink.flush());
  report.stored = sink.stored();
  TRY(check_whole(repository, file.b().point));
  TRY(sink.commit(file.b()));
  return report;
}

}  // namespace ebb
