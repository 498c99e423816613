// SPDX-License-Identifier: Apache-2.0
// What LVM reports. The real thing is tested in a guest (tests/guest/snapshot_test.py).
#include "devmap/lvm/logical_volume.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ebb {
namespace {

using Json = nlohmann::json;

// As lvs of LVM 2.03.16 printed it.
Json row() {
  return {{"vg_name", "vg0"},
          {"lv_name", "ebb-a-5887c46d"},
          {"lv_uuid", "iARck4-47U1-juJ2-Ci9B-6XB1-j0ZM-T5oA59"},
          {"vg_uuid", "t1DpGE-NGUT-ntso-dpvu-LG79-2j4X-ZSXCt2"},
          {"lv_layout", "linear"},
          {"lv_role", "public,snapshot,thicksnapshot"},
          {"origin", "a"},
          {"pool_lv", ""},
          {"lv_tags", "ebb,ebb.base,ebb.for=ff00"},
          {"lv_dm_path", "/dev/mapper/vg0-ebb--a--5887c46d"},
          {"lv_size", "12582912"},
          {"vg_free", "247463936"},
          {"vg_extent_size", "4194304"},
          {"lv_active", "active"}};
}

std::string report(const std::vector<Json>& rows) {
  return Json{{"report", {{{"lv", rows}}}}}.dump();
}

TEST(LogicalVolumes, AreWhatLvmReports) {
  Json thin = row();
  thin["lv_layout"] = "thin,sparse";
  thin["lv_role"] = "public";
  thin["origin"] = "";
  thin["lv_tags"] = "";
  thin["lv_active"] = "";
  const auto found = logical_volumes_in(report({row(), thin}));
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 2u);
  const LogicalVolume& snapshot = found->at(0);
  EXPECT_EQ(snapshot.full_name(), "vg0/ebb-a-5887c46d");
  EXPECT_EQ(snapshot.size, 12_MiB);
  EXPECT_EQ(snapshot.origin, "a");
  EXPECT_TRUE(snapshot.active);
  EXPECT_TRUE(snapshot.plays("thicksnapshot"));
  EXPECT_TRUE(snapshot.has_tag("ebb"));
  EXPECT_TRUE(snapshot.has_tag("ebb.for=ff00"));
  EXPECT_FALSE(snapshot.has_tag("ebb.for=ff"));
  EXPECT_FALSE(snapshot.is_thin());
  EXPECT_TRUE(found->at(1).is_thin());
  EXPECT_FALSE(found->at(1).active);
  EXPECT_TRUE(found->at(1).tags.empty());
}

TEST(LogicalVolumes, AreNoneInAnEmptyReport) {
  const auto found = logical_volumes_in(report({}));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

TEST(LogicalVolumes, APoolIsNoThinVolume) {
  Json pool = row();
  pool["lv_layout"] = "thin,pool";
  EXPECT_FALSE(logical_volumes_in(report({pool}))->at(0).is_thin());
}

TEST(LogicalVolumes, OfHalfAReportAreDamaged) {
  const Json whole = row();
  for (const auto& [column, value] : whole.items()) {
    Json without = whole;
    without.erase(column);
    EXPECT_EQ(logical_volumes_in(report({whole, without})).error().kind(), ErrorKind::damaged)
        << column;
    Json number = whole;
    number[column] = 7;
    EXPECT_FALSE(logical_volumes_in(report({number}))) << column;
  }
  for (const char* size : {"", "12.00m", "-1", "99999999999999999999"}) {
    Json odd = row();
    odd["lv_size"] = size;
    EXPECT_FALSE(logical_volumes_in(report({odd}))) << size;
  }
  for (const char* text : {"", "{}", "[]", "{\"report\":{}}", "{\"report\":[{}]}",
                           "{\"report\":[{\"lv\":[[]]}]}", "{\"report\":[{\"lv\":["}) {
    EXPECT_FALSE(logical_volumes_in(text)) << text;
  }
}

}  // namespace
}  // namespace ebb
