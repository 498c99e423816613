// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/volume_pattern.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

TEST(VolumePattern, IsAPathAGlobASerialOrAVolumeGroup) {
  using Kind = VolumePattern::Kind;
  struct Case {
    const char* text;
    Kind kind;
    const char* what;
  };
  for (const Case& c : {Case{"/dev/sda", Kind::path, "/dev/sda"},
                        {"/dev/vg0/*", Kind::glob, "/dev/vg0/*"},
                        {"/srv/a?.img", Kind::glob, "/srv/a?.img"},
                        {"/srv/[ab].img", Kind::glob, "/srv/[ab].img"},
                        {"serial=S3Z*", Kind::serial, "S3Z*"},
                        {"vg=my-vg", Kind::vg, "my-vg"},
                        {"/srv/vg=a", Kind::path, "/srv/vg=a"}}) {
    const VolumePattern pattern = parse_pattern(c.text);
    EXPECT_EQ(pattern.kind, c.kind) << c.text;
    EXPECT_EQ(pattern.what, c.what) << c.text;
  }
}

TEST(VolumePattern, KnowsTheVolumeGroupOfALogicalVolumeAndOfNothingElse) {
  const std::string uuid = "LVM-" + std::string(64, 'x');
  EXPECT_EQ(volume_group_of("vg0-root", uuid), "vg0");
  EXPECT_EQ(volume_group_of("my--vg-root", uuid), "my-vg");
  EXPECT_EQ(volume_group_of("vg0-my--root", uuid), "vg0");
  EXPECT_EQ(volume_group_of("a----b-c", uuid), "a--b");
  EXPECT_EQ(volume_group_of("vg0-root-cow", uuid + "-cow"), "");
  EXPECT_EQ(volume_group_of("vg0-pool-tpool", uuid + "-tpool"), "");
  EXPECT_EQ(volume_group_of("crypt-disk", "CRYPT-LUKS2-x"), "");
  EXPECT_EQ(volume_group_of("vg0", uuid), "");
  EXPECT_EQ(volume_group_of("vg0-", uuid), "");
}

}  // namespace
}  // namespace ebb
