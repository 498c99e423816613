// SPDX-License-Identifier: Apache-2.0
#include "engine/uring/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>

#include "engine/device/block_device.h"
#include "engine/uring/ring.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

struct Noted : Transfer {
  std::vector<int>* order = nullptr;
  int number = 0;
  Result<void> result;
};
void note(Transfer& transfer, Result<void> result) {
  auto& noted = static_cast<Noted&>(transfer);
  noted.result = std::move(result);
  noted.order->push_back(noted.number);
}

TEST(Loop, SettlesInOrderAndNeverDuringStart) {
  Loop loop;
  MemoryDevice device(loop, Shape{64_KiB});
  std::vector<int> order;
  std::array<Noted, 20> transfers;
  std::array<ByteVector, 20> rooms;
  for (int i = 0; i < 20; ++i) {
    auto& transfer = transfers[static_cast<std::size_t>(i)];
    rooms[static_cast<std::size_t>(i)].resize(4096);
    transfer.data = rooms[static_cast<std::size_t>(i)];
    transfer.order = &order;
    transfer.number = i;
    transfer.settled = note;
    device.start(transfer);
    EXPECT_TRUE(order.empty());
  }
  ASSERT_TRUE(loop.run_once());
  ASSERT_EQ(order.size(), 20u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Loop, WhatACallbackStartsSettlesAtTheNextTurn) {
  Loop loop;
  struct Again : Transfer {
    Loop* loop = nullptr;
    int left = 5;
    int turn = 0;
    bool inside = false;
  } again;
  again.loop = &loop;
  again.settled = [](Transfer& t, Result<void>) {
    auto& a = static_cast<Again&>(t);
    EXPECT_FALSE(a.inside);
    a.inside = true;
    if (--a.left > 0) a.loop->settle_later(a, {});
    a.inside = false;
  };
  loop.settle_later(again, {});
  for (int turn = 4; turn >= 0; --turn) {
    ASSERT_TRUE(loop.run_once());
    EXPECT_EQ(again.left, turn);
  }
}

TEST(Loop, CarriesTheError) {
  Loop loop;
  std::vector<int> order;
  Noted transfer;
  transfer.order = &order;
  transfer.settled = note;
  loop.settle_later(transfer, fail(Error::damaged("rot")));
  ASSERT_TRUE(loop.run_once());
  ASSERT_FALSE(transfer.result);
  EXPECT_EQ(transfer.result.error().text(), "rot");
}

struct CountedJob : Job {
  std::atomic<int>* running = nullptr;
  std::vector<int>* done_order = nullptr;
  std::vector<int>* work_order = nullptr;
  std::thread::id loop_thread;
  std::thread::id worked_on;
  unsigned worker = ~0u;
  unsigned workers = 0;
  int number = 0;
  int done_count = 0;
};

void run_jobs(Loop& loop, unsigned threads, int count) {
  std::vector<int> done_order;
  std::vector<std::unique_ptr<CountedJob>> jobs;
  Workers workers(loop, threads);
  EXPECT_EQ(workers.count(), threads == 0 ? 1 : threads);
  for (int i = 0; i < count; ++i) {
    auto job = std::make_unique<CountedJob>();
    job->done_order = &done_order;
    job->loop_thread = std::this_thread::get_id();
    job->workers = workers.count();
    job->number = i;
    job->work = [](Job& j, unsigned worker) {
      auto& counted = static_cast<CountedJob&>(j);
      counted.worker = worker;
      counted.worked_on = std::this_thread::get_id();
    };
    job->done = [](Job& j) {
      auto& counted = static_cast<CountedJob&>(j);
      EXPECT_EQ(std::this_thread::get_id(), counted.loop_thread);
      EXPECT_LT(counted.worker, counted.workers);
      counted.done_order->push_back(counted.number);
      ++counted.done_count;
    };
    workers.submit(*job);
    EXPECT_EQ(job->done_count, 0) << "done never runs inside of submit()";
    jobs.push_back(std::move(job));
  }
  while (done_order.size() < static_cast<std::size_t>(count)) ASSERT_TRUE(loop.run_once());
  for (const auto& job : jobs) {
    EXPECT_EQ(job->done_count, 1);
    EXPECT_EQ(job->worked_on == job->loop_thread, threads == 0);
  }
  EXPECT_TRUE(threads > 1 || std::ranges::is_sorted(done_order));
}

TEST(Workers, RunEveryJobOnceWithAnyNumberOfThreads) {
  for (const unsigned threads : {0u, 1u, 2u, 5u}) {
    Loop loop;
    run_jobs(loop, threads, 500);
    const auto ring = Ring::make();
    ASSERT_TRUE(ring);
    run_jobs(**ring, threads, 500);
  }
}

TEST(Workers, TakeLaterStagesFirstAndTheOldestOfAStage) {
  struct Staged : Job {
    int number = 0;
    std::vector<int>* order = nullptr;
  };
  struct Gate : Job {
    std::atomic<bool> open = false;
  };
  Loop loop;
  std::vector<int> order;  // By the one worker.
  std::array<Staged, 8> jobs;
  Gate gate;
  {
    Workers workers(loop, 1);
    gate.work = [](Job& j, unsigned) { static_cast<Gate&>(j).open.wait(false); };
    gate.done = [](Job&) {};
    gate.stage = Job::stages - 1;
    workers.submit(gate);  // So that all of the others wait together.
    for (int i = 0; i < 8; ++i) {
      Staged& job = jobs[static_cast<std::size_t>(i)];
      job.number = i;
      job.order = &order;
      job.stage = static_cast<unsigned>(i) % Job::stages;
      job.work = [](Job& j, unsigned) {
        auto& staged = static_cast<Staged&>(j);
        staged.order->push_back(staged.number);
      };
      job.done = [](Job&) {};
      workers.submit(job);
    }
    gate.open = true;
    gate.open.notify_one();
  }
  EXPECT_EQ(order, (std::vector{3, 7, 2, 6, 1, 5, 0, 4}));
}

TEST(Workers, FinishWhatWasSubmittedBeforeTheyEnd) {
  Loop loop;
  std::atomic<int> worked = 0;
  struct Slow : Job {
    std::atomic<int>* worked = nullptr;
  };
  std::array<Slow, 50> jobs;
  {
    Workers workers(loop, 2);
    for (Slow& job : jobs) {
      job.worked = &worked;
      job.work = [](Job& j, unsigned) { ++*static_cast<Slow&>(j).worked; };
      job.done = [](Job&) {};
      workers.submit(job);
    }
  }
  EXPECT_EQ(worked, 50);
}

}  // namespace
}  // namespace ebb
