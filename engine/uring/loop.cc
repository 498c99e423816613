// SPDX-License-Identifier: Apache-2.0
#include "engine/uring/loop.h"

namespace ebb {

bool Loop::anything_ended() {
  if (!settled_.empty()) return true;
  const std::lock_guard lock(mutex_);
  return !finished_.empty();
}

Result<void> Loop::run_once() {
  TRY(start_queued());
  if (outer_ != nullptr && !anything_ended()) {
    outer_->wait_for_a_turn();
    return {};
  }
  while (!anything_ended()) TRY(wait());
  call_back();
  return {};
}

Result<bool> Loop::deliver() {
  TRY(reap());
  if (!anything_ended()) return false;
  call_back();
  return true;
}

void Loop::call_back() {
  std::vector<Settled> settled = std::exchange(settled_, {});
  std::vector<Job*> finished;
  {
    const std::lock_guard lock(mutex_);
    finished = std::exchange(finished_, {});
  }
  for (Settled& s : settled) s.transfer->settled(*s.transfer, std::move(s.result));
  for (Job* job : finished) job->done(*job);
  if (outer_ != nullptr) outer_->called_back();
}

void Loop::settle_later(Transfer& transfer, Result<void> result) {
  settled_.push_back({&transfer, std::move(result)});
  if (outer_ != nullptr) outer_->called_back();  // A turn, in which it is called back.
}

void Loop::finished(Job& job) {
  const std::lock_guard lock(mutex_);
  finished_.push_back(&job);
  if (finished_.size() == 1) {
    something_finished_.notify_one();
    wake();
  }
}

Result<void> Loop::wait() {
  std::unique_lock lock(mutex_);
  something_finished_.wait(lock, [&] { return !finished_.empty(); });
  return {};
}

Workers::Workers(Loop& loop, unsigned threads) : loop_(loop) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::submit(Job& job) {
  if (threads_.empty()) {
    job.work(job, 0);
    loop_.finished(job);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    queues_.at(job.stage).push_back(&job);
  }
  wanted_.notify_one();
}

// With mutex_ held.
Job* Workers::take_job() {
  for (std::size_t stage = queues_.size(); stage-- > 0;) {
    auto& queue = queues_.at(stage);
    if (queue.empty()) continue;
    Job* job = queue.front();
    queue.pop_front();
    return job;
  }
  return nullptr;
}

void Workers::work(unsigned worker) {
  for (;;) {
    Job* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [&] { return (job = take_job()) != nullptr || closing_; });
      if (job == nullptr) return;
    }
    job->work(*job, worker);
    loop_.finished(*job);
  }
}

namespace {

// A transfer on the stack of whoever waits for it.
struct WaitedTransfer : Transfer {
  bool has_settled = false;
  Result<void> result;
};

Result<void> run_to_end(Loop& loop, Medium& medium, WaitedTransfer& transfer) {
  transfer.settled = [](Transfer& t, Result<void> result) {
    auto& waited = static_cast<WaitedTransfer&>(t);
    waited.result = std::move(result);
    waited.has_settled = true;
  };
  medium.start(transfer);
  while (!transfer.has_settled) {
    // The transfer lives on this stack, so an error of the loop may not leave it behind.
    const auto ran = loop.run_once();
    EBB_CHECK(ran.has_value(), "the ring failed while an I/O was under way");
  }
  return std::move(transfer.result);
}

}  // namespace

Result<void> read_and_wait(Loop& loop, Medium& medium, ByteIndex at, MutableBytes room) {
  WaitedTransfer transfer;
  transfer.way = Way::read;
  transfer.at = at;
  transfer.data = room;
  return run_to_end(loop, medium, transfer);
}

Result<void> write_and_wait(Loop& loop, Medium& medium, ByteIndex at, Bytes data) {
  WaitedTransfer transfer;
  transfer.way = Way::write;
  transfer.at = at;
  transfer.data = MutableBytes(const_cast<std::byte*>(data.data()), data.size());
  return run_to_end(loop, medium, transfer);
}

Result<void> zero_and_wait(Loop& loop, Medium& medium, ByteRun bytes) {
  WaitedTransfer transfer;
  transfer.way = Way::write_zeroes;
  transfer.at = bytes.begin;
  transfer.length = bytes.length();
  return run_to_end(loop, medium, transfer);
}

Result<void> sync_and_wait(Loop& loop, Medium& medium) {
  WaitedTransfer transfer;
  transfer.way = Way::sync_data;
  return run_to_end(loop, medium, transfer);
}

}  // namespace ebb
