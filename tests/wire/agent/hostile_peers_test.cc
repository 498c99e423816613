// SPDX-License-Identifier: Apache-2.0
// Peers that want the storage agent's memory, time or life: a real ebb-storage stays within its
// bounds, and another client's backup beside them ends right.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "engine/repo/ids.h"
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/sanitized.h"
#include "tests/support/seed.h"
#include "tests/wire/agent/raw_peer.h"

namespace ebb::test {
namespace {

using std::chrono::milliseconds;

// What one peer may cost: 24 MiB of calls without an answer, 8 MiB of answers that it does not take
// and one more that was let through, the stacks of 512 calls (8 KiB of each are used), and slack
// for an allocator that gives back late.
constexpr std::uint64_t kib_for_a_peer = 48 * 1024;

class HostilePeers : public testing::Test {
 protected:
  void SetUp() override {
    ebb_.address = agent_.address();
    make_image(disk_, 40_MiB);
    write_at(disk_, ByteIndex(0), random_bytes(*random_, (40_MiB).size()));
    ASSERT_TRUE(ebb_.init().ok());
    // Everything that an honest client needs was allocated then.
    const EbbRun first = ebb_.backup(disk_, "first");
    ASSERT_TRUE(first.ok()) << first;
    const EbbRun verified = ebb_.run({"verify"});
    ASSERT_TRUE(verified.ok()) << verified;
    before_ = agent_.peak_kib();
    pack_ =
        PackId::from_hex_text(std::filesystem::path(packs_of(ebb_.repository)[0]).stem().string())
            .value();
  }
  void TearDown() override {
    if (HasFatalFailure()) return;
    ASSERT_TRUE(agent_.runs()) << agent_.errors();
    const EbbRun verified = ebb_.run({"verify"});
    EXPECT_TRUE(verified.ok()) << verified;
    EXPECT_EQ(agent_.stop(), 0) << agent_.errors();
  }

  std::unique_ptr<RawPeer> open_peer() {
    auto peer = std::make_unique<RawPeer>(agent_.socket());
    EXPECT_TRUE(peer->connected());
    EXPECT_TRUE(peer->open());
    return peer;
  }

  // `attack` goes on in threads of its own until the backup beside it has ended; it looks at
  // `stop`.
  void expect_backup_beside(unsigned peers,
                            const std::function<void(const std::atomic<bool>& stop)>& attack) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < peers; ++i) threads.emplace_back([&] { attack(stop); });
    std::this_thread::sleep_for(milliseconds(200));
    write_at(disk_, ByteIndex((1_MiB).value()), random_bytes(*random_, (20_MiB).size()));
    const EbbRun made = ebb_.backup(disk_, "second");
    EXPECT_TRUE(made.ok()) << made;
    const EbbRun compared = ebb_.run({"verify", "second@latest", "--against", disk_});
    EXPECT_TRUE(compared.ok()) << compared;
    stop = true;
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(agent_.runs()) << agent_.errors();
    if (!is_sanitized) {
      EXPECT_LT(agent_.peak_kib(), before_ + peers * kib_for_a_peer);
    }
    std::printf("%u peers took %llu KiB\n", peers,
                static_cast<unsigned long long>(agent_.peak_kib() - before_));
  }

  const TemporaryFolder folder_;
  const std::string disk_ = folder_ / "disk.img";
  const std::unique_ptr<Random> random_ = test_random();
  EbbProgram ebb_{folder_};
  StorageProgram agent_{folder_ / "agent.sock", folder_ / "repository"};
  std::uint64_t before_ = 0;
  PackId pack_;
};

TEST_F(HostilePeers, WhoSendGarbageLoseTheirConnectionOnly) {
  for (int i = 0; i < 300; ++i) {
    RawPeer peer(agent_.socket());
    ASSERT_TRUE(peer.connected());
    ByteVector bytes = random_bytes(*random_, 1 + random_->below(4096));
    if (i % 3 == 0 && bytes.size() > 8) {  // A plausible beginning: one segment of some words.
      std::ranges::fill(std::span(bytes).first(8), std::byte{0});
      bytes[4] = static_cast<std::byte>(1 + random_->below(60));
    }
    peer.send(bytes);
  }
  expect_backup_beside(1, [](const std::atomic<bool>&) {});
}

TEST_F(HostilePeers, WhoSendSpoiledCallsLoseTheirConnectionOnly) {
  for (int i = 0; i < 300; ++i) {
    const auto peer = open_peer();
    ByteVector call = peer->read_call("members/0000000000000001");
    for (std::uint64_t n = 1 + random_->below(3); n > 0; --n) {
      call[random_->below(call.size())] ^= static_cast<std::byte>(1 + random_->below(255));
    }
    peer->send(call);
    if (i % 2 == 0) peer->send(peer->read_call("repository"));
  }
  expect_backup_beside(1, [](const std::atomic<bool>&) {});
}

TEST_F(HostilePeers, WhoCutTheirMessagesShortHoldNothing) {
  for (int i = 0; i < 100; ++i) {
    const auto peer = open_peer();
    const ByteVector call = peer->read_call("repository");
    peer->send(Bytes(call).first(random_->below(call.size())));
  }
  expect_backup_beside(1, [](const std::atomic<bool>&) {});
}

TEST_F(HostilePeers, WhoAnnounceHugeMessagesAreCutBeforeMemoryIsTaken) {
  const auto announce = [&](std::vector<std::uint32_t> header) {
    RawPeer peer(agent_.socket());
    EXPECT_TRUE(peer.send(std::as_bytes(std::span(header))));
    EXPECT_TRUE(peer.is_hung_up());
  };
  announce({0, 0x00080001});  // One segment of a word more than 4 MiB.
  announce({0, 0xffffffff});
  announce({0, 0x10000000});
  announce({511, 0xffffffff});
  announce({512, 1});
  announce({0xffffffff, 1});
  announce({0x7fffffff, 0xffffffff, 0xffffffff, 0xffffffff});
  {
    std::vector<std::uint32_t> many(512, 0x00040000);  // Together 256 times too large.
    many[0] = 510;
    announce(many);
  }
  expect_backup_beside(1, [](const std::atomic<bool>&) {});
}

TEST_F(HostilePeers, WhoNestDeeplyGetAnAnswerOrAreCut) {
  const auto peer = open_peer();
  ASSERT_TRUE(peer->call_repository(read_method, [](capnp::AnyPointer::Builder params) {
    auto inner = params.initAsAnyStruct(0, 1);
    for (int depth = 0; depth < 20'000; ++depth) {
      inner = inner.getPointerSection()[0].initAsAnyStruct(0, 1);
    }
  }));
  const auto answer = peer->answer_to(peer->last_question());
  if (answer != nullptr) {
    EXPECT_FALSE(answer->getRoot<capnp::rpc::Message>().getReturn().isResults());
  }
  expect_backup_beside(1, [](const std::atomic<bool>&) {});
}

TEST_F(HostilePeers, WhoConnectByThousandsAreTurnedAway) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  // The honest one is there first: a connection that it has, it keeps.
  const auto running = ebb_.start({"backup", disk_, "--volume", "beside"});
  while (running->runs() && std::filesystem::is_empty(ebb_.repository + "/tmp")) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  std::vector<std::unique_ptr<RawPeer>> peers;
  std::uint64_t most_open = 0;
  for (int i = 0; i < 3000; ++i) {
    peers.push_back(std::make_unique<RawPeer>(agent_.socket()));
    if (!peers.back()->connected()) peers.pop_back();  // Not accepted yet: too many wait.
    if (i % 100 == 0) most_open = std::max(most_open, agent_.open_files());
  }
  EXPECT_LT(most_open, 400u);
  const EbbRun made = end_of(*running);
  EXPECT_TRUE(made.ok()) << made;
  if (!is_sanitized) {
    EXPECT_LT(agent_.peak_kib(), before_ + 2 * kib_for_a_peer);
  }
  peers.clear();
  // As soon as there is room, others are let in again.
  for (int i = 0; i < 1000 && !ebb_.run({"points"}).ok(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
}

TEST_F(HostilePeers, WhoAskWithoutEndAndReadNoAnswersStayWithinTheirBound) {
  expect_backup_beside(2, [&](const std::atomic<bool>& stop) {
    while (!stop) {
      const auto peer = open_peer();
      while (!stop && peer->call_repository(read_method, reading("repository"))) {
      }
    }
  });
}

TEST_F(HostilePeers, WhoFetchWithoutEndAndReadNoAnswersStayWithinTheirBound) {
  expect_backup_beside(2, [&](const std::atomic<bool>& stop) {
    while (!stop) {
      const auto peer = open_peer();
      for (int i = 0; i < 400 && !stop; ++i) {
        if (!peer->call_repository(fetch_method, fetching(pack_.view(), 0, 2 << 20))) break;
      }
      while (!stop) std::this_thread::sleep_for(milliseconds(10));  // And holds on.
    }
  });
}

TEST_F(HostilePeers, WhoReadTheirAnswersButFinishNoCallStayWithinTheirBound) {
  expect_backup_beside(1, [&](const std::atomic<bool>&) {
    const auto peer = open_peer();
    for (int i = 0; i < 60; ++i) {
      if (!peer->call_repository(fetch_method, fetching(pack_.view(), 0, 2 << 20))) return;
      if (peer->answer_to(peer->last_question()) == nullptr) return;
    }
    for (int i = 0; i < 100'000; ++i) {
      if (!peer->call_repository(read_method, reading("x"))) return;
      if (peer->answer_to(peer->last_question()) == nullptr) return;
    }
  });
}

TEST_F(HostilePeers, WhoOpenTheRepositoryWithoutEndStayWithinTheirBound) {
  expect_backup_beside(1, [&](const std::atomic<bool>&) {
    const auto peer = open_peer();
    for (int i = 0; i < 100'000; ++i) {
      if (!peer->call_agent(open_method, opening())) return;
      if (peer->answer_to(peer->last_question()) == nullptr) return;
    }
  });
}

TEST_F(HostilePeers, DoNotKeepAnAgentFromEnding) {
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 8; ++i) {
    peers.push_back(open_peer());
    for (int k = 0; k < 100; ++k) {
      if (!peers.back()->call_repository(fetch_method, fetching(pack_.view(), 0, 2 << 20))) break;
    }
  }
  EXPECT_EQ(agent_.stop(), 0) << agent_.errors();
  agent_.start();
}

}  // namespace
}  // namespace ebb::test
