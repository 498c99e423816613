// SPDX-License-Identifier: Apache-2.0
// turnstile.h - lets so many stories through at once, and the others in the order of their coming.
#pragma once

#include <deque>

#include "wire/loop/ring_in_kj.h"

namespace ebb {

class Turnstile {
 public:
  Turnstile(RingInKj& kj, unsigned places) : kj_(kj), places_(places), free_(places) {}
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  // How many stories are inside now.
  unsigned inside() const { return places_ - free_; }

  // Held while a story is inside.
  class Place {
   public:
    explicit Place(Turnstile& of) : of_(&of) { of.enter(); }
    ~Place() {
      ++of_->free_;
      of_->kj_.called_back();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Turnstile* of_;
  };

 private:
  void enter() {
    const std::uint64_t mine = next_++;
    waiting_.push_back(mine);
    while (free_ == 0 || waiting_.front() != mine) kj_.wait_for_a_turn();
    waiting_.pop_front();
    --free_;
    if (free_ > 0) kj_.called_back();  // The next one may follow.
  }

  RingInKj& kj_;
  unsigned places_;
  unsigned free_;
  std::uint64_t next_ = 0;
  std::deque<std::uint64_t> waiting_;
};

}  // namespace ebb
