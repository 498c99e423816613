// SPDX-License-Identifier: Apache-2.0
// Who uses a device: on machines made up in a folder, and on real loop devices.
#include "devmap/occupation.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "devmap/core/unique_fd.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/made_up_machine.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using test::MadeUpMachine;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// sda: sda1 (ext4, /boot), sda2 (LVM: dm-0 root, dm-1 swap); sdb and sdc: md127 with dm-2 on it.
class ServerWithLvm : public testing::Test {
 protected:
  ServerWithLvm() {
    machine.add_disk("sda", "8:0");
    machine.add_partition("sda", "sda1", "8:1");
    machine.add_partition("sda", "sda2", "8:2");
    machine.add_disk("sdb", "8:16");
    machine.add_disk("sdc", "8:32");
    machine.add_disk("sdd", "8:48");
    machine.add_stacked("dm-0", "253:0", {"sda2"});
    machine.add_stacked("dm-1", "253:1", {"sda2"});
    machine.add_stacked("md127", "9:127", {"sdb", "sdc"});
    machine.add_stacked("dm-2", "253:2", {"md127"});
    machine.set_attribute("dm-0", "dm/name", "vg-root");
    machine.set_attribute("dm-1", "dm/name", "vg-swap");
    machine.set_attribute("dm-2", "dm/name", "data");
    machine.link("mapper/vg-root", "../dm-0");
    machine.mount("253:0", "/", "ext4", "/dev/mapper/vg-root");
    machine.mount("8:1", "/boot", "ext4", "/dev/sda1");
    machine.mount("253:2", machine.folder("srv/my repo"), "xfs", "/dev/mapper/data");
    machine.swap_on("/dev/dm-1");
  }
  Occupation of(const std::string& name) {
    auto found = probe_occupation(machine.dev(name), machine.roots());
    EXPECT_TRUE(found) << (found ? "" : found.error().text());
    return found.value_or(Occupation{});
  }
  bool overlap(const std::string& a, const std::string& b) {
    return overlaps(machine.dev(a), machine.dev(b), machine.roots()).value();
  }
  MadeUpMachine machine;
};

TEST_F(ServerWithLvm, ADiskIsOccupiedByAllThatStandsOnIt) {
  const Occupation disk = of("sda");
  EXPECT_THAT(disk.mounts,
              UnorderedElementsAre(EndsWith("dev/dm-0 on /"), EndsWith("dev/sda1 on /boot")));
  EXPECT_THAT(disk.holders, UnorderedElementsAre("dm-0 (vg-root)", "dm-1 (vg-swap)"));
  EXPECT_THAT(disk.swaps, ElementsAre("/dev/dm-1"));
  EXPECT_FALSE(disk.free());
}

TEST_F(ServerWithLvm, APartitionIsOccupiedByItsOwnUsersOnly) {
  EXPECT_THAT(of("sda1").mounts, ElementsAre(EndsWith("dev/sda1 on /boot")));
  EXPECT_THAT(of("sda1").holders, IsEmpty());
  EXPECT_THAT(of("sda2").mounts, ElementsAre(EndsWith("dev/dm-0 on /")));
}

TEST_F(ServerWithLvm, AMemberOfAnArrayIsHeldByTheWholeStack) {
  EXPECT_THAT(of("sdb").holders, ElementsAre("md127", "dm-2 (data)"));
  EXPECT_THAT(of("sdb").mounts, ElementsAre(HasSubstr("my repo")));
}

TEST_F(ServerWithLvm, APartitionOfAHeldDiskIsHeld) {
  machine.add_partition("sdb", "sdb1", "8:17");
  EXPECT_THAT(of("sdb1").holders, Contains("md127"));
}

TEST_F(ServerWithLvm, AnIdleDiskIsFree) {
  EXPECT_TRUE(of("sdd").free());
}

TEST_F(ServerWithLvm, ASymlinkIsTheDeviceThatItLeadsTo) {
  EXPECT_THAT(of("mapper/vg-root").mounts, ElementsAre(EndsWith("dev/dm-0 on /")));
  EXPECT_TRUE(
      same_device(machine.dev("mapper/vg-root"), machine.dev("dm-0"), machine.roots()).value());
  EXPECT_FALSE(same_device(machine.dev("dm-1"), machine.dev("dm-0"), machine.roots()).value());
}

TEST_F(ServerWithLvm, AReadOnlyDiskMakesItsPartitionsReadOnly) {
  EXPECT_FALSE(of("sda1").read_only);
  machine.set_attribute("sda", "ro", "1");
  EXPECT_TRUE(of("sda1").read_only);
}

TEST_F(ServerWithLvm, StackedDevicesOverlapWhatIsUnderThemAndNoSibling) {
  EXPECT_TRUE(overlap("sda", "sda1"));
  EXPECT_TRUE(overlap("sda1", "sda"));
  EXPECT_FALSE(overlap("sda1", "sda2"));
  EXPECT_TRUE(overlap("dm-0", "sda2"));
  EXPECT_TRUE(overlap("sda", "dm-0"));
  EXPECT_FALSE(overlap("dm-0", "dm-1"));
  EXPECT_FALSE(overlap("dm-0", "sda1"));
  EXPECT_TRUE(overlap("dm-2", "sdc"));
  EXPECT_FALSE(overlap("dm-2", "sda"));
}

TEST_F(ServerWithLvm, AFolderLiesOnEveryDeviceOfItsStack) {
  const auto under = devices_under(machine.folder("srv/my repo"), machine.roots());
  EXPECT_THAT(under.value(), ElementsAre(machine.dev("dm-2"), machine.dev("md127"),
                                         machine.dev("sdb"), machine.dev("sdc")));
  const auto home = devices_under(machine.folder("home"), machine.roots());
  EXPECT_THAT(home.value(),
              ElementsAre(machine.dev("dm-0"), machine.dev("sda"), machine.dev("sda2")));
}

TEST_F(ServerWithLvm, AFolderDoesNotLieOnAnotherPartitionOfItsDisk) {
  const auto on = [&](const char* name) {
    return lies_on(machine.folder("home"), machine.dev(name), machine.roots()).value();
  };
  EXPECT_TRUE(on("dm-0"));
  EXPECT_TRUE(on("sda2"));
  EXPECT_TRUE(on("sda"));
  EXPECT_FALSE(on("sda1"));
  EXPECT_FALSE(on("dm-1"));
  EXPECT_FALSE(on("sdb"));
}

TEST_F(ServerWithLvm, AnImageOnTheFoldersDiskIsAnotherThing) {
  const std::string image = machine.folder("home") + "/disk.img";
  test::make_image(image, 1_MiB);
  EXPECT_FALSE(lies_on(machine.folder("home"), image, machine.roots()).value());
  EXPECT_FALSE(overlaps(image, machine.dev("dm-0"), machine.roots()).value());
}

// A repository in a file system on a loop device over an image on md.
TEST_F(ServerWithLvm, LoopDevicesAreFollowedToTheDisksOfTheirImages) {
  const std::string image = machine.folder("srv/my repo") + "/inner.img";
  test::make_image(image, 1_MiB);
  machine.add_loop("loop0", "7:0", image);
  machine.mount("7:0", machine.folder("mnt"), "ext4", "/dev/loop0");
  const std::string repository = machine.folder("mnt/repo");
  EXPECT_THAT(devices_under(repository, machine.roots()).value(),
              ElementsAre(machine.dev("dm-2"), machine.dev("loop0"), machine.dev("md127"),
                          machine.dev("sdb"), machine.dev("sdc")));
  EXPECT_TRUE(lies_on(repository, image, machine.roots()).value());
  EXPECT_TRUE(lies_on(repository, machine.dev("loop0"), machine.roots()).value());
  EXPECT_TRUE(lies_on(repository, machine.dev("sdb"), machine.roots()).value());
  EXPECT_FALSE(lies_on(repository, machine.dev("sda"), machine.roots()).value());
  EXPECT_TRUE(same_device(image, machine.dev("loop0"), machine.roots()).value());
  EXPECT_FALSE(overlaps(machine.dev("loop0"), machine.dev("sdb"), machine.roots()).value());
  const auto occupation = probe_occupation(image, machine.roots());
  EXPECT_THAT(occupation->loops, ElementsAre(machine.dev("loop0")));
  EXPECT_THAT(occupation->mounts, ElementsAre(HasSubstr("loop0 on")));
}

TEST_F(ServerWithLvm, LoopDevicesOverPartsOfAnImageOverlapItButNotEachOther) {
  const std::string image = machine.folder("srv/my repo") + "/parts.img";
  test::make_image(image, 4_MiB);
  machine.add_loop("loop1", "7:1", image, "1048576", "1048576");
  machine.add_loop("loop2", "7:2", image, "2097152", "0");
  machine.add_loop("loop3", "7:3", image, "1572864", "4096");
  EXPECT_FALSE(same_device(image, machine.dev("loop1"), machine.roots()).value());
  EXPECT_TRUE(overlaps(image, machine.dev("loop1"), machine.roots()).value());
  EXPECT_FALSE(overlap("loop1", "loop2"));
  EXPECT_TRUE(overlap("loop1", "loop3"));
}

TEST_F(ServerWithLvm, ALoopDeviceOverADiskOccupiesIt) {
  machine.add_loop("loop4", "7:4", "/dev/sdd");
  EXPECT_THAT(of("sdd").loops, ElementsAre(machine.dev("loop4")));
  EXPECT_TRUE(overlap("loop4", "sdd"));
}

TEST_F(ServerWithLvm, EveryMemberOfABtrfsIsMounted) {
  machine.add_disk("sde", "8:64");
  machine.add_btrfs("6cf1", {"sdd", "sde"});
  machine.mount("0:55", machine.folder("pool"), "btrfs", "/dev/sdd");
  EXPECT_THAT(of("sde").mounts, ElementsAre(HasSubstr("sde on")));
  EXPECT_THAT(devices_under(machine.folder("pool"), machine.roots()).value(),
              ElementsAre(machine.dev("sdd"), machine.dev("sde")));
}

TEST_F(ServerWithLvm, AnOverlayLiesWhereItsLayersLie) {
  machine.mount(
      "0:60", machine.folder("merged"), "overlay", "overlay",
      "rw,lowerdir=" + machine.folder("lower") + ",upperdir=" + machine.folder("srv/my repo/up"));
  EXPECT_THAT(devices_under(machine.folder("merged"), machine.roots()).value(),
              testing::IsSupersetOf({machine.dev("dm-0"), machine.dev("dm-2")}));
}

TEST_F(ServerWithLvm, AFolderInMemoryLiesOnNoDevice) {
  machine.mount("0:30", machine.folder("tmp"), "tmpfs", "tmpfs");
  EXPECT_THAT(devices_under(machine.folder("tmp"), machine.roots()).value(), IsEmpty());
}

TEST_F(ServerWithLvm, ACircleInTheTreeEnds) {
  namespace fs = std::filesystem;
  const std::string block = machine.roots().sys + "/class/block/";
  fs::create_symlink(block + "dm-2", block + "dm-2/holders/sdb");
  fs::create_symlink(block + "dm-2", block + "sdb/slaves/dm-2");
  EXPECT_THAT(of("sdb").holders, Contains("md127"));
  EXPECT_TRUE(overlap("sdb", "dm-2"));
}

TEST(OccupationOfPaths, SaysWhatIsWrong) {
  test::TemporaryFolder folder;
  EXPECT_EQ(probe_occupation(folder / "absent").error().kind(), ErrorKind::absent);
  EXPECT_EQ(probe_occupation(folder.path()).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(probe_occupation("/dev/null").error().kind(), ErrorKind::invalid);
  EXPECT_EQ(devices_under(folder / "absent").error().kind(), ErrorKind::absent);
  EXPECT_EQ(same_device(folder / "a", folder / "b").error().kind(), ErrorKind::absent);
}

TEST(OccupationOfPaths, HardLinksAndSymlinksAreTheSameFile) {
  test::TemporaryFolder folder;
  test::make_image(folder / "a", 1_MiB);
  test::make_image(folder / "b", 1_MiB);
  std::filesystem::create_hard_link(folder / "a", folder / "hard");
  std::filesystem::create_symlink("a", folder / "soft");
  EXPECT_TRUE(same_device(folder / "a", folder / "hard").value());
  EXPECT_TRUE(same_device(folder / "a", folder / "soft").value());
  EXPECT_FALSE(same_device(folder / "a", folder / "b").value());
  EXPECT_TRUE(probe_occupation(folder / "a")->free());
}

class RealLoop : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    image = folder / "disk.img";
    test::make_image(image, 32_MiB);
    auto attached = test::LoopDevice::attach(image);
    ASSERT_TRUE(attached) << attached.error().text();
    loop = std::move(*attached);
  }
  test::TemporaryFolder folder;
  std::string image;
  std::unique_ptr<test::LoopDevice> loop;
};

TEST_F(RealLoop, IsSeenFromItsImage) {
  EXPECT_TRUE(probe_occupation(loop->path())->free());
  EXPECT_THAT(probe_occupation(image)->loops, ElementsAre(loop->path()));
  EXPECT_TRUE(same_device(image, loop->path()).value());
  EXPECT_TRUE(overlaps(image, loop->path()).value());
}

TEST_F(RealLoop, MountedIsSeenFromDeviceImageAndFolder) {
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  ASSERT_TRUE(test::run_program({"mkfs.ext4", "-q", loop->path()}).ok());
  const std::string at = folder / "a mount";
  std::filesystem::create_directory(at);
  {
    const auto mount = test::Mount::at(loop->path(), at, "ext4");
    ASSERT_TRUE(mount) << mount.error().text();
    EXPECT_THAT(probe_occupation(loop->path())->mounts, ElementsAre(loop->path() + " on " + at));
    EXPECT_THAT(probe_occupation(image)->mounts, ElementsAre(loop->path() + " on " + at));
    EXPECT_FALSE(probe_occupation(loop->path())->in_exclusive_use);  // The mount explains it.
    EXPECT_THAT(devices_under(at).value(), Contains(loop->path()));
    EXPECT_TRUE(lies_on(at, loop->path()).value());
    EXPECT_TRUE(lies_on(at, image).value());
    EXPECT_FALSE(lies_on(folder.path(), loop->path()).value());
  }
  EXPECT_TRUE(probe_occupation(loop->path())->free());
}

TEST_F(RealLoop, AMountedPartitionOccupiesTheWholeDisk) {
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  const auto part = loop->add_partition(1, ByteRun::of(ByteIndex(1 << 20), 16_MiB));
  const auto other = loop->add_partition(2, ByteRun::of(ByteIndex(17 << 20), 8_MiB));
  if (!part || !other) GTEST_SKIP() << "no partitions on loop devices here";
  ASSERT_TRUE(test::run_program({"mkfs.ext4", "-q", *part}).ok());
  const std::string at = folder / "mnt";
  std::filesystem::create_directory(at);
  const auto mount = test::Mount::at(*part, at, "ext4");
  ASSERT_TRUE(mount) << mount.error().text();
  EXPECT_THAT(probe_occupation(loop->path())->mounts, ElementsAre(*part + " on " + at));
  EXPECT_TRUE(probe_occupation(*other)->free());
  EXPECT_TRUE(overlaps(*part, loop->path()).value());
  EXPECT_TRUE(overlaps(*part, image).value());
  EXPECT_FALSE(overlaps(*part, *other).value());
  EXPECT_TRUE(lies_on(at, image).value());
  EXPECT_FALSE(lies_on(at, *other).value());
}

TEST_F(RealLoop, ExclusiveUseThatNothingExplainsIsSaid) {
  const UniqueFd holder(::open(loop->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  ASSERT_TRUE(holder.is_open());
  const auto occupation = probe_occupation(loop->path());
  EXPECT_TRUE(occupation->in_exclusive_use);
  EXPECT_FALSE(occupation->free());
}

TEST_F(RealLoop, ReadOnlyIsSeen) {
  const auto read_only = test::LoopDevice::attach(image, {.read_only = true});
  ASSERT_TRUE(read_only);
  EXPECT_TRUE(probe_occupation((*read_only)->path())->read_only);
  EXPECT_FALSE(probe_occupation(loop->path())->read_only);
}

TEST_F(RealLoop, SwappedOnIsSeen) {
  EBB_NEEDS_PROGRAM("mkswap");
  ASSERT_TRUE(test::run_program({"mkswap", loop->path()}).ok());
  if (!test::run_program({"swapon", loop->path()}).ok()) GTEST_SKIP() << "no swap here";
  const auto occupation = probe_occupation(loop->path());
  EXPECT_TRUE(test::run_program({"swapoff", loop->path()}).ok());
  EXPECT_THAT(occupation->swaps, ElementsAre(loop->path()));
}

}  // namespace
}  // namespace ebb
