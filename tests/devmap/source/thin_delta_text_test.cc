// SPDX-License-Identifier: Apache-2.0
// What thin_delta prints: taken as it is, in any pieces, and refused when it is not quite that.
#include "devmap/source/thin_delta_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ebb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ByteCount block = 64_KiB;
constexpr ByteCount volume = 64_MiB;

// As version 0.9 printed it for two snapshots in a guest.
const std::string before =
    "<superblock uuid=\"\" time=\"2\" transaction=\"3\" data_block_size=\"128\" "
    "nr_data_blocks=\"0\">\n  <diff left=\"2\" right=\"3\">\n";
const std::string after = "  </diff>\n</superblock>\n";

Result<std::vector<ThinRun>> parse(const std::string& text, std::size_t piece = 1 << 20,
                                   ByteCount size = volume) {
  ThinDeltaText parser(size, block);
  std::vector<ThinRun> found;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    TRY(parser.take(std::string_view(text).substr(at, piece), found));
  }
  TRY(parser.finish());
  return found;
}

ThinRun run(std::uint64_t begin, std::uint64_t length, ThinChange change) {
  return {ByteRun::of(ByteIndex(begin * block.value()), block * length), change};
}

TEST(ThinDeltaText, SaysEachKindOfChangeAndLeavesOutWhatIsTheSame) {
  const std::string text = before +
                           "    <different begin=\"0\" length=\"2\"/>\n"
                           "    <same begin=\"2\" length=\"5\"/>\n"
                           "    <left_only begin=\"7\" length=\"1\"/>\n"
                           "    <right_only begin=\"100\" length=\"24\"/>\n" +
                           after;
  for (const std::size_t piece : {1u, 2u, 7u, 64u, 10000u}) {
    const auto found = parse(text, piece);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_THAT(*found,
                ElementsAre(run(0, 2, ThinChange::rewritten), run(7, 1, ThinChange::discarded),
                            run(100, 24, ThinChange::added)));
  }
}

TEST(ThinDeltaText, TwoThatAreTheSameHaveNoChanges) {
  const auto found = parse(before + after);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_TRUE(found->empty());
}

TEST(ThinDeltaText, ClipsToTheVolume) {
  const std::string text = before +
                           "<different begin=\"1\" length=\"10\"/>"
                           "<different begin=\"11\" length=\"1\"/>" +
                           after;
  const auto found = parse(text, 100, block * 2 + 512_B);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().bytes, ByteRun::of(ByteIndex(65536), block + 512_B));
}

TEST(ThinDeltaText, TextThatEndsEarlyIsRefusedWhereverItEnds) {
  const std::string text = before + "    <different begin=\"0\" length=\"2\"/>\n" + after;
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    EXPECT_FALSE(parse(text.substr(0, length))) << text.substr(0, length);
  }
}

TEST(ThinDeltaText, AnotherSizeOfBlocksIsAMismatch) {
  std::string text = before + after;
  text.replace(text.find("128"), 3, "256");
  const auto found = parse(text);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::mismatch);
}

class NotUnderstood : public ::testing::TestWithParam<const char*> {};

TEST_P(NotUnderstood, IsRefusedBecauseItMayBeAChange) {
  const auto found = parse(before + GetParam() + after);
  ASSERT_FALSE(found) << GetParam();
  EXPECT_EQ(found.error().kind(), ErrorKind::damaged);
  EXPECT_THAT(found.error().text(), AllOf(HasSubstr("thin_delta: "), HasSubstr("printed")));
}

INSTANTIATE_TEST_SUITE_P(
    Elements, NotUnderstood,
    ::testing::Values(
        "<moved begin=\"0\" length=\"1\"/>", "<different begin=\"0\"/>",
        "<different begin=\"0\" length=\"1\">", "</different>",
        "<different begin=\"0\" begin=\"1\" length=\"1\"/>",
        "<different begin=\"0\" length=\"1\" length=\"1\"/>",
        "<different begin=\"0\" length=\"1\" to=\"1\"/>", "<different begin=\"\" length=\"1\"/>",
        "<different begin=\"-1\" length=\"1\"/>", "<different begin=\" 1\" length=\"1\"/>",
        "<different begin='0' length='1'/>", "<different begin=0 length=1/>",
        "<different begin=\"0\"length=\"1\"/>", "<Different begin=\"0\" length=\"1\"/>",
        "<different begin=\"99999999999999999999\" length=\"1\"/>", "text", "<>", "<!--x-->",
        "<?xml?>", "</superblock>", "</diff ></diff>", "<diff left=\"1\" right=\"2\">"));

INSTANTIATE_TEST_SUITE_P(
    Runs, NotUnderstood,
    ::testing::Values("<different begin=\"5\" length=\"0\"/>",
                      "<different begin=\"5\" length=\"2\"/><different begin=\"6\" length=\"2\"/>",
                      "<same begin=\"5\" length=\"2\"/><different begin=\"4\" length=\"1\"/>",
                      "<different begin=\"18446744073709551615\" length=\"1\"/>",
                      "<different begin=\"1\" length=\"18446744073709551615\"/>",
                      "<different begin=\"0\" length=\"562949953421312\"/>"));

TEST(ThinDeltaText, TextAfterTheEndIsRefused) {
  EXPECT_TRUE(parse(before + after + " \n\n"));
  EXPECT_FALSE(parse(before + after + "<superblock>"));
  EXPECT_FALSE(parse(before + after + "x"));
}

TEST(ThinDeltaText, AnElementThatDoesNotEndTakesNoMemory) {
  ThinDeltaText parser(volume, block);
  std::vector<ThinRun> found;
  ASSERT_TRUE(parser.take(before, found));
  const std::string junk(512, 'a');
  ASSERT_TRUE(parser.take("<" + junk, found));
  EXPECT_FALSE(parser.take(junk, found));
}

}  // namespace
}  // namespace ebb
