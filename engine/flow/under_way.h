// SPDX-License-Identifier: Apache-2.0
// under_way.h - counts what was started and has not called back yet, and keeps the first thing that
// went wrong with it.
//
// The kernel and the workers hold pointers into whatever was started, so its owner counts it here
// and lets everything settle before it goes away. Used on the I/O thread only.
#pragma once

#include <optional>

#include "engine/uring/loop.h"

namespace ebb {

class UnderWay {
 public:
  UnderWay() = default;
  ~UnderWay() { EBB_CHECK(!any(), "something under way outlives who started it"); }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  void one_starts() { ++count_; }
  void one_ended() {
    EBB_CHECK(count_ > 0, "what ends was started");
    --count_;
  }
  void one_ended(Result<void> result) {
    one_ended();
    if (!result) note(std::move(result.error()));
  }
  // Something went wrong; only the first is kept.
  void note(Error error) {
    if (!trouble_) trouble_ = std::move(error);
  }
  bool any() const { return count_ > 0; }
  bool in_trouble() const { return trouble_.has_value(); }
  Result<void> trouble() const {
    if (trouble_) return fail(*trouble_);
    return {};
  }
  // Waits until all has called back; what goes wrong meanwhile is only kept.
  void settle(Loop& loop) {
    while (any()) {
      const auto ran = loop.run_once();
      EBB_CHECK(ran.has_value(), "the loop failed while transfers were under way");
    }
  }

 private:
  std::uint64_t count_ = 0;
  std::optional<Error> trouble_;
};

}  // namespace ebb
