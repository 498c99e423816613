// SPDX-License-Identifier: Apache-2.0
// packs.h - whole packs, written by the engine's own writer and looked at as plain bytes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "devmap/core/random.h"
#include "engine/file/files.h"
#include "engine/repo/pack_format.h"
#include "engine/repo/pack_writer.h"
#include "tests/support/simulated_folder.h"

namespace ebb::test {

// What a pack of a test holds; the records' names are the SHA-256 of their payloads.
struct PackContent {
  PackHeader header;
  std::vector<ByteVector> payloads;
};
PackContent random_pack_content(Random& random, std::size_t records, std::size_t payload);

// Writes the pack as `name`, by way of `name`.tmp, with a writer of its own memory.
Result<void> write_pack(Files& files, Loop& loop, unsigned threads, const PackContent& content,
                        const std::string& name);
// The same in memory only: the bytes of the file.
ByteVector pack_bytes(const PackContent& content, unsigned threads = 0);
ByteVector whole_file(Files& files, Loop& loop, const std::string& name);

// The tail by its second copy, else by the first one, which the file's length leads to.
std::optional<PackTail> find_tail(Bytes pack);
// Changes a byte of every map page in the pack file; how many there were.
int spoil_pages(SimulatedFolder& folder, const std::string& name);
// Mends the chunks, then writes both copies of the tail again. Nothing when no tail is sound.
struct Repaired {
  PackTail tail;
  std::vector<std::uint32_t> lost;
};
std::optional<Repaired> repair(MutableBytes pack);

}  // namespace ebb::test
