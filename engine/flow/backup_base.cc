// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/backup_base.h"

namespace ebb {

BackupBase::BackupBase(RunBase base, const Wishes& wishes, const SourceKey& key,
                       const Members& members, PageSource& pages, Observer& observer)
    : pages_(pages),
      observer_(observer),
      latest_name_(base.latest_name),
      latest_(std::move(base.latest)),
      repository_whole_(base.whole),
      grid_(wishes.device_size, BlockSize::standard()) {
  if (wishes.remembered) compare_with_memory(*wishes.remembered);
  grid_ = BlockGrid(wishes.device_size, choose_block_size(wishes, members));
  if (counts_) tell_what_changed(wishes, key);
  why_not_comparable_ = why_not_comparable(wishes);
  if (!counts_) return;
  cached_ = std::make_unique<CachedPages>(pages_);
  for_reading_ = std::make_unique<MapReader>(*cached_, latest_->point.root());
  for_map_ = std::make_unique<MapReader>(*cached_, latest_->point.root());
}

void BackupBase::compare_with_memory(const RememberedPoint& remembered) {
  const std::uint64_t newest = latest_name_ ? latest_name_->sequence : 0;
  if (remembered.sequence > newest) {
    observer_.note(fmt::format(
        "this source made point {} of the volume as number {}, but the repository's newest is "
        "number {}: points were removed or the repository was put back to an earlier state",
        remembered.id.hex().substr(0, 12), remembered.sequence, newest));
  }
  if (latest_name_ && remembered.sequence == newest &&
      !remembered.is_or_promised(latest_name_->id)) {
    observer_.note(fmt::format(
        "point {} of this volume, number {}, is not the one that this source made as that number",
        latest_name_->id.hex().substr(0, 12), newest));
  }
}

BlockSize BackupBase::choose_block_size(const Wishes& wishes, const Members& members) {
  const BlockSize otherwise = wishes.block_size.value_or(BlockSize::standard());
  if (latest_name_ && !latest_) {
    observer_.note(
        "the latest point of this volume is damaged; everything is read and "
        "compared with nothing. `ebb scrub --repair` may mend it");
  }
  if (!latest_) return otherwise;
  if (members.find(latest_->point.source) == nullptr || !signature_is_right(*latest_)) {
    observer_.note(
        "the latest point of this volume is not signed by a member of the "
        "repository; everything is read and compared with nothing");
    return otherwise;
  }
  const BlockSize before = latest_->point.grid.block();
  counts_ = wishes.block_size.value_or(before) == before;
  if (!counts_) {
    observer_.note("the block size changed, so every block counts as changed");
  }
  return wishes.block_size.value_or(before);
}

void BackupBase::tell_what_changed(const Wishes& wishes, const SourceKey& key) {
  const ByteCount before = latest_->point.grid.size();
  if (before != grid_.size()) {
    observer_.note(fmt::format("the device {} from {} to {} bytes since the last point",
                               before < grid_.size() ? "grew" : "shrank", before.value(),
                               grid_.size().value()));
  }
  if (auto about = open_about(latest_->point, key.id_key)) about_ = std::move(*about);
  if (about_ && identity_text(about_->passport) != identity_text(wishes.passport)) {
    observer_.note(
        "this is not the device that the last point of this volume came from; every block is "
        "compared, so the new point is right all the same");
  }
}

std::string BackupBase::why_not_comparable(const Wishes& wishes) const {
  if (!latest_name_) return "it is the volume's first point";
  if (!counts_) return "the last point cannot be compared with";
  if (!about_) return "the last point's label does not open";
  if (!wishes.remembered || !wishes.remembered->is_or_promised(latest_->id)) {
    return "the last point of the volume was not made by this host";
  }
  if (latest_->point.grid.size() != grid_.size()) return "the device's size changed";
  if (identity_text(about_->passport) != identity_text(wishes.passport)) {
    return "it is another device than the last point's";
  }
  if (!repository_whole_) {
    return "the repository is not known to hold everything (`ebb scrub` finds out), so this run "
           "offers it "
           "every block";
  }
  return "";
}

Result<BasePoint> BackupBase::comparable() const {
  if (!why_not_comparable_.empty()) return fail(Error::mismatch("{}", why_not_comparable_));
  return BasePoint{latest_->id.hex(), about_->changes.token};
}

bool BackupBase::covers(BlockIndex block) const {
  return counts_ && block.value() < latest_->point.grid.count().value();
}

Result<Fingerprint> BackupBase::at(BlockIndex block) {
  if (!for_reading_) return Fingerprint{};
  auto print = for_reading_->at(block);
  if (print) return print;
  const ErrorKind kind = print.error().kind();
  if (kind != ErrorKind::damaged && kind != ErrorKind::absent) return print;
  if (!is_damaged_) {
    observer_.note(
        fmt::format("the last point's map is damaged ({}); blocks under it count "
                    "as changed. `ebb scrub --repair` may mend it",
                    print.error().text()));
  }
  is_damaged_ = true;
  return Fingerprint{};
}

bool BackupBase::is_zero(BlockRun run) {
  if (!counts_ || is_damaged_) return false;
  if (run.end.value() > latest_->point.grid.count().value()) return false;
  const auto digest = for_map_->segment_digest(run.begin.value() / blocks_in_segment);
  return digest && digest->is_zero();  // Where it cannot be read, at() says so.
}

}  // namespace ebb
