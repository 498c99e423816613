// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/permission.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/repo/layout.h"
#include "wire/limits.h"

namespace ebb {
namespace {

constexpr std::array<Verb, 5> all_verbs{Verb::add, Verb::read, Verb::keys, Verb::administer,
                                        Verb::scrub};

VolumeId volume(std::uint8_t number) {
  VolumeId id;
  id.bytes.fill(std::byte{number});
  return id;
}

Permission may(Verbs verbs) {
  return {"somebody", verbs, std::nullopt};
}

// Who may do anything else but this.
Permission all_but(Verb verb) {
  Permission permission{"somebody", {}, std::nullopt};
  std::uint32_t bits = 0;
  for (const Verb other : all_verbs) {
    if (other != verb) bits |= static_cast<std::uint32_t>(other);
  }
  permission.verbs = *Verbs::of_bits(bits);
  return permission;
}

bool is_denied(const Result<void>& result) {
  return !result && result.error().kind() == ErrorKind::denied;
}

std::string point_of(const VolumeId& id) {
  return layout::volume_folder(id) + "/0000000000000001-00";
}

TEST(Permission, IsForTheVerbsThatItNamesOnly) {
  for (const Verb verb : all_verbs) {
    EXPECT_TRUE(may({verb}).allows(verb));
    EXPECT_TRUE(is_denied(all_but(verb).allows(verb))) << name_of(verb);
  }
  for (const Verb verb : all_verbs) EXPECT_TRUE(is_denied(may({}).allows(verb)));
  EXPECT_TRUE(is_denied(
      may({Verb::add, Verb::read, Verb::keys, Verb::administer, Verb::scrub}).allows(Verb::prune)));
}

TEST(Permission, RefusesInWordsThatNameThePeerAndTheVerb) {
  const auto refused = may({}).allows(Verb::administer);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("somebody"), std::string::npos);
  EXPECT_NE(refused.error().text().find(name_of(Verb::administer)), std::string::npos);
}

TEST(Permission, IsForTheVolumesThatItNamesOnly) {
  Permission permission = may({Verb::add, Verb::read});
  EXPECT_TRUE(permission.allows(Verb::add, volume(1)));
  permission.volumes = {volume(1), volume(3)};
  for (const Verb verb : {Verb::add, Verb::read}) {
    EXPECT_TRUE(permission.allows(verb, volume(1)));
    EXPECT_TRUE(is_denied(permission.allows(verb, volume(2))));
  }
  EXPECT_TRUE(is_denied(permission.allows(Verb::keys, volume(1))));
  permission.volumes = std::set<VolumeId>{};
  EXPECT_TRUE(is_denied(permission.allows(Verb::add, volume(1))));
}

TEST(Permission, ToReadAPointIsOfWhoAddsOrReadsItsVolume) {
  for (const Verb verb : {Verb::add, Verb::read}) {
    Permission permission = may({verb});
    permission.volumes = {volume(1)};
    EXPECT_TRUE(permission.allows_reading(point_of(volume(1))));
    EXPECT_TRUE(permission.allows_listing(layout::volume_folder(volume(1))));
    EXPECT_TRUE(is_denied(permission.allows_reading(point_of(volume(2)))));
    EXPECT_TRUE(is_denied(permission.allows_listing(layout::volume_folder(volume(2)))));
  }
  const Permission others = may({Verb::keys, Verb::administer, Verb::scrub});
  EXPECT_TRUE(is_denied(others.allows_reading(point_of(volume(1)))));
  // No volume is named by these.
  const Permission all = may({Verb::add, Verb::read});
  for (const char* name : {"points/x/1", "points/010203/1", "points//1", "points/-1"}) {
    EXPECT_TRUE(is_denied(all.allows_reading(name))) << name;
  }
}

TEST(Permission, ToReadKeysIsOfWhoMayReadKeysOnly) {
  for (const char* name : {"keys/0000000000000001/keyring", "keys/0000000000000001/slot-00"}) {
    EXPECT_TRUE(may({Verb::keys}).allows_reading(name));
    EXPECT_TRUE(is_denied(all_but(Verb::keys).allows_reading(name)));
  }
  EXPECT_TRUE(is_denied(all_but(Verb::keys).allows_listing("keys")));
  EXPECT_TRUE(is_denied(all_but(Verb::keys).allows_listing("keys/0000000000000001")));
}

TEST(Permission, ReachesNoContentByName) {
  const Permission all = may({Verb::add, Verb::read, Verb::keys, Verb::administer, Verb::scrub});
  for (const char* name : {"packs", "packs/00.pack", "index", "index/CURRENT", "writer.lock", "tmp",
                           "tmp/x", "lost", "lost/x", "elsewhere", "repository2", "membersx/1"}) {
    EXPECT_TRUE(is_denied(all.allows_reading(name))) << name;
  }
  for (const char* name : {"packs", "packs/00.pack", "points", "points/00/1", "index",
                           "index/CURRENT", "writer.lock", "lost", "lost/x", "elsewhere"}) {
    EXPECT_TRUE(is_denied(all.allows_changing(name))) << name;
  }
  EXPECT_TRUE(all.allows_making_folder("packs"));
  EXPECT_TRUE(is_denied(all.allows_making_folder("packs/x")));
  EXPECT_TRUE(is_denied(all.allows_making_folder("index")));
}

TEST(Permission, ToChangeAnythingIsOfWhoAdministersOnly) {
  for (const char* name : {"repository", "keys/x", "members/1", "envelopes/x", "tmp/x"}) {
    EXPECT_TRUE(may({Verb::administer}).allows_changing(name)) << name;
    EXPECT_TRUE(is_denied(all_but(Verb::administer).allows_changing(name))) << name;
    EXPECT_TRUE(is_denied(all_but(Verb::administer).allows_making_folder(name))) << name;
  }
  EXPECT_TRUE(is_denied(all_but(Verb::administer).allows_making_folder("points")));
  EXPECT_TRUE(is_denied(all_but(Verb::administer).allows_listing("")));
}

TEST(Permission, FollowsNoPathOutOfItsArea) {
  const Permission all = may({Verb::add, Verb::read, Verb::keys, Verb::administer, Verb::scrub});
  std::vector<std::string> names{"..",
                                 "../x",
                                 "/",
                                 "/etc/passwd",
                                 "members/",
                                 "/members/1",
                                 "members//1",
                                 "members/..",
                                 "members/../keys",
                                 "members/./1",
                                 "points/../keys/1",
                                 "tmp/../packs/x",
                                 "keys/..",
                                 "envelopes/../../x",
                                 "./members",
                                 std::string("members/1\0x", 11),
                                 "members/1\n",
                                 "members/ 1",
                                 "members\\1",
                                 "members/\xc3\xa9",
                                 "members/*",
                                 "~"};
  names.push_back("members/" + std::string(wire_limits::max_name_text, 'a'));
  for (const std::string& name : names) {
    EXPECT_FALSE(is_object_name(name)) << name;
    EXPECT_TRUE(is_denied(all.allows_reading(name))) << name;
    EXPECT_TRUE(is_denied(all.allows_listing(name))) << name;
    EXPECT_TRUE(is_denied(all.allows_changing(name))) << name;
    EXPECT_TRUE(is_denied(all.allows_making_folder(name))) << name;
  }
  EXPECT_FALSE(is_object_name(""));
  EXPECT_TRUE(is_denied(all.allows_reading("")));
  EXPECT_TRUE(is_denied(all.allows_changing("")));
  EXPECT_TRUE(is_object_name("members/..1"));
  EXPECT_TRUE(is_object_name("members/" + std::string(wire_limits::max_name_text - 8, 'a')));
}

}  // namespace
}  // namespace ebb
