// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/pack_reader.h"

#include <algorithm>

namespace ebb {

Result<ByteVector> read_run(Loop& loop, File& file, ByteRun bytes) {
  // What lies past the end of a pack that was cut is damage, not a lost disk.
  if (bytes.end > ByteIndex(0) + TRY(file.size())) {
    return fail(Error::damaged("the pack is cut short"));
  }
  ByteVector room(bytes.length().size());
  if (!room.empty()) TRY(read_and_wait(loop, file, bytes.begin, room));
  return room;
}

Result<PackHeader> read_pack_header(Loop& loop, File& file) {
  const auto bytes =
      TRY(read_run(loop, file, ByteRun::of(ByteIndex(0), ByteCount(sizeof(PackHeaderOnDisk)))));
  return unpack_pack_header(bytes);
}

Result<PackTail> read_last_pack_tail(Loop& loop, File& file) {
  const ByteCount size = TRY(file.size());
  constexpr ByteCount end_size(sizeof(TailEndOnDisk));
  if (size < end_size) return fail(Error::damaged("the pack is cut short"));
  const ByteIndex end = ByteIndex(0) + size;
  const ByteVector last = TRY(read_run(loop, file, {end - end_size, end}));
  const ByteCount length = TRY(tail_length_from_end(last));
  if (length > size) return fail(Error::damaged("the pack is cut short"));
  const ByteVector bytes = TRY(read_run(loop, file, {end - length, end}));
  return unpack_tail(bytes);
}

// A tail begins where a chunk ends; the first one that is whole is it.
Result<PackTail> search_first_pack_tail(Loop& loop, File& file) {
  const ByteCount size = TRY(file.size());
  const ByteIndex end = ByteIndex(0) + size;
  for (ByteIndex at = ByteIndex(0) + pack_chunk; at < end; at += pack_chunk) {
    const ByteIndex stop = std::min(end, at + max_tail_length);
    const ByteVector start =
        TRY(read_run(loop, file, {at, std::min(stop, at + ByteCount(sizeof(TailHeaderOnDisk)))}));
    if (start.size() < tail_magic.size() ||
        std::memcmp(start.data(), tail_magic.data(), tail_magic.size()) != 0) {
      continue;
    }
    const ByteVector bytes = TRY(read_run(loop, file, {at, stop}));
    auto tail = unpack_tail(bytes);
    if (tail && tail->first_tail_at() == at) return tail;
  }
  return fail(Error::damaged("no sound tail is in the pack"));
}

Result<FoundTail> read_pack_tail(Loop& loop, File& file) {
  const ByteCount size = TRY(file.size());
  auto last = read_last_pack_tail(loop, file);
  if (last && last->file_length() == size) return FoundTail{std::move(*last), true};
  return FoundTail{TRY(search_first_pack_tail(loop, file)), false};
}

Result<std::vector<TableEntry>> read_pack_table(Loop& loop, File& file, const PackTail& tail) {
  const ByteCount length(std::uint64_t{tail.record_count} * sizeof(TableEntryOnDisk));
  const ByteVector table = TRY(read_run(loop, file, ByteRun::of(ByteIndex(tail.table_at), length)));
  return unpack_table(tail, table);
}

}  // namespace ebb
