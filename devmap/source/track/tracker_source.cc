// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/tracker_source.h"

namespace ebb {

namespace {

constexpr const char* token_fact = "token";

// Why the marks do not say what changed since the point; empty when they do.
std::string why_not_since(const ClosedEpoch& epoch, const BasePoint& since, const BlockGrid& grid) {
  if (!since.token || since.token->source != SourceKind::tracker) {
    return "the device was not tracked when the last point was made; from now on it is";
  }
  const auto fact = since.token->facts.find(token_fact);
  if (fact == since.token->facts.end()) return "the last point's proof makes no sense";
  const auto base = TrackToken::parse(fact->second);
  if (!base) return base.error().text();
  if (epoch.token.size != grid.size()) return "the tracked device has another size";
  return epoch.why_not_since(*base);
}

// Of the tracker's blocks, which may be smaller or larger than the grid's.
DirtyMap on_grid(const DirtyMap& marks, const BlockGrid& grid) {
  if (marks.grid() == grid) return marks;
  DirtyMap map = DirtyMap::clean(grid);
  constexpr BlockCount longest(1u << 20);
  BlockIndex at(0);
  while (const auto run = marks.next_dirty(at, longest)) {
    map.mark_touching(marks.grid().bytes_of(*run));
    at = run->end;
  }
  return map;
}

}  // namespace

Result<ChangeSource::Answer> TrackerSource::ask(const BasePoint* since, const BlockGrid& grid) {
  const ClosedEpoch epoch = TRY(tracker_->switch_epoch());
  closed_ = epoch.token.epoch;
  Answer answer;
  answer.token = ProofToken{kind(), {{token_fact, epoch.token.text()}}};
  answer.why =
      since == nullptr ? "there is no point to compare with" : why_not_since(epoch, *since, grid);
  if (!answer.why.empty()) return answer;
  answer.changed = on_grid(epoch.marks, grid);
  answer.why = fmt::format("{} of {} blocks were written to", answer.changed->dirty_count().value(),
                           grid.count().value());
  return answer;
}

Result<bool> TrackerSource::may_have_changed_meanwhile(ByteRun bytes) {
  return tracker_->is_marked(bytes);
}

Result<void> TrackerSource::committed() {
  return tracker_->forget(closed_);
}

}  // namespace ebb
