// SPDX-License-Identifier: Apache-2.0
// What era_invalidate prints. The real program runs in a guest (tests/guest/era_test.py).
#include "devmap/source/era_text.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

Result<std::vector<ByteRun>> runs_in(std::string_view text, std::size_t piece = 1000) {
  EraText parser(1_MiB, 64_KiB);
  std::vector<ByteRun> found;
  while (!text.empty()) {
    const std::size_t length = std::min(piece, text.size());
    TRY(parser.take(text.substr(0, length), found));
    text.remove_prefix(length);
  }
  TRY(parser.finish());
  return found;
}

constexpr ByteRun blocks(std::uint64_t begin, std::uint64_t end) {
  return ByteRun{ByteIndex(begin << 16), ByteIndex(end << 16)};
}

// As version 0.9 prints it, with its blanks.
constexpr std::string_view printed =
    "<blocks>\n  <range begin=\"3\" end = \"8\"/>\n  <block block=\"10\"/>\n</blocks>\n";

TEST(EraText, IsReadInPiecesOfAnySize) {
  for (std::size_t piece = 1; piece <= printed.size(); ++piece) {
    const auto found = runs_in(printed, piece);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(*found, (std::vector<ByteRun>{blocks(3, 8), blocks(10, 11)})) << piece;
  }
}

TEST(EraText, OfNothingWrittenIsEmpty) {
  const auto found = runs_in("<blocks>\n</blocks>\n");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

TEST(EraText, IsClippedToTheDevice) {
  const auto found =
      runs_in("<blocks><range begin=\"15\" end=\"99\"/><block block=\"4294967295\"/></blocks>");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(*found, std::vector<ByteRun>{blocks(15, 16)});
}

TEST(EraText, ThatIsNotUnderstoodIsRefused) {
  for (const char* text : {"",
                           "<blocks>",
                           "<blocks/>",
                           "</blocks>",
                           "<block block=\"1\"/>",
                           "<blocks></blocks><x/>",
                           "<blocks a=\"1\"></blocks>",
                           "<blocks><block block=\"1\"></blocks>",
                           "<blocks><block block=\"1\" x=\"2\"/></blocks>",
                           "<blocks><block/></blocks>",
                           "<blocks><block block=\"\"/></blocks>",
                           "<blocks><block block=\"-1\"/></blocks>",
                           "<blocks><range begin=\"1\"/></blocks>",
                           "<blocks><range begin=\"2\" end=\"2\"/></blocks>",
                           "<blocks><range begin=\"2\" end=\"1\"/></blocks>",
                           "<blocks><block block=\"2\"/><block block=\"1\"/></blocks>",
                           "<blocks><range begin=\"1\" end=\"5\"/><block block=\"4\"/></blocks>",
                           "<blocks><block block=\"18446744073709551615\"/></blocks>",
                           "<blocks><block block=\"18446744073709551614\"/></blocks>",
                           "<blocks><other block=\"1\"/></blocks>",
                           "<blocks>1</blocks>",
                           "<blocks></blocks",
                           "<blocks><range begin = = \"1\" end=\"2\"/></blocks>",
                           "<blocks><range begin=\"1\"end=\"2\"/></blocks>"}) {
    const auto found = runs_in(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().kind(), ErrorKind::damaged) << text;
  }
  EXPECT_FALSE(runs_in("<blocks><block block=\"" + std::string(2000, '0')));
}

}  // namespace
}  // namespace ebb
