// SPDX-License-Identifier: Apache-2.0
#include "devmap/allocation/xfs_free_space.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "devmap/allocation/xfs_log.h"
#include "devmap/allocation/xfs_shape.h"

namespace ebb {

namespace {

// The kernel's own bound (XFS_BTREE_MAXLEVELS).
constexpr std::uint32_t max_levels = 9;

using Take = std::function<void(ByteRun)>;

// The tree of free extents of one allocation group, by block number. One block of it is in memory.
class FreeTree {
 public:
  FreeTree(ByteSource& source, const XfsShape& shape, std::uint32_t group, const Take& take)
      : source_(source),
        shape_(shape),
        group_(group),
        take_(take),
        usable_(shape.usable_blocks(group)),
        block_(shape.block.size()) {}

  Result<void> walk() {
    TRY(read_agf());
    const XfsBlockIndex leaf = TRY(leftmost_leaf());
    TRY(walk_leaves(leaf));
    return check_counts();
  }

 private:
  bool has_checksums() const { return shape_.version == XfsVersion::five; }
  std::size_t header_size() const {
    return has_checksums() ? xfs_tree_header_5 : xfs_tree_header_4;
  }
  // Room behind a block's header.
  std::uint64_t room_for(std::size_t size) const { return (block_.size() - header_size()) / size; }
  template <class T>
  T at(std::size_t place) const {
    T value;
    std::memcpy(&value, block_.data() + place, sizeof value);
    return value;
  }

  Result<void> read_agf();
  Result<void> check_agf() const;
  Result<XfsBlockIndex> leftmost_leaf();
  Result<void> walk_leaves(XfsBlockIndex leaf);
  // Fetches a block of that level; it is what it should be, and so are its siblings' places.
  Result<void> fetch(std::uint32_t number, std::uint32_t level);
  Result<void> check_belongs_here(std::uint32_t number) const;
  Result<void> take_record(XfsFreeRecordOnDisk record);
  Result<void> check_counts();

  ByteSource& source_;
  const XfsShape& shape_;
  std::uint32_t group_;
  const Take& take_;
  XfsBlockRun usable_;

  XfsAgfOnDisk agf_{};
  ByteVector block_;
  XfsTreeBlockOnDisk header_{};  // Of `block_`.

  // Records that follow each other are one run, which waits for what comes next.
  std::optional<XfsBlockRun> waiting_;
  XfsBlockCount free_;
  XfsBlockCount longest_;
};

Result<void> FreeTree::read_agf() {
  ByteVector sector(shape_.sector.size());
  TRY(during(source_.read(shape_.group_begin(group_) + shape_.sector, sector), "reading the AGF"));
  std::memcpy(&agf_, sector.data(), sizeof agf_);
  if (agf_.magic.value() != xfs_agf_magic || agf_.version.value() != xfs_agf_version) {
    return fail(Error::damaged("no AGF is where it should be"));
  }
  if (has_checksums()) {
    const std::size_t field = offsetof(XfsAgfOnDisk, checksum);
    if (xfs_checksum(sector, field) != agf_.checksum.value()) {
      return fail(Error::damaged("the checksum of the AGF is wrong"));
    }
    if (agf_.uuid != shape_.metadata_uuid) {
      return fail(Error::damaged("the AGF is of another file system"));
    }
  }
  return check_agf();
}

Result<void> FreeTree::check_agf() const {
  if (agf_.group.value() != group_) {
    return fail(Error::damaged("the AGF is of group {}", agf_.group.value()));
  }
  if (agf_.length.value() != usable_.end.value()) {
    return fail(
        Error::damaged("{} blocks, the AGF says {}", usable_.end.value(), agf_.length.value()));
  }
  const std::uint32_t levels = agf_.by_block_levels.value();
  if (levels == 0 || levels > max_levels) {
    return fail(Error::damaged("a tree of free space with {} levels", levels));
  }
  return {};
}

Result<XfsBlockIndex> FreeTree::leftmost_leaf() {
  std::uint32_t number = agf_.by_block_root.value();
  for (std::uint32_t level = agf_.by_block_levels.value() - 1;; --level) {
    TRY(fetch(number, level));
    if (header_.left.value() != xfs_no_block) {
      return fail(Error::damaged("block {} is not the leftmost of its level", number));
    }
    if (level == 0) return XfsBlockIndex(number);
    const std::uint64_t keys = room_for(sizeof(XfsFreeRecordOnDisk) + sizeof(Be32));
    number = at<Be32>(header_size() + keys * sizeof(XfsFreeRecordOnDisk)).value();
  }
}

// Each leaf has records that lie behind those of the leaf before it, so this ends, whatever the
// siblings say.
Result<void> FreeTree::walk_leaves(XfsBlockIndex leaf) {
  while (true) {
    for (std::uint32_t i = 0; i < header_.records.value(); ++i) {
      TRY(during(
          take_record(at<XfsFreeRecordOnDisk>(header_size() + i * sizeof(XfsFreeRecordOnDisk))),
          "block {}", leaf.value()));
    }
    const std::uint32_t right = header_.right.value();
    if (right == xfs_no_block) return {};
    TRY(fetch(right, 0));
    if (header_.left.value() != leaf.value()) {
      return fail(Error::damaged("block {} has {} to its left, not {}", right, header_.left.value(),
                                 leaf.value()));
    }
    leaf = XfsBlockIndex(right);
  }
}

Result<void> FreeTree::fetch(std::uint32_t number, std::uint32_t level) {
  if (!usable_.contains(XfsBlockIndex(number))) {
    return fail(
        Error::damaged("the tree of free space has block {} of {}", number, usable_.end.value()));
  }
  const auto place =
      shape_.place_of(group_, XfsBlockRun::of(XfsBlockIndex(number), XfsBlockCount(1)));
  TRY(during(source_.read(place.begin, block_), "reading block {}", number));
  std::memcpy(&header_, block_.data(), sizeof header_);
  if (header_.magic.value() != (has_checksums() ? xfs_by_block_magic_5 : xfs_by_block_magic_4)) {
    return fail(Error::damaged("block {} is not of the tree of free space", number));
  }
  if (has_checksums()) TRY(check_belongs_here(number));
  if (header_.level.value() != level) {
    return fail(
        Error::damaged("block {} is of level {}, not {}", number, header_.level.value(), level));
  }
  const std::uint64_t room =
      room_for(sizeof(XfsFreeRecordOnDisk) + (level == 0 ? 0 : sizeof(Be32)));
  // Only a tree that is all root may be empty.
  const std::uint64_t least = agf_.by_block_levels.value() == 1 ? 0 : 1;
  if (header_.records.value() < least || header_.records.value() > room) {
    return fail(Error::damaged("block {} has {} records and room for {}", number,
                               header_.records.value(), room));
  }
  return {};
}

Result<void> FreeTree::check_belongs_here(std::uint32_t number) const {
  if (xfs_checksum(block_, offsetof(XfsTreeBlockOnDisk, checksum)) != header_.checksum.value()) {
    return fail(Error::damaged("the checksum of block {} is wrong", number));
  }
  const ByteCount from_begin =
      shape_.group_begin(group_) - shape_.begin + shape_.block * std::uint64_t{number};
  if (header_.uuid != shape_.metadata_uuid || header_.group.value() != group_ ||
      header_.place.value() != from_begin.value() / 512) {
    return fail(Error::damaged("block {} was written for another place: sector {} of group {}",
                               number, header_.place.value(), header_.group.value()));
  }
  return {};
}

Result<void> FreeTree::take_record(XfsFreeRecordOnDisk record) {
  const auto run =
      XfsBlockRun::of(XfsBlockIndex(record.first.value()), XfsBlockCount(record.count.value()));
  const XfsBlockIndex after = waiting_ ? waiting_->end : usable_.begin;
  if (run.empty() || run.begin < after || run.end > usable_.end) {
    return fail(Error::damaged("{} free blocks at {}, between {} and {}", run.length().value(),
                               run.begin.value(), after.value(), usable_.end.value()));
  }
  if (group_ == shape_.log.group && run.touches(shape_.log.blocks)) {
    return fail(Error::damaged("{} free blocks at {} are of the log", run.length().value(),
                               run.begin.value()));
  }
  free_ += run.length();
  longest_ = std::max(longest_, run.length());
  if (waiting_ && run.begin == waiting_->end) {
    waiting_->end = run.end;
    return {};
  }
  if (waiting_) take_(shape_.place_of(group_, *waiting_));
  waiting_ = run;
  return {};
}

Result<void> FreeTree::check_counts() {
  if (free_.value() != agf_.free_blocks.value() || longest_.value() != agf_.longest.value()) {
    return fail(Error::damaged("{} free blocks, at most {} together; the AGF says {} and {}",
                               free_.value(), longest_.value(), agf_.free_blocks.value(),
                               agf_.longest.value()));
  }
  if (waiting_) take_(shape_.place_of(group_, *waiting_));
  return {};
}

}  // namespace

Result<void> xfs_free_space(ByteSource& source, ByteRun area, XfsLog log, const Take& take) {
  const XfsShape shape = TRY(XfsShape::read(source, area));
  if (log == XfsLog::must_be_empty) TRY(check_xfs_log_is_empty(source, shape.log));
  for (std::uint32_t group = 0; group < shape.groups; ++group) {
    TRY(during(FreeTree(source, shape, group, take).walk(), "allocation group {}", group));
  }
  return {};
}

}  // namespace ebb
