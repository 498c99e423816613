// SPDX-License-Identifier: Apache-2.0
// Writes passports for passport_json_fuzz into the folder given.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "devmap/passport.h"
#include "tests/support/gpt_image.h"
#include "tests/support/image_file.h"

int main(int argc, char** argv) {
  using namespace ebb;
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  Passport passport;
  test::write_text(folder + "/empty", to_json(passport).dump());
  test::GptImage disk(512_B, 16, 4);
  disk.put_entry(0, 4, 5, "one");
  disk.seal();
  MemorySource source(disk.bytes);
  passport.shape.size = source.size();
  passport.table = read_partition_table(source, 512_B).value_or(PartitionTable{});
  passport.last_used = last_used_byte(passport.table, source.size());
  passport.path = "/dev/sda";
  passport.kind = "disk";
  passport.serial = "\u00e4\xff";
  passport.notes = {"a note"};
  test::write_text(folder + "/disk", to_json(passport).dump());
  return 0;
}
