// SPDX-License-Identifier: Apache-2.0
// Writes small stores of snapshots for dm_snapshot_cow_fuzz into the folder given.
#include <filesystem>
#include <string>

#include "tests/support/cow_store.h"
#include "tests/support/image_file.h"

namespace {

using namespace ebb;

void write_seed(const std::string& path, ByteCount origin, const test::CowStore& store) {
  const Le32 sectors(static_cast<std::uint32_t>(origin.value() / 512));
  ByteVector seed = copy_of(bytes_of_struct(sectors));
  append(seed, store.bytes);
  test::make_image(path, ByteCount(seed.size()));
  test::write_at(path, ByteIndex(0), seed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const std::uint64_t entries : {0u, 1u, 31u, 32u, 33u, 64u}) {
    test::CowStore store(512_B, test::CowStore::chunks_for(512_B, entries));
    for (std::uint64_t i = 0; i < entries; ++i) store.save(i + i / 3);
    write_seed(folder + "/entries-" + std::to_string(entries), 64_KiB, store);
  }
  test::CowStore overflowed(512_B, 40);
  overflowed.set_header({Le32(cow_magic), Le32(0), Le32(cow_version), Le32(1)});
  write_seed(folder + "/overflowed", 64_KiB, overflowed);
  test::CowStore larger(4_KiB, 6);
  larger.save(5);
  larger.set_entry(1, 100, 1);
  write_seed(folder + "/wrong", 64_KiB, larger);
  return 0;
}
