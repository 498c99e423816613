// SPDX-License-Identifier: Apache-2.0
// Backups of NBD exports of real servers: what is read is what the server has, QEMU's dirty bitmaps
// say what changed, and a bitmap that was not begun with the last point is not believed.
#include <gtest/gtest.h>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/nbd_server.h"
#include "tests/support/run_program.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

class NbdBackup : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_NBD_SERVERS();
    ASSERT_TRUE(ebb_.init().ok());
  }

  void img(std::vector<std::string> words) {
    words.insert(words.begin(), "qemu-img");
    const ProgramResult done = run_program(words);
    ASSERT_TRUE(done.ok()) << done.output;
  }
  // Somebody writes to the machine's disk: data, zeroes, discards.
  void write_here_and_there(unsigned times) {
    std::vector<std::string> words = {"qemu-io", "-f", "qcow2", "--discard", "unmap"};
    for (unsigned i = 0; i < times; ++i) {
      const std::uint64_t length = 512 * (1 + random_->below(400));
      const std::uint64_t at = 512 * random_->below((size_.value() - length) / 512);
      const std::uint64_t kind = random_->below(4);
      std::string command = kind == 0   ? "discard"
                            : kind == 1 ? "write -z"
                                        : fmt::format("write -P {}", 1 + random_->below(255));
      words.insert(words.end(), {"-c", fmt::format("{} {} {}", command, at, length)});
    }
    words.push_back(disk_);
    const ProgramResult done = run_program(words);
    ASSERT_TRUE(done.ok()) << done.output;
  }
  void make_qcow2() {
    img({"create", "-q", "-f", "qcow2", disk_, std::to_string(size_.value())});
    write_here_and_there(60);
  }
  // What the export shows now, and the point restored.
  void expect_whole(const std::string& point, const std::string& format) {
    img({"convert", "-f", format, "-O", "raw", disk_, folder_ / "now.raw"});
    const EbbRun restored = ebb_.restore(point, folder_ / "restored.raw");
    ASSERT_TRUE(restored.ok()) << restored;
    const ProgramResult compared =
        run_program({"cmp", folder_ / "now.raw", folder_ / "restored.raw"});
    EXPECT_TRUE(compared.ok()) << compared.output;
    run_program({"rm", folder_ / "restored.raw"});
  }
  EbbRun backup(const NbdServer& server, const EbbProgram::Arguments& more = {}) {
    return ebb_.backup(server.uri(), "vm", more);
  }
  // As QEMU does in one transaction: a new bitmap begins, the former one stops.
  void begin_bitmap(const std::string& next, const std::string& former = "") {
    img({"bitmap", "--add", "-f", "qcow2", disk_, next});
    if (!former.empty()) img({"bitmap", "--disable", "-f", "qcow2", disk_, former});
  }

  const TemporaryFolder folder_;
  const std::unique_ptr<Random> random_ = test_random();
  const std::string disk_ = folder_ / "disk";
  const ByteCount size_ = 48_MiB;
  EbbProgram ebb_{folder_};
};

TEST_F(NbdBackup, OfARawImageReadsWhatIsThereAndNoHoles) {
  make_image(disk_, size_);
  write_at(disk_, ByteIndex((7_MiB).value() + 513), random_bytes(*random_, 3'000'000));
  const auto server = NbdServer::qemu(folder_, disk_, "raw");
  const EbbRun made = backup(*server);
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["device_size"], size_.value());
  EXPECT_LT(made.json["bytes_read"], (8_MiB).value());
  expect_whole("vm@latest", "raw");
}

TEST_F(NbdBackup, ByBitmapsHoldsEveryChange) {
  make_qcow2();
  begin_bitmap("b0");
  {
    const auto server = NbdServer::qemu(folder_, disk_, "qcow2");
    const EbbRun first = backup(*server, {"--next-bitmap", "b0"});
    ASSERT_TRUE(first.ok()) << first;
    expect_whole(first.json["point"], "qcow2");
  }
  for (unsigned round = 1; round <= 6; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    write_here_and_there(static_cast<unsigned>(random_->below(12)));
    const std::string was = fmt::format("b{}", round - 1);
    const std::string next = fmt::format("b{}", round);
    begin_bitmap(next, was);
    const auto server = NbdServer::qemu(folder_, disk_, "qcow2", {"--bitmap", was});
    // No sample, which could heal what the bitmap missed.
    const EbbRun made = backup(*server, {"--bitmap", was, "--next-bitmap", next, "--audit", "0"});
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_EQ(made.json["source"], "nbd") << made;
    expect_whole(made.json["point"], "qcow2");
  }
}

TEST_F(NbdBackup, ByABitmapThatWasNotBegunWithTheLastPointReadsEverythingAndSaysWhy) {
  make_qcow2();
  begin_bitmap("old");
  begin_bitmap("right");
  const auto first = NbdServer::qemu(folder_, disk_, "qcow2");
  ASSERT_TRUE(backup(*first, {"--next-bitmap", "right"}).ok());
  first->kill();
  write_here_and_there(3);
  begin_bitmap("late");  // Knows nothing of what was just written.
  const auto server = NbdServer::qemu(folder_, disk_, "qcow2", {"--bitmap", "late"});
  const EbbRun insists = backup(*server, {"--bitmap", "late", "--source", "nbd"});
  EXPECT_FALSE(insists.ok());
  EXPECT_NE(insists.err.find("not the one that was begun with the last point"), std::string::npos)
      << insists;
  const EbbRun made = backup(*server, {"--bitmap", "late"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["source"], "scan");
  EXPECT_NE(made.json["source_said"].dump().find("which is right"), std::string::npos) << made;
  expect_whole(made.json["point"], "qcow2");
}

TEST_F(NbdBackup, WithoutTheBitmapThatWasNamedIsRefused) {
  make_qcow2();
  const auto server = NbdServer::qemu(folder_, disk_, "qcow2");
  const EbbRun made = backup(*server, {"--bitmap", "b0"});
  EXPECT_FALSE(made.ok());
  EXPECT_NE(made.err.find("no dirty bitmap \"b0\""), std::string::npos) << made;
}

TEST_F(NbdBackup, NamesWhatTheServerCannotRead) {
  make_image(disk_, size_);
  write_at(disk_, ByteIndex(0), random_bytes(*random_, size_.size()));
  // One sector fails, whoever asks for it.
  const std::string socket = folder_ / "nbdkit";
  const NbdServer server(
      {"nbdkit", "--foreground", "--unix", socket, "eval",
       "get_size=echo " + std::to_string(size_.value()),
       "pread=a=$(($4)); e=$(($4+$3)); if [ $a -lt 1049088 ] && [ $e -gt 1048576 ]; "
       "then echo EIO bad >&2; exit 1; fi; "
       "dd if=" +
           disk_ +
           " iflag=skip_bytes,count_bytes,fullblock skip=$4 count=$3 "
           "bs=1M status=none"},
      socket);
  const EbbRun made = backup(server);
  EXPECT_TRUE(made.is(ExitCode::incomplete)) << made;
  ASSERT_EQ(made.json["unreadable"].size(), 1u) << made;
  EXPECT_EQ(made.json["unreadable"][0]["begin"], 1048576);
  EXPECT_EQ(made.json["unreadable"][0]["end"], 1049088);
}

TEST_F(NbdBackup, MakesNoPointWhenTheServerGoes) {
  make_image(disk_, size_);
  write_at(disk_, ByteIndex(0), random_bytes(*random_, size_.size()));
  const std::string socket = folder_ / "nbdkit";
  NbdServer server(
      {"nbdkit", "--foreground", "--unix", socket, "--filter=rate", "file", disk_, "rate=40M"},
      socket);
  const auto running = ebb_.start({"backup", server.uri(), "--volume", "vm"});
  std::this_thread::sleep_for(std::chrono::milliseconds(200 + random_->below(400)));
  server.kill();
  EXPECT_NE(running->exit_code(), 0);
  EXPECT_NE(running->errors().find("the NBD server"), std::string::npos) << running->errors();
  EXPECT_EQ(ebb_.run({"points"}).json.size(), 0u);
  const EbbRun nobody = backup(server);
  EXPECT_FALSE(nobody.ok());
  EXPECT_NE(nobody.err.find("connecting to nbd+unix"), std::string::npos) << nobody;
}

}  // namespace
}  // namespace ebb::test
