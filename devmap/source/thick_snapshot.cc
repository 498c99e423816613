// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/thick_snapshot.h"

#include <fcntl.h>

#include <cerrno>

#include "devmap/block_graph.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

Result<dev_t> device_in(const std::vector<std::string>& words, std::size_t index) {
  const auto number = index < words.size() ? device_number(words[index]) : std::nullopt;
  if (!number) return fail(Error::damaged("word {} of the table names no device", index));
  return *number;
}

// "16/32768 16": sectors used and there are, sectors of the table. Else a word that says why not.
Result<void> check_status(const MapperDevice& status) {
  const MapperTarget target = TRY(status.only("snapshot"));
  const std::string& word = target.words.empty() ? std::string() : target.words[0];
  if (word.find('/') != std::string::npos) return {};
  return fail(
      Error::lost("the snapshot {} says \"{}\": it overflowed or failed", status.name, word));
}

Result<ThickSnapshotPlace> asked_of(dev_t snapshot, DeviceMapper& mapper) {
  const MapperDevice table = TRY(mapper.table(snapshot));
  return ThickSnapshotPlace::of(table, TRY(mapper.status(snapshot)));
}

}  // namespace

std::uint64_t ThickSnapshotPlace::most_sectors() const {
  const auto up = [](std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit; };
  const std::uint64_t chunks = up(size.value(), chunk.value());
  const std::uint64_t areas = up(chunks, chunk.value() / sizeof(CowEntryOnDisk));
  return (1 + areas + chunks) * (chunk.value() / 512);
}

Result<ThickSnapshotPlace> ThickSnapshotPlace::of(const MapperDevice& table,
                                                  const MapperDevice& status) {
  if (table.targets.size() == 1 && table.targets[0].type == "snapshot-merge") {
    return fail(Error::busy("{} is being merged", table.name));
  }
  const MapperTarget target = TRY(table.only("snapshot"));
  TRY(check_status(status));
  ThickSnapshotPlace place;
  place.origin = TRY(device_in(target.words, 0));
  place.cow = TRY(device_in(target.words, 1));
  place.size = target.bytes.length();
  // "P", or "PO" where an overflow is told to whoever writes; "N" keeps its table in memory.
  if (target.words.size() < 4 || target.words[2].empty() || target.words[2][0] != 'P') {
    return fail(Error::invalid("the snapshot {} keeps no table on its device", table.name));
  }
  const auto sectors = number_in(target.words[3]);
  if (!sectors || *sectors == 0 || *sectors > 0x7fffffff) {
    return fail(Error::damaged("chunks of \"{}\" sectors are not possible", target.words[3]));
  }
  place.chunk = ByteCount(*sectors * 512);
  return place;
}

ThickSnapshot::ThickSnapshot(dev_t snapshot, DeviceMapper& mapper, const ThickSnapshotPlace& place,
                             UniqueFd fd, FdSource source)
    : snapshot_(snapshot),
      mapper_(mapper),
      place_(place),
      fd_(std::move(fd)),
      source_(std::move(source)) {}

Result<std::unique_ptr<ThickSnapshot>> ThickSnapshot::open(const std::string& path,
                                                           DeviceMapper& mapper) {
  const dev_t number = TRY(number_of_device(path));
  const ThickSnapshotPlace place = TRY(during(asked_of(number, mapper), "looking at {}", path));

  const BlockGraph graph{SystemRoots{}};
  const auto name = graph.name_of(place.cow);
  if (!name) return fail(Error::lost("the device with the table of {} is not there", path));
  const std::string node = graph.node_of(*name);
  UniqueFd fd(::open(node.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", node));
  FdSource source = TRY(FdSource::over(fd.get()));

  std::unique_ptr<ThickSnapshot> snapshot(
      new ThickSnapshot(number, mapper, place, std::move(fd), std::move(source)));
  snapshot->table_ =
      TRY(during(DmSnapshotCow::open(snapshot->source_, place.size), "reading {}", node));
  if (snapshot->table_->chunk() != place.chunk) {
    return fail(Error::mismatch("chunks have {} bytes in the table of {} and {} on {}",
                                place.chunk.value(), path, snapshot->table_->chunk().value(),
                                node));
  }
  return snapshot;
}

Result<std::optional<ByteRun>> ThickSnapshot::next() {
  const auto run = TRY(table_->next());
  if (!run) TRY(asked_of(snapshot_, mapper_));
  return run;
}

}  // namespace ebb
