// SPDX-License-Identifier: Apache-2.0
// Writes small disks for partition_table_fuzz into the folder given.
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/support/gpt_image.h"
#include "tests/support/image_file.h"

namespace {

using namespace ebb;

void write_seed(const std::string& path, std::uint8_t choices, std::uint16_t new_sectors,
                const ByteVector& disk) {
  ByteVector seed = {std::byte{choices}, static_cast<std::byte>(new_sectors & 0xff),
                     static_cast<std::byte>(new_sectors >> 8)};
  append(seed, disk);
  test::make_image(path, ByteCount(seed.size()));
  test::write_at(path, ByteIndex(0), seed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const unsigned sector : {512u, 4096u}) {
    test::GptImage disk(ByteCount(sector), 16, 4);
    disk.put_entry(0, 4, 5, "one");
    disk.put_entry(2, 7, 9, "two");
    disk.seal();
    const std::uint8_t big = sector == 4096 ? 1 : 0;
    const std::string name = folder + "/gpt-" + std::to_string(sector);
    write_seed(name + "-grow", big, 40, disk.bytes);
    write_seed(name + "-shrink", static_cast<std::uint8_t>(big | 2), 14, disk.bytes);
    write_seed(name + "-foreign", static_cast<std::uint8_t>(big ^ 1), 40, disk.bytes);
  }
  ByteVector mbr(16 * 512);
  test::put_mbr(mbr, 0, {{0x83, 1, 3}, {0x05, 4, 12}});
  test::put_mbr(mbr, 4 * 512, {{0x83, 1, 1}, {0x05, 4, 4}});
  test::put_mbr(mbr, 8 * 512, {{0x83, 1, 1}});
  write_seed(folder + "/mbr", 0, 40, mbr);
  return 0;
}
