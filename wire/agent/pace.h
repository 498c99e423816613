// SPDX-License-Identifier: Apache-2.0
// pace.h - so many bytes a second, for everything that goes by one ticket.
//
// Stories take their bytes before they move them and wait their turn, in the order of their coming.
// What was not used is kept for a second at most.
#pragma once

#include <algorithm>

#include "devmap/core/units.h"
#include "wire/agent/peer_link.h"

namespace ebb {

class Pace {
 public:
  Pace(RingInKj& kj, std::uint64_t bytes_per_second)
      : kj_(kj), rate_(static_cast<double>(bytes_per_second)) {}
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  // Waits until `count` bytes may go, or the connection has ended.
  void take(ByteCount count, const PeerLink& link) {
    const kj::TimePoint mine = std::max(free_at_, timer().now() - 1 * kj::SECONDS);
    free_at_ = mine + time_of(count);
    while (timer().now() < mine && !link.is_closed()) {
      kj_.wait_for(timer().afterDelay(std::min(mine - timer().now(), 1 * kj::SECONDS)));
    }
  }

 private:
  kj::Timer& timer() const { return kj_.io().provider->getTimer(); }
  kj::Duration time_of(ByteCount count) const {
    return static_cast<std::int64_t>(static_cast<double>(count.value()) / rate_ * 1e9) *
           kj::NANOSECONDS;
  }

  RingInKj& kj_;
  double rate_;
  kj::TimePoint free_at_ = kj::origin<kj::TimePoint>();
};

}  // namespace ebb
