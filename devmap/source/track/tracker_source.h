// SPDX-License-Identifier: Apache-2.0
// tracker_source.h - a tracked device as a change source: asking closes an epoch, a point that is
// made forgets it, and one that is not leaves its marks for the next.
#pragma once

#include "devmap/source/change_source.h"
#include "devmap/source/track/tracker.h"

namespace ebb {

class TrackerSource final : public ChangeSource {
 public:
  explicit TrackerSource(std::unique_ptr<Tracker> tracker) : tracker_(std::move(tracker)) {}

  SourceKind kind() const override { return SourceKind::tracker; }
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override;
  Result<bool> may_have_changed_meanwhile(ByteRun bytes) override;
  Result<void> committed() override;

 private:
  std::unique_ptr<Tracker> tracker_;
  std::uint64_t closed_ = 0;  // The epoch that was closed when it was asked.
};

}  // namespace ebb
