// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/ceiling.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

constexpr double mib = 1024 * 1024;

// Every part does 100 MiB a second, but for what a test says.
PartSpeeds even_speeds() {
  PartSpeeds speeds;
  for (double* speed : {&speeds.read_device, &speeds.read_folder, &speeds.write_folder,
                        &speeds.zero_test, &speeds.fingerprint, &speeds.seal, &speeds.open,
                        &speeds.compress, &speeds.decompress, &speeds.checksum, &speeds.parity}) {
    *speed = 100 * mib;
  }
  return speeds;
}

// 100 MiB read, none of it zero, all of it shipped, half of it stored.
FlowFigure full_run() {
  FlowFigure figure;
  figure.figure.bytes = 100_MiB;
  figure.figure.operations = 1600;
  figure.counts.shipped = BlockCount(1600);
  figure.stored = 50_MiB;
  return figure;
}

TEST(ACeiling, IsTheSlowestOfReadingWritingAndTheSumOfTheStages) {
  const Ceiling cpu = ceiling_of_pass({{Resource::read, "device", 3},
                                       {Resource::write, "folder", 2},
                                       {Resource::cpu, "seal", 1},
                                       {Resource::cpu, "compress", 2.5}});
  EXPECT_DOUBLE_EQ(cpu.seconds, 3.5);
  EXPECT_EQ(cpu.binds, Resource::cpu);
  EXPECT_EQ(cpu.part, "compress");
  EXPECT_EQ(cpu.text(), "CPU: compress");
  const Ceiling read =
      ceiling_of_pass({{Resource::read, "device", 3}, {Resource::cpu, "compress", 2.5}});
  EXPECT_DOUBLE_EQ(read.seconds, 3);
  EXPECT_EQ(read.text(), "reading");
}

TEST(ACeiling, OfPassesIsTheirSumAndTheLongestBinds) {
  const Ceiling both =
      ceiling_of_passes({{{Resource::read, "folder", 1}}, {{Resource::write, "target", 4}}});
  EXPECT_DOUBLE_EQ(both.seconds, 5);
  EXPECT_EQ(both.text(), "writing");
}

TEST(ACeiling, OfABackupFollowsWhatItCounted) {
  PartSpeeds speeds = even_speeds();
  // 1 fingerprint, 1 compress, .5 seal, 1 CRC (records and chunks), .5 parity.
  EXPECT_NEAR(ceiling_of_pass(demands_of_backup(full_run(), speeds)).seconds, 4, 1e-9);
  speeds.read_device = 10 * mib;
  EXPECT_EQ(ceiling_of_pass(demands_of_backup(full_run(), speeds)).text(), "reading");
  speeds.write_folder = 4 * mib;
  EXPECT_EQ(ceiling_of_pass(demands_of_backup(full_run(), speeds)).text(), "writing");
  FlowFigure unchanged = full_run();
  unchanged.counts.shipped = BlockCount(0);
  unchanged.stored = {};
  unchanged.counts.zero = BlockCount(800);  // Tested instead of fingerprinted.
  EXPECT_NEAR(ceiling_of_pass(demands_of_backup(unchanged, even_speeds())).seconds, 1, 1e-9);
}

TEST(ACeiling, OfARestoreProvesThenWritesAndReadsBack) {
  PartSpeeds speeds = even_speeds();
  const auto passes = demands_of_restore(full_run(), speeds);
  ASSERT_EQ(passes.size(), 2u);
  EXPECT_NEAR(ceiling_of_pass(passes[0]).seconds, 0.5, 1e-9);
  // .5 CRC, .5 open, 1 decompress, 2 fingerprint.
  EXPECT_NEAR(ceiling_of_pass(passes[1]).seconds, 4, 1e-9);
  speeds.write_folder = 10 * mib;
  EXPECT_EQ(ceiling_of_passes(demands_of_restore(full_run(), speeds)).text(), "writing");
}

TEST(PartSpeeds, AreCompleteWhenNothingIsMissing) {
  PartSpeeds speeds = even_speeds();
  EXPECT_TRUE(speeds.complete());
  speeds.parity = 0;
  EXPECT_FALSE(speeds.complete());
}

}  // namespace
}  // namespace ebb
