// SPDX-License-Identifier: Apache-2.0
// Writes sound maps, in the form that map_fuzz builds them from, into the folder given.
#include <filesystem>

#include "devmap/core/endian.h"
#include "engine/repo/page.h"
#include "tests/support/image_file.h"

int main(int argc, char** argv) {
  using namespace ebb;
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  // Kind less one, level, then position and page; page 0 is the zero page, page n the n-th.
  const std::string bottom("\0\0\0\0\1\0\2\0", 8);
  const std::string leaf("\0\0\0\1\1\1\2\0", 8);
  const std::string segment("\1\0\0\2\1\2\x81\2", 8);
  const std::string node("\2\1\0\3\1\3\2\0", 8);
  const std::string root("\2\2\0\4\1\4\2\0", 8);
  const auto put = [&](const std::string& name, std::uint64_t blocks, const std::string& pages) {
    const Le32 count(static_cast<std::uint32_t>(blocks));
    test::write_text(folder + "/" + name, std::string(text_of(bytes_of_struct(count))) + pages);
  };
  put("zero", blocks_in_segment, "");
  put("segment", blocks_in_segment, bottom + leaf + segment);
  put("node", blocks_in_segment * 2, bottom + leaf + segment + node);
  put("root", blocks_in_segment * page_fan_out * 2, bottom + leaf + segment + node + root);
  return 0;
}
