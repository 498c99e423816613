// SPDX-License-Identifier: Apache-2.0
// ring_in_kj.h - the engine's ring inside KJ's event loop, on one thread.
//
// The engine's stories wait by run_once(), KJ's by promises. Here the ring's descriptor is watched
// by KJ, and run_once() waits for a promise: on the program's own stack, or in a fiber, of which
// many take turns, so that a storage agent runs one story for each of its peers without a thread
// for each. Nothing is preempted: a story gives way only inside run_once().
//
// It does not know what runs in it. Source of the interface: kj/async-unix.h, kj/async.h of 0.9.
#pragma once

#include <kj/async-io.h>
#include <kj/async-unix.h>

#include <vector>

#include "engine/uring/ring.h"
#include "wire/loop/sanitized_stack.h"

namespace ebb {

class RingInKj final : public OuterLoop, private kj::TaskSet::ErrorHandler {
 public:
  // Both outlive it. The ring lives in `io`'s loop until this is gone.
  RingInKj(Ring& ring, kj::AsyncIoContext& io);
  ~RingInKj() noexcept override;
  RingInKj(const RingInKj&) = delete;
  RingInKj& operator=(const RingInKj&) = delete;

  // Runs `story` in a fiber; the promise gives what it returned. A story that is under way cannot
  // be called off: it must see by itself that nobody wants it any more.
  template <class Story>
  auto in_fiber(Story story) -> kj::Promise<decltype(story())> {
    ++stories_;
    return fibers_
        .startFiber([this, story = kj::mv(story)](kj::WaitScope& scope) mutable {
          const Turn turn(*this, scope);
          return story();
        })
        .attach(kj::defer([this] {
          if (--stories_ == 0) called_back();
        }));
  }

  // Runs `story` in a fiber that nobody waits for. It sees to everything that it may meet by
  // itself.
  template <class Story>
  void run_detached(Story story) {
    detached_.add(in_fiber(kj::mv(story)));
  }
  // Until every story in a fiber has ended, detached or not.
  void wait_for_all();

  // Waits for a promise where the engine waits: on this stack or in this fiber.
  template <class T>
  T wait_for(kj::Promise<T> promise) {
    kj::WaitScope& mine = scope();
    const StackBounds stack = runs_on(outside_);
    KJ_DEFER({
      runs_on(stack);
      scope_ = &mine;  // Others had the scope meanwhile.
    });
    scope_ = nullptr;
    start_queued();
    return promise.wait(mine);
  }

  // Something of KJ's ended that a story waits for in run_once().
  void called_back() override;
  void wait_for_a_turn() override;

  kj::AsyncIoContext& io() { return io_; }
  Ring& ring() { return ring_; }

 private:
  // The deepest story (a commit that publishes a point, below it RocksDB) uses a tenth of it; pages
  // that are never touched cost nothing.
  static constexpr std::size_t fiber_stack_size = 1024 * 1024;

  // The stack that runs now is this fiber's.
  class Turn {
   public:
    Turn(RingInKj& loop, kj::WaitScope& scope) : loop_(loop) {
      loop_.scope_ = &scope;
      loop_.outside_ = runs_on(new_fiber(this, fiber_stack_size));
    }
    ~Turn() {
      loop_.scope_ = nullptr;
      loop_.start_queued();  // Nobody else might wait for a while.
      runs_on(loop_.outside_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    RingInKj& loop_;
  };

  kj::WaitScope& scope();
  void start_queued();
  kj::Promise<void> pump();
  void taskFailed(kj::Exception&& exception) override;

  Ring& ring_;
  kj::AsyncIoContext& io_;
  kj::Own<kj::UnixEventPort::FdObserver> observer_;
  kj::FiberPool fibers_;
  kj::WaitScope* scope_;
  StackBounds outside_;  // The stack that fibers are begun from.
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> waiting_;
  unsigned stories_ = 0;  // In fibers.
  kj::Promise<void> pump_ = nullptr;
  kj::TaskSet detached_;
};

}  // namespace ebb
