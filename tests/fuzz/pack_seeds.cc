// SPDX-License-Identifier: Apache-2.0
// Writes the parts of two small packs for pack_fuzz into the folder given.
#include <filesystem>

#include "tests/support/image_file.h"
#include "tests/support/packs.h"

int main(int argc, char** argv) {
  using namespace ebb;
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto random = seeded_random(1);
  for (const std::size_t records : {std::size_t{1}, std::size_t{5}}) {
    const ByteVector pack = test::pack_bytes(test::random_pack_content(*random, records, 100));
    const auto tail = test::find_tail(pack);
    const auto put = [&](const std::string& part, char choice, Bytes bytes) {
      for (const int mend : {0, 4}) {
        test::write_text(fmt::format("{}/{}-{}-{}", folder, part, records, mend),
                         static_cast<char>(choice | mend) + std::string(text_of(bytes)));
      }
    };
    put("header", 0, Bytes(pack).first(sizeof(PackHeaderOnDisk)));
    put("record", 1, Bytes(pack).subspan(sizeof(PackHeaderOnDisk), 164));
    ByteVector tail_and_table = to_disk(*tail);
    append(tail_and_table, Bytes(pack).subspan(tail->table_at, 40 * records));
    put("tail", 2, tail_and_table);
  }
  return 0;
}
