// SPDX-License-Identifier: Apache-2.0
#include "tools/common/toml_file.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

const TomlEntry* entry(const TomlValue& table, const std::string& key) {
  for (const TomlEntry& one : table.entries) {
    if (one.key == key) return &one;
  }
  return nullptr;
}

TEST(TomlFile, KnowsWhereEachKeyAndValueStands) {
  const auto root = parse_toml("# a comment\nruns = 3\n  poll =   \"30s\"\n");
  ASSERT_TRUE(root);
  const TomlEntry* runs = entry(*root, "runs");
  ASSERT_NE(runs, nullptr);
  EXPECT_EQ(runs->place, (TextPlace{2, 1}));
  EXPECT_EQ(runs->value.place, (TextPlace{2, 8}));
  EXPECT_EQ(runs->value.kind, TomlValue::Kind::whole_number);
  EXPECT_EQ(runs->value.text, "3");
  const TomlEntry* poll = entry(*root, "poll");
  ASSERT_NE(poll, nullptr);
  EXPECT_EQ(poll->place, (TextPlace{3, 3}));
  EXPECT_EQ(poll->value.place, (TextPlace{3, 12}));
  EXPECT_EQ(poll->value.text, "30s");
}

TEST(TomlFile, TellsKindsApart) {
  const auto root =
      parse_toml("a = true\nb = [\"x\", 1]\nc = 1.5\nd = 2026-11-23\n[[e]]\nf = 0x10\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(entry(*root, "a")->value.text, "true");
  EXPECT_EQ(entry(*root, "b")->value.kind, TomlValue::Kind::list);
  EXPECT_EQ(entry(*root, "b")->value.items.size(), 2u);
  EXPECT_EQ(entry(*root, "c")->value.kind, TomlValue::Kind::other);
  EXPECT_EQ(entry(*root, "d")->value.kind, TomlValue::Kind::other);
  const TomlValue& tables = entry(*root, "e")->value;
  ASSERT_EQ(tables.items.size(), 1u);
  EXPECT_EQ(tables.items[0].kind, TomlValue::Kind::table);
  EXPECT_EQ(entry(tables.items[0], "f")->value.text, "16");
}

TEST(TomlFile, SaysWhereItStopsBeingToml) {
  for (const char* text : {"runs = 3\nruns = 4\n", "runs = 3\npoll = 30s\n", "runs = 3\npoll\n"}) {
    const auto root = parse_toml(text);
    ASSERT_FALSE(root) << text;
    EXPECT_EQ(root.error().place.line, 2u) << text;
    EXPECT_NE(root.error().what, "") << text;
  }
}

// The library decodes some bytes ahead, so the place is one before it.
TEST(TomlFile, RefusesWhatIsNotUtf8) {
  const auto root = parse_toml("runs = 3\n\xff\n");
  ASSERT_FALSE(root);
  EXPECT_GE(root.error().place.line, 1u);
}

TEST(TomlFile, HasABoundOnItsDepth) {
  EXPECT_FALSE(parse_toml("a = " + std::string(100'000, '[')));
}

}  // namespace
}  // namespace ebb
