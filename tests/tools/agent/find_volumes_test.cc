// SPDX-License-Identifier: Apache-2.0
// Image files that patterns find; disks and volume groups are as volume_pattern_test.cc knows them.
#include "tools/agent/find_volumes.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/image_file.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

class FindVolumes : public testing::Test {
 protected:
  FindVolumes() {
    test::make_image(folder_ / "a.img", 1_MiB);
    test::make_image(folder_ / "b.img", 1_MiB);
    std::filesystem::create_directory(folder_ / "c.img");
  }
  std::vector<Target> find(const std::vector<std::string>& patterns,
                           const std::string& before = "") {
    control::PolicyOrder policy;
    policy.volumes = patterns;
    policy.before = before;
    return find_volumes(policy, "web1");
  }
  test::TemporaryFolder folder_;
};

TEST_F(FindVolumes, NamesImageFilesByHostAndPath) {
  const auto found = find({folder_ / "*.img"});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].volume, "web1:" + folder_ / "a.img");
  EXPECT_EQ(found[1].path, folder_ / "b.img");
  EXPECT_EQ(found[0].problem + found[1].problem, "");
}

TEST_F(FindVolumes, FindsNothingTwice) {
  std::filesystem::create_symlink(folder_ / "a.img", folder_ / "link");
  EXPECT_EQ(find({folder_ / "a.img", folder_ / "*.img", folder_ / "link"}).size(), 2u);
}

TEST_F(FindVolumes, SayWhatIsNotThere) {
  for (const std::string& pattern :
       {folder_ / "x.img", folder_ / "x*", folder_ / "c.img", std::string("serial=no such disk"),
        std::string("vg=no such group")}) {
    const auto found = find({pattern});
    ASSERT_EQ(found.size(), 1u) << pattern;
    EXPECT_NE(found[0].problem, "") << pattern;
  }
}

TEST_F(FindVolumes, LeaveWhatAHookWillMakeToTheHook) {
  const auto found = find({folder_ / "snapshot.img", folder_ / "y*"}, "make it");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].problem, "");
  EXPECT_EQ(found[0].volume, "web1:" + folder_ / "snapshot.img");
  EXPECT_NE(found[1].problem, "");
}

}  // namespace
}  // namespace ebb
