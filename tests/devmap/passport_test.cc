// SPDX-License-Identifier: Apache-2.0
#include "devmap/passport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ebb {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Passport full() {
  Passport p;
  p.path = "/dev/sda";
  p.kind = "disk";
  p.shape = {1_GiB, 512_B, 4_KiB};
  p.alignment_offset = 512_B;
  p.minimum_io = 4_KiB;
  p.optimal_io = 64_KiB;
  p.discard_granularity = 4_KiB;
  p.rotational = p.removable = true;
  p.model = "Model";
  p.vendor = "Vendor";
  p.serial = "S 1";
  p.wwn = "naa.5000";
  p.dm_name = "vg-a";
  p.dm_uuid = "LVM-x";
  p.md_uuid = "m";
  p.partition_uuid = "u";
  p.partition_number = 3;
  p.backing_file = "/srv/a.img";
  p.backing_offset = 1_MiB;
  p.backing_filesystem = "xfs";
  p.content_type = "ext4";
  p.content_uuid = "c";
  p.content_label = "l\"\\\xc3\xa4";
  p.content_version = "1.0";
  p.table.kind = TableKind::gpt;
  p.table.id = "id";
  p.table.sector = 512_B;
  p.table.partitions = {{1, {ByteIndex(512), ByteIndex(1024)}, "t", "u", "n"}};
  p.table.problems = {"a problem"};
  p.table.own_areas = {{ByteIndex(0), ByteIndex(512)}};
  p.table.foreign_sector = 4_KiB;
  p.last_used = ByteIndex(1024);
  p.kernel_boot_id = "b";
  p.host = "h";
  p.notes = {"a note"};
  return p;
}

TEST(PassportJson, ComesBackAsItWas) {
  for (const Passport& passport : {full(), [] {
                                     Passport p;
                                     p.last_used = ByteIndex(0);
                                     return p;
                                   }()}) {
    const auto back = passport_from_json(to_json(passport).dump());
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, passport);
  }
}

TEST(PassportJson, TakesBytesThatAreNotUtf8) {
  Passport passport = full();
  const std::vector<std::string> dirty = {
      "\xff",     "a\xc3",         "\xed\xa0\x80",      "\xf5\x80\x80\x80",
      "\xc0\x80", "\xe0\x80\x80x", std::string("\0", 1)};
  for (const std::string& serial : dirty) {
    passport.serial = serial;
    const auto back = passport_from_json(to_json(passport).dump());
    ASSERT_TRUE(back) << back.error().text();
  }
  passport.serial =
      "a\xff"
      "b";
  EXPECT_EQ(passport_from_json(to_json(passport).dump())->serial,
            "a\xef\xbf\xbd"
            "b");
}

TEST(PassportJson, EveryFieldOfAWrongTypeIsRefused) {
  const json good = to_json(full());
  for (const auto& [key, value] : good.items()) {
    for (const json& wrong : {json(nullptr), json(-1), json(1.5), json("x"), json(true),
                              json::array({1}), json::object({{"x", 1}}), json(UINT64_MAX)}) {
      if (wrong.type() == value.type()) continue;
      json bad = good;
      bad[key] = wrong;
      const auto back = passport_from_json(bad.dump());
      ASSERT_FALSE(back) << key << " = " << wrong;
      EXPECT_EQ(back.error().kind(), ErrorKind::damaged);
      EXPECT_THAT(back.error().text(), testing::Not(testing::IsEmpty()));
    }
  }
}

TEST(PassportJson, OnlyVersionAndShapeAreNeeded) {
  const json good = to_json(full());
  for (const auto& [key, value] : good.items()) {
    json less = good;
    less.erase(key);
    EXPECT_EQ(passport_from_json(less.dump()).has_value(), key != "passport" && key != "shape")
        << key;
  }
}

TEST(PassportJson, NonsenseIsRefused) {
  const auto refused = [](const char* pointer, const json& value) {
    json bad = to_json(full());
    bad[json::json_pointer(pointer)] = value;
    return !passport_from_json(bad.dump()).has_value();
  };
  EXPECT_TRUE(refused("/passport", 2));
  EXPECT_TRUE(refused("/shape/logical_sector", 0));
  EXPECT_TRUE(refused("/shape/logical_sector", 513));
  EXPECT_TRUE(refused("/shape/logical_sector", 8192));
  EXPECT_TRUE(refused("/shape/physical_sector", 0));
  EXPECT_TRUE(refused("/shape/size", UINT64_MAX));
  EXPECT_TRUE(refused("/last_used", (1ull << 30) + 1));
  EXPECT_TRUE(refused("/table/kind", "apm"));
  EXPECT_TRUE(refused("/table/partitions/0/bytes/end", 512));
  EXPECT_TRUE(refused("/table/partitions/0/bytes/end", UINT64_MAX));
  EXPECT_TRUE(refused("/table/partitions/0/number", 1ull << 32));
  EXPECT_TRUE(refused("/model", std::string(5000, 'x')));
  EXPECT_TRUE(refused("/notes", json(std::vector<std::string>(20000, "x"))));
}

TEST(PassportJson, TextThatIsNoPassportIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("null"), std::string("[]"), std::string("{}"),
        std::string("\xff"), std::string(5 << 20, ' '), std::string(4 << 20, '['),
        std::string(R"({"passport":1e400,"shape":{}})"),
        std::string(R"({"passport":1,"shape":[]})"),
        std::string(R"({"passport":1,"shape":{"size":1}})")}) {
    const auto back = passport_from_json(text);
    ASSERT_FALSE(back) << text.substr(0, 40);
    EXPECT_EQ(back.error().kind(), ErrorKind::damaged);
  }
}

TEST(Identity, PrefersWhatSurvivesRenaming) {
  Passport p;
  p.host = "h";
  EXPECT_EQ(identity_text(p), "");
  p.serial = "S 1";
  p.model = "M";
  EXPECT_EQ(identity_text(p), "serial=:M:S_1");
  p.wwn = "naa.5000";
  EXPECT_EQ(identity_text(p), "wwn=naa.5000");
  p.partition_number = 2;
  p.partition_uuid = "u";
  EXPECT_EQ(identity_text(p), "partuuid=u on wwn=naa.5000");
  p.partition_number = 0;
  p.dm_uuid = "LVM-x";
  EXPECT_EQ(identity_text(p), "dm-uuid=LVM-x");
}

TEST(Identity, OfAnImageAndOfALoopDeviceOverItIsTheSame) {
  Passport image;
  image.kind = "image";
  image.path = "/srv/link.img";
  image.backing_file = "/srv/a.img";
  image.host = "h";
  Passport loop = image;
  loop.kind = "loop";
  loop.path = "/dev/loop3";
  EXPECT_EQ(identity_text(image), "file=h:/srv/a.img");
  EXPECT_EQ(identity_text(image), identity_text(loop));
  loop.backing_offset = 1_MiB;
  EXPECT_NE(identity_text(image), identity_text(loop));
}

}  // namespace
}  // namespace ebb
