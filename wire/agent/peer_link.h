// SPDX-License-Identifier: Apache-2.0
// peer_link.h - how one peer uses its connection, and the bounds on that.
//
// A peer that asks and does not read its answers makes them pile up here. A call begins when there
// is room for its answer beside those that are being made or lie unsent; a peer that goes on asking
// all the same loses its connection at once, and one that takes nothing for a while loses it then.
#pragma once

#include <optional>

#include "devmap/core/clock.h"
#include "wire/link/counted_stream.h"
#include "wire/loop/ring_in_kj.h"

namespace ebb {

class PeerLink final : public StreamWatcher {
 public:
  static constexpr std::uint64_t most_unsent = 8 * 1024 * 1024;
  static constexpr unsigned most_calls = 512;
  // Long enough for a link that was cut for a moment.
  static constexpr kj::Duration patience = 60 * kj::SECONDS;

  PeerLink(RingInKj& kj, std::string peer) : kj_(kj), peer_(std::move(peer)) {}
  ~PeerLink() noexcept override = default;

  const std::string& peer() const { return peer_; }
  // Something was opened by a permission that ends then; the first end counts.
  void opened_until(std::optional<WallTime> until) {
    if (until) until_ = until_ ? std::min(*until_, *until) : *until;
  }
  std::optional<WallTime> until() const { return until_; }
  std::uint64_t read() const { return read_; }
  std::uint64_t written() const { return written_; }

  void bytes_read(std::uint64_t count) override { read_ += count; }
  void bytes_written(std::uint64_t count) override {
    written_ += count;
    unsent_ -= std::min(unsent_, count);
    kj_.called_back();
  }
  // The connection has ended; whoever waits for it goes on.
  void closed() {
    is_closed_ = true;
    kj_.called_back();
  }

  // Counts a call while it is being answered; ends the connection when there are too many.
  class Call {
   public:
    explicit Call(std::shared_ptr<PeerLink> link) : link_(std::move(link)) {
      if (++link_->calls_ <= most_calls) return;
      link_->is_over_bound_ = true;
      if (link_->cut_) link_->cut_->fulfill();
    }
    ~Call() { --link_->calls_; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    std::shared_ptr<PeerLink> link_;
  };
  // Room for an answer that is being made; waits for it unless the connection ends. An answer
  // that is larger than all the room waits until it is the only one.
  class Room {
   public:
    Room(PeerLink& link, ByteCount most) : link_(link), bytes_(most.value()) {
      const auto taken = [&] { return link_.unsent_ + link_.promised_; };
      while (taken() > 0 && taken() + bytes_ > most_unsent && !link_.is_closed_) {
        link_.kj_.wait_for_a_turn();
      }
      link_.promised_ += bytes_;
    }
    ~Room() {
      link_.promised_ -= bytes_;
      link_.kj_.called_back();
    }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

   private:
    PeerLink& link_;
    std::uint64_t bytes_;
  };
  void answered(std::uint64_t bytes) { unsent_ += bytes; }
  bool is_over_bound() const { return is_over_bound_; }
  bool is_closed() const { return is_closed_; }

  // Resolves when the peer must be cut: it is over its bounds, or takes nothing although there is
  // something for it. Once.
  kj::Promise<void> when_hopeless() {
    auto cut = kj::newPromiseAndFulfiller<void>();
    cut_ = kj::mv(cut.fulfiller);
    return cut.promise.exclusiveJoin(when_stuck());
  }

 private:
  static constexpr kj::Duration look_every = 1 * kj::SECONDS;

  kj::Promise<void> when_stuck() {
    const std::uint64_t before = written_;
    return kj_.io()
        .provider->getTimer()
        .afterDelay(look_every)
        .then([this, before]() -> kj::Promise<void> {
          stuck_ = unsent_ > 0 && written_ == before ? stuck_ + look_every : 0 * kj::SECONDS;
          if (stuck_ >= patience) return kj::READY_NOW;
          return when_stuck();
        });
  }

  RingInKj& kj_;
  std::string peer_;
  std::optional<WallTime> until_;
  std::uint64_t read_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t unsent_ = 0;
  std::uint64_t promised_ = 0;  // To answers that are being made.
  unsigned calls_ = 0;
  bool is_closed_ = false;
  bool is_over_bound_ = false;
  kj::Own<kj::PromiseFulfiller<void>> cut_;
  kj::Duration stuck_ = 0 * kj::SECONDS;
};

}  // namespace ebb
