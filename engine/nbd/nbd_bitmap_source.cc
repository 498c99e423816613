// SPDX-License-Identifier: Apache-2.0
#include "engine/nbd/nbd_bitmap_source.h"

namespace ebb {

namespace {

constexpr const char* export_fact = "export";
constexpr const char* size_fact = "size";
constexpr const char* bitmap_fact = "bitmap";

}  // namespace

Result<ChangeSource::Answer> NbdBitmapSource::ask(const BasePoint* since, const BlockGrid& grid) {
  const Passport& passport = export_->passport();
  Answer answer;
  if (!names_.next.empty()) {
    answer.token = ProofToken{kind(),
                              {{export_fact, passport.backing_file},
                               {size_fact, std::to_string(passport.shape.size.value())},
                               {bitmap_fact, names_.next}}};
  }
  answer.why = since == nullptr ? "there is no point to compare with" : why_not_since(*since);
  if (!answer.why.empty()) return answer;
  DirtyMap map = DirtyMap::clean(grid);
  TRY(export_->each_dirty([&](ByteRun run) { map.mark_touching(run); }));
  answer.why = fmt::format("{} of {} blocks are marked in the bitmap {}", map.dirty_count().value(),
                           grid.count().value(), names_.bitmap);
  answer.changed = std::move(map);
  return answer;
}

std::string NbdBitmapSource::why_not_since(const BasePoint& since) const {
  if (names_.bitmap.empty()) return "no --bitmap was given";
  if (!since.token || since.token->source != SourceKind::nbd) {
    return "the last point named no bitmap that would tell what changes after it (--next-bitmap)";
  }
  const auto fact = [&](const char* name) {
    const auto found = since.token->facts.find(name);
    return found == since.token->facts.end() ? std::string() : found->second;
  };
  const Passport& passport = export_->passport();
  if (fact(export_fact) != passport.backing_file ||
      fact(size_fact) != std::to_string(passport.shape.size.value())) {
    return "the last point was made of another export, or one of another size";
  }
  if (fact(bitmap_fact) != names_.bitmap) {
    return fmt::format(
        "the bitmap {} is not the one that was begun with the last point, which is {}",
        names_.bitmap, fact(bitmap_fact));
  }
  if (names_.next == names_.bitmap) {
    return fmt::format("--next-bitmap has to be a new one, and {} is used already", names_.bitmap);
  }
  return "";
}

}  // namespace ebb
