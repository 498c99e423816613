// SPDX-License-Identifier: Apache-2.0
// Writes small file systems for xfs_free_space_fuzz into the folder given.
#include <filesystem>
#include <string>

#include "tests/support/image_file.h"
#include "tests/support/xfs_image.h"

namespace {

using namespace ebb;

// Zeros at the end need not be written; they may become something, though.
void write_seed(const std::string& path, const test::XfsImage& image, std::size_t blocks) {
  for (const std::byte first : {std::byte{0}, std::byte{1}}) {
    ByteVector seed = {first};
    append(seed, Bytes(image.bytes).first(blocks * test::XfsImage::block));
    const std::string name = path + (first == std::byte{0} ? "-made-right" : "-as-it-is");
    test::make_image(name, ByteCount(seed.size()));
    test::write_at(name, ByteIndex(0), seed);
  }
}

std::vector<XfsBlockRun> every_other(std::uint64_t begin, std::uint64_t end) {
  std::vector<XfsBlockRun> runs;
  for (std::uint64_t at = begin; at < end; at += 2) {
    runs.push_back(XfsBlockRun::of(XfsBlockIndex(at), XfsBlockCount(1)));
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const XfsVersion version : {XfsVersion::four, XfsVersion::five}) {
    const std::string name = folder + (version == XfsVersion::four ? "/four" : "/five");
    test::XfsImage one({.version = version, .groups = 1});
    write_seed(name + "-full", one, 16);
    one.set_free(0, every_other(20, 22));
    write_seed(name + "-one", one, 16);
    test::XfsImage two({.version = version, .group_blocks = 64, .last_group_blocks = 64});
    two.set_free(0, every_other(30, 50));
    two.set_free(1, every_other(20, 26));
    write_seed(name + "-trees", two, 80);
  }
  return 0;
}
