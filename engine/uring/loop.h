// SPDX-License-Identifier: Apache-2.0
// loop.h - the one place that waits, and the workers that compute meanwhile.
//
// A Loop belongs to one thread, the I/O thread. Whatever ends (a transfer, a worker's job) ends as
// a callback from run_once() on that thread, never during start() or submit(), so the stack stays
// flat and state needs no locks. A plain Loop knows no kernel: with memory devices and no worker
// threads a whole run is deterministic. Ring (ring.h) adds io_uring. A loop can live in another
// program's event loop (OuterLoop): then that one waits, for both, and several runs can take turns.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/uring/transfer.h"

namespace ebb {

// Work for a worker thread; owned and pinned by whoever submits it until `done` runs.
struct Job {
  void (*work)(Job&, unsigned worker) = nullptr;  // On worker `worker` of [0, Workers::count()).
  void (*done)(Job&) = nullptr;                   // On the I/O thread, afterwards.
  unsigned stage = 0;                             // Of what its batch goes through.
  static constexpr unsigned stages = 4;
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
};

// An event loop that a Loop lives in.
class OuterLoop {
 public:
  virtual ~OuterLoop() = default;
  // Runs the outer loop until called_back() was called, or something of its own ended.
  virtual void wait_for_a_turn() = 0;
  // Callbacks ran: whoever waits for a turn has one.
  virtual void called_back() = 0;
};

class Loop {
 public:
  Loop() = default;
  virtual ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Waits until at least one transfer or job has ended, and calls back for all that have.
  Result<void> run_once();

  // For media without a kernel behind them: the transfer settles at the next run_once().
  void settle_later(Transfer& transfer, Result<void> result);
  // From any thread: `job.done` runs at the next run_once(), which wakes up for it.
  void finished(Job& job);

  // From now on run_once() waits in `outer`, which calls the two below; null: by itself again.
  void live_in(OuterLoop* outer) { outer_ = outer; }
  // Hands queued transfers to the kernel without waiting, so that none waits for a busy loop.
  virtual Result<void> start_queued() { return {}; }
  // Calls back for all that has ended, without waiting. Whether anything had.
  Result<bool> deliver();

 protected:
  // Waits in the kernel until something was passed to settle_later() or finished().
  virtual Result<void> wait();
  virtual void wake() {}
  // Passes on what the kernel has ended, without waiting.
  virtual Result<void> reap() { return {}; }
  bool anything_ended();

 private:
  struct Settled {
    Transfer* transfer;
    Result<void> result;
  };
  std::vector<Settled> settled_;
  std::mutex mutex_;
  std::condition_variable something_finished_;
  std::vector<Job*> finished_;  // Under mutex_.
  OuterLoop* outer_ = nullptr;

  void call_back();
};

// A pool of threads that run jobs: those of a later stage first, for otherwise all batches would go
// through a window side by side and leave it together, with nothing being read meanwhile; within a
// stage in the order of their submission. With no threads, jobs run one after the other inside
// submit(): same results, one thread.
class Workers {
 public:
  Workers(Loop& loop, unsigned threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // How many jobs may run at once, and so how many per-worker states are needed.
  unsigned count() const { return threads_.empty() ? 1 : static_cast<unsigned>(threads_.size()); }
  void submit(Job& job);

 private:
  void work(unsigned worker);
  Job* take_job();
  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::array<std::deque<Job*>, Job::stages> queues_;  // By stage; under mutex_.
  bool closing_ = false;                              // Under mutex_.
  std::vector<std::thread> threads_;
};

// Start one transfer and run the loop until it has settled. For the few places that do one thing at
// a time (opening, committing); other callbacks run meanwhile.
Result<void> read_and_wait(Loop& loop, Medium& medium, ByteIndex at, MutableBytes room);
Result<void> write_and_wait(Loop& loop, Medium& medium, ByteIndex at, Bytes data);
Result<void> sync_and_wait(Loop& loop, Medium& medium);
Result<void> zero_and_wait(Loop& loop, Medium& medium, ByteRun bytes);

}  // namespace ebb
