// SPDX-License-Identifier: Apache-2.0
// pack_reader.h - the parts of one pack file that is open.
#pragma once

#include "engine/file/files.h"
#include "engine/repo/pack_format.h"

namespace ebb {

// Reads `bytes` of a file through an aligned buffer.
Result<ByteVector> read_run(Loop& loop, File& file, ByteRun bytes);

Result<PackHeader> read_pack_header(Loop& loop, File& file);

// From the end of the file; when that copy is damaged, from the first copy, which is searched for.
// `last_copy_sound` says which it was.
struct FoundTail {
  PackTail tail;
  bool last_copy_sound = true;
};
Result<FoundTail> read_pack_tail(Loop& loop, File& file);
// Only the copy that the file ends with; the pack may be shorter than the file.
Result<PackTail> read_last_pack_tail(Loop& loop, File& file);
// Only the first copy of the pack that the file begins with.
Result<PackTail> search_first_pack_tail(Loop& loop, File& file);
Result<std::vector<TableEntry>> read_pack_table(Loop& loop, File& file, const PackTail& tail);

}  // namespace ebb
