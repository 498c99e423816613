// SPDX-License-Identifier: Apache-2.0
#include "wire/loop/ring_in_kj.h"

#include <utility>

namespace ebb {

namespace {

int descriptor_of(Ring& ring) {
  const auto descriptor = ring.descriptor();
  EBB_CHECK(descriptor.has_value(), "the kernel has io_uring but no eventfd for it");
  return *descriptor;
}

}  // namespace

RingInKj::RingInKj(Ring& ring, kj::AsyncIoContext& io)
    : ring_(ring),
      io_(io),
      observer_(kj::heap<kj::UnixEventPort::FdObserver>(
          io.unixEventPort, descriptor_of(ring), kj::UnixEventPort::FdObserver::OBSERVE_READ)),
      fibers_(fiber_stack_size),
      scope_(&io.waitScope),
      detached_(*this) {
  ring_.live_in(this);
  pump_ = pump().eagerlyEvaluate(nullptr);
}

RingInKj::~RingInKj() noexcept {
  ring_.live_in(nullptr);
  pump_ = nullptr;
  observer_ = nullptr;  // Before the descriptor is closed.
  ring_.stop_watching();
}

// The observer tells of changes, so everything is taken before it is asked again.
kj::Promise<void> RingInKj::pump() {
  for (bool more = true; more;) {
    const auto delivered = ring_.deliver();
    EBB_CHECK(delivered.has_value(), "the ring failed");
    start_queued();
    more = *delivered;
  }
  return observer_->whenBecomesReadable().then([this] { return pump(); });
}

void RingInKj::called_back() {
  for (auto& waiter : std::exchange(waiting_, {})) waiter->fulfill();
}

void RingInKj::wait_for_a_turn() {
  auto turn = kj::newPromiseAndFulfiller<void>();
  waiting_.push_back(kj::mv(turn.fulfiller));
  wait_for(kj::mv(turn.promise));
}

void RingInKj::wait_for_all() {
  wait_for(detached_.onEmpty());
  while (stories_ > 0) wait_for_a_turn();
}

void RingInKj::taskFailed(kj::Exception&& exception) {
  EBB_CHECK(false, exception.getDescription().cStr());
}

void RingInKj::start_queued() {
  EBB_CHECK(ring_.start_queued().has_value(), "the ring failed");
}

// Outside of a fiber it is the program's own; inside of a KJ callback nobody may wait.
kj::WaitScope& RingInKj::scope() {
  EBB_CHECK(scope_ != nullptr, "only a story waits");
  return *scope_;
}

}  // namespace ebb
