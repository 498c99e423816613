// SPDX-License-Identifier: Apache-2.0
// Writes what thin_delta and era_invalidate print, and a little else, for metadata_text_fuzz into
// the folder given.
#include <filesystem>
#include <string>

#include "tests/support/image_file.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  const std::string before =
      "\x05<superblock uuid=\"\" time=\"1\" transaction=\"2\" data_block_size=\"128\" "
      "nr_data_blocks=\"0\">\n  <diff left=\"1\" right=\"2\">\n";
  const std::string after = "  </diff>\n</superblock>\n";
  ebb::test::write_text(folder + "/none", before + after);
  ebb::test::write_text(folder + "/all", before +
                                             "    <same begin=\"0\" length=\"3\"/>\n"
                                             "    <different begin=\"3\" length=\"1\"/>\n"
                                             "    <left_only begin=\"4\" length=\"10\"/>\n"
                                             "    <right_only begin=\"163839\" length=\"2\"/>\n" +
                                             after);
  ebb::test::write_text(folder + "/cut", before + "    <different begin=\"3\" leng");
  ebb::test::write_text(folder + "/eras",
                        "\x85<blocks>\n  <range begin=\"3\" end = \"8\"/>\n"
                        "  <block block=\"163839\"/>\n</blocks>\n");
  return 0;
}
