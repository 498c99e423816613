// SPDX-License-Identifier: Apache-2.0
// What a policy may say, and whom it concerns.
#include <gtest/gtest.h>

#include "tests/wire/control/manager/manager_folder.h"

namespace ebb::control::test {
namespace {

Policy good() {
  Policy policy;
  policy.name = "web";
  policy.repository = "main";
  policy.volumes = {"web*:/dev/vg0/*", "db1:serial=S3Z8", "db1:vg=data"};
  policy.every_seconds = 3600;
  policy.settings = {"snapshot=auto", "compress=zstd:3", "snapshot-size=20%"};
  return policy;
}

TEST(PolicyTimes, AreReadAndWritten) {
  EXPECT_EQ(parse_seconds("90s").value(), 90u);
  EXPECT_EQ(parse_seconds("30m").value(), 1800u);
  EXPECT_EQ(parse_seconds("2w").value(), 14u * 86400);
  EXPECT_EQ(seconds_text(5400), "90m");
  EXPECT_EQ(seconds_text(86400 * 14), "14d");
  for (const char* wrong :
       {"", "1", "h", "-1h", "1.5h", "1h ", "1y", "99999999999999999999h", "9999999999999w"}) {
    EXPECT_FALSE(parse_seconds(wrong)) << wrong;
  }
}

TEST(PolicyWindow, IsReadAndWritten) {
  EXPECT_EQ(parse_window("22:00-06:00").value(), (TimeWindow{22 * 60, 6 * 60}));
  EXPECT_EQ(parse_window("0:30-24:00").value(), (TimeWindow{30, 1440}));
  EXPECT_EQ(window_text({22 * 60, 6 * 60}), "22:00-06:00");
  EXPECT_EQ(window_text({}), "always");
  for (const char* wrong : {"", "22:00", "22:00-", "22-06", "25:00-06:00", "22:60-06:00",
                            "06:00-06:00", "24:01-06:00", "a:00-b:00", "22:0-06:00"}) {
    EXPECT_FALSE(parse_window(wrong)) << wrong;
  }
}

TEST(PolicyPatterns, AreThoseOfTheHost) {
  EXPECT_EQ(patterns_for(good(), "web1"), (std::vector<std::string>{"/dev/vg0/*"}));
  EXPECT_EQ(patterns_for(good(), "db1"), (std::vector<std::string>{"serial=S3Z8", "vg=data"}));
  EXPECT_TRUE(patterns_for(good(), "mail").empty());
}

TEST(PolicyValidation, TakesWhatMakesSense) {
  EXPECT_TRUE(validate(good()));
}

TEST(PolicyValidation, RefusesWhatMakesNone) {
  struct Case {
    const char* words;
    void (*spoil)(Policy&);
  };
  const Case cases[] = {
      {"no name", [](Policy& p) { p.name = "a b"; }},
      {"--volumes", [](Policy& p) { p.volumes.clear(); }},
      {"cannot set", [](Policy& p) { p.settings = {"repo=/etc"}; }},
      {"cannot set", [](Policy& p) { p.settings = {"changed=/etc/shadow"}; }},
      {"cannot set", [](Policy& p) { p.settings = {"=x"}; }},
      {"KEY=VALUE", [](Policy& p) { p.settings = {"snapshot"}; }},
      {"none lvm auto", [](Policy& p) { p.settings = {"snapshot=thin"}; }},
      {"no value", [](Policy& p) { p.settings = {"compress=lz4 --repo=/x"}; }},
      {"no value", [](Policy& p) { p.settings = {"threads="}; }},
      {"at most", [](Policy& p) { p.settings.assign(17, "threads=1"); }},
      {"--volumes", [](Policy& p) { p.volumes.assign(65, "a:/b"); }},
      {"names no host", [](Policy& p) { p.volumes = {"/dev/sda"}; }},
      {"names no host", [](Policy& p) { p.volumes = {":/dev/sda"}; }},
      {"begin with /", [](Policy& p) { p.volumes = {"web1:dev/sda"}; }},
      {"names nothing", [](Policy& p) { p.volumes = {"web1:serial="}; }},
      {"too long", [](Policy& p) { p.volumes = {"web1:/" + std::string(1100, 'a')}; }},
      {"control character", [](Policy& p) { p.volumes = {"web1:/a\nweb2:/b"}; }},
      {"--every", [](Policy& p) { p.every_seconds = 9; }},
      {"--every", [](Policy& p) { p.every_seconds = 367ull * 86400; }},
      {"more than", [](Policy& p) { p.keep.daily = 1'000'000; }},
      {"within a day", [](Policy& p) { p.window.end = 1441; }},
      {"at most", [](Policy& p) { p.before = std::string(5000, 'a'); }},
      {"zero byte", [](Policy& p) { p.after = std::string("a\0b", 3); }},
  };
  for (const Case& wrong : cases) {
    Policy policy = good();
    wrong.spoil(policy);
    EXPECT_REFUSED(validate(policy), ErrorKind::invalid, wrong.words);
  }
}

TEST(PolicyBook, ReplacesAPolicyAsAWhole) {
  ManagerFolder folder;
  const Host store = folder.admit("store1", Role::storage);
  Policies& policies = folder.store().policies();
  EXPECT_REFUSED(policies.set(good(), noon), ErrorKind::absent, "repository create");
  ASSERT_TRUE(folder.store().catalog().create_repository("main", store, noon));
  Policy first = good();
  first.keep = {1, 2, 3, 4, 5, 6};
  first.window = {60, 120};
  first.before = "echo\nbefore";
  first.bytes_per_second = 50'000'000;
  ASSERT_TRUE(policies.set(first, noon));
  EXPECT_EQ(policies.named("web").value(), first);
  ASSERT_TRUE(policies.set(good(), noon));
  EXPECT_EQ(policies.all().value(), (std::vector<Policy>{good()}));
  ASSERT_TRUE(policies.remove("web", noon));
  EXPECT_REFUSED(policies.remove("web", noon), ErrorKind::absent, "web");
}

}  // namespace
}  // namespace ebb::control::test
