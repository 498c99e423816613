// SPDX-License-Identifier: Apache-2.0
// ring.h - one io_uring, used by one thread.
//
// The ring runs at its own pace: submit() only queues, run_once() talks to the kernel and then
// calls back. A callback may submit() but never waits, so the stack stays flat and a reader sees
// one loop. One function gives meaning to a completion: EINTR, EAGAIN and short transfers end in
// it, callers see whole transfers. Source of the interface: io_uring(7), liburing 2.3.
#pragma once

#include <liburing.h>

#include <memory>
#include <optional>
#include <vector>

#include "devmap/core/unique_fd.h"
#include "engine/uring/loop.h"

namespace ebb {

class Ring final : public Loop {
 public:
  static Result<std::unique_ptr<Ring>> make();
  ~Ring() override;

  // `transfer.fd` is set. Queues it; more than the ring holds wait their turn.
  void submit(Transfer& transfer);

  // A buffer that transfers will use. The kernel is told of it with the first transfer of most of
  // it, and then need not pin its pages for each; until then memory that is never used is never
  // touched. Where the kernel refuses (a low memlock limit), that costs speed only. Buffers are
  // added in the order of their addresses, and forgotten together.
  void add_buffer(MutableBytes buffer);
  void forget_buffers();

  // A descriptor that becomes readable when deliver() has something to call back; for watching from
  // another event loop, while nothing else waits for the ring. It is an eventfd that the kernel
  // signals: the ring's own descriptor misses wake-ups while completions wait for the ring's thread
  // (seen on Linux 6.18).
  Result<int> descriptor();
  // run_once() may wait by itself again.
  void stop_watching();
  Result<void> start_queued() override;

 private:
  Ring() = default;
  Result<void> wait() override;
  void wake() override;
  Result<void> reap() override;
  void fill_queue();
  Result<void> submit_queue();
  Result<void> go_on_in_kernel();
  Result<void> take_completions();
  void prepare(Transfer& transfer, io_uring_sqe& entry);
  void complete(Transfer& transfer, int outcome);
  void arm_wake_up();
  std::optional<int> registered_buffer(Bytes data);

  io_uring ring_{};
  UniqueFd wake_fd_;
  UniqueFd ended_fd_;            // See descriptor().
  std::uint64_t wake_room_ = 0;  // Where the kernel puts the eventfd's count.
  bool wake_armed_ = false;
  struct Buffer {
    MutableBytes memory;
    bool is_registered = false;
  };
  std::vector<Buffer> buffers_;        // By address.
  bool registers_buffers_ = true;      // Until the kernel refuses.
  Transfer* waiting_first_ = nullptr;  // Queued here, not yet given to the kernel.
  Transfer* waiting_last_ = nullptr;
  unsigned in_kernel_ = 0;
};

}  // namespace ebb
