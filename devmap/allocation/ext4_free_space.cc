// SPDX-License-Identifier: Apache-2.0
#include "devmap/allocation/ext4_free_space.h"

#include <algorithm>

#include "devmap/allocation/ext2_channel.h"

namespace ebb {

namespace {

constexpr ByteCount superblock_place = 1_KiB;
// What libext2fs keeps of each is at most 64 bytes: 64 MiB. With groups of 128 MiB, as mke2fs makes
// them in blocks of 4 KiB, 128 TiB.
constexpr std::uint64_t max_groups = 1u << 20;
constexpr unsigned max_log_block_size = 6;

// What libext2fs would believe before it knows better, and allocate by.
Result<void> check_shape(ByteSource& source, ByteRun area) {
  ext2_super_block super{};
  static_assert(sizeof super == 1024);
  if (area.length() < superblock_place * 2) return fail(Error::absent("there is no ext4"));
  TRY(source.read(area.begin + superblock_place, std::as_writable_bytes(std::span(&super, 1))));
  if (super.s_magic != EXT2_SUPER_MAGIC) return fail(Error::absent("there is no ext4"));
  const bool is_wide = (super.s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT) != 0;
  const std::uint64_t blocks =
      super.s_blocks_count | (is_wide ? std::uint64_t{super.s_blocks_count_hi} << 32 : 0);
  const std::uint64_t per_group = super.s_blocks_per_group;
  if (super.s_log_block_size > max_log_block_size || per_group == 0 ||
      blocks > area.length().value() >> (10 + super.s_log_block_size)) {
    return fail(Error::damaged("its sizes make no sense"));
  }
  if (blocks / per_group >= max_groups) {
    return fail(Error::invalid("it has more than {} block groups", max_groups));
  }
  return {};
}

// Who is at it, or was and did not come to an end.
Result<void> check_state(const ext2_super_block& super) {
  if ((super.s_feature_incompat & EXT3_FEATURE_INCOMPAT_JOURNAL_DEV) != 0) {
    return fail(Error::invalid("it is another file system's journal"));
  }
  if ((super.s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER) != 0) {
    return fail(Error::busy("its journal is not empty: it is mounted, or was not unmounted"));
  }
  if ((super.s_state & EXT2_ERROR_FS) != 0) {
    return fail(Error::damaged("it has errors that e2fsck has to mend"));
  }
  if ((super.s_state & EXT2_VALID_FS) == 0) {
    return fail(Error::busy("it is mounted, or was not unmounted"));
  }
  return {};
}

// Joins runs that touch, also across groups.
class Joined {
 public:
  explicit Joined(const std::function<void(ByteRun)>& take) : take_(take) {}
  void add(ByteRun run) {
    if (run.begin != run_.end) {
      end();
      run_.begin = run.begin;
    }
    run_.end = run.end;
  }
  void end() {
    if (!run_.empty()) take_(run_);
    run_ = {};
  }

 private:
  const std::function<void(ByteRun)>& take_;
  ByteRun run_;
};

// A group's clusters: which are in use. (A cluster is a block, but with the feature bigalloc.)
class Group {
 public:
  Group(const Ext2& ext2, dgrp_t number)
      : ext2_(ext2),
        fs_(ext2.fs()),
        number_(number),
        first_(ext2fs_group_first_block2(fs_, number)),
        blocks_(static_cast<std::uint64_t>(ext2fs_group_blocks_count(fs_, number))),
        clusters_((blocks_ + ratio() - 1) / ratio()) {}

  // Its clusters, ascending, that are free; none where that cannot be told.
  Result<void> free_runs(std::vector<char>& bitmap, ByteRun area, Joined& joined) {
    if (ext2fs_group_desc_csum_verify(fs_, number_) == 0) {
      return fail(Error::damaged("the descriptor of block group {} is damaged", number_));
    }
    const bool was_never_written = ext2fs_has_group_desc_csum(fs_) != 0 &&
                                   ext2fs_bg_flags_test(fs_, number_, EXT2_BG_BLOCK_UNINIT) != 0;
    if (was_never_written) {
      fill_in(bitmap);
    } else {
      TRY(read(bitmap));
    }
    const std::uint64_t counted = ext2fs_bg_free_blocks_count(fs_, number_);
    if (free_clusters(bitmap) != counted) {
      if (was_never_written) return {};  // Something lies there that is not known here.
      return fail(Error::damaged("block group {} has {} free clusters, and its descriptor says {}",
                                 number_, free_clusters(bitmap), counted));
    }
    add_runs(bitmap, area, joined);
    return {};
  }

 private:
  std::uint64_t ratio() const { return std::uint64_t{1} << fs_->cluster_ratio_bits; }
  static bool is_used(const std::vector<char>& bitmap, std::uint64_t i) {
    return (static_cast<unsigned char>(bitmap[i / 8]) >> (i % 8) & 1) != 0;
  }

  Result<void> read(std::vector<char>& bitmap) {
    const blk64_t place = ext2fs_block_bitmap_loc(fs_, number_);
    const auto code = io_channel_read_blk64(fs_->io, place, 1, bitmap.data());
    if (code != 0) return fail(ext2_.error(code).during("the bitmap of block group {}", number_));
    const int bytes = static_cast<int>(EXT2_CLUSTERS_PER_GROUP(fs_->super) / 8);
    if (ext2fs_block_bitmap_csum_verify(fs_, number_, bitmap.data(), bytes) == 0) {
      return fail(Error::damaged("the bitmap of block group {} is damaged", number_));
    }
    return {};
  }

  void use(std::vector<char>& bitmap, blk64_t block, std::uint64_t count) const {
    for (blk64_t at = std::max<blk64_t>(block, first_); at < block + count; ++at) {
      if (at >= first_ + blocks_) return;
      const std::uint64_t cluster = (at - first_) / ratio();
      bitmap[cluster / 8] =
          static_cast<char>(static_cast<unsigned char>(bitmap[cluster / 8]) | 1u << (cluster % 8));
    }
  }

  // What the kernel would make of a bitmap that nobody has written (ext4_init_block_bitmap).
  void fill_in(std::vector<char>& bitmap) const {
    std::ranges::fill(bitmap, '\0');
    blk64_t super = 0;
    blk64_t old_table = 0;
    blk64_t new_table = 0;
    blk_t together = 0;  // Superblock, table of descriptors, and room for it to grow.
    ext2fs_super_and_bgd_loc2(fs_, number_, &super, &old_table, &new_table, &together);
    if (super != 0 || number_ == 0) use(bitmap, super, old_table != 0 ? together : 1);
    if (new_table != 0) use(bitmap, new_table, 1);
    use(bitmap, ext2fs_block_bitmap_loc(fs_, number_), 1);
    use(bitmap, ext2fs_inode_bitmap_loc(fs_, number_), 1);
    use(bitmap, ext2fs_inode_table_loc(fs_, number_), fs_->inode_blocks_per_group);
  }

  std::uint64_t free_clusters(const std::vector<char>& bitmap) const {
    std::uint64_t free = 0;
    for (std::uint64_t i = 0; i < clusters_; ++i) free += is_used(bitmap, i) ? 0 : 1;
    return free;
  }

  void add_runs(const std::vector<char>& bitmap, ByteRun area, Joined& joined) const {
    const auto place = [&](std::uint64_t cluster) {
      const blk64_t block = first_ + std::min(cluster * ratio(), blocks_);
      return area.begin + ByteCount(block * fs_->blocksize);
    };
    for (std::uint64_t i = 0; i < clusters_;) {
      if (i % 8 == 0 && static_cast<unsigned char>(bitmap[i / 8]) == 0xff) {
        i += 8;
        continue;
      }
      if (is_used(bitmap, i)) {
        ++i;
        continue;
      }
      std::uint64_t end = i + 1;
      while (end < clusters_ && !is_used(bitmap, end)) ++end;
      joined.add({place(i), place(end)});
      i = end;
    }
  }

  const Ext2& ext2_;
  ext2_filsys fs_;
  dgrp_t number_;
  blk64_t first_;
  std::uint64_t blocks_;
  std::uint64_t clusters_;
};

}  // namespace

Result<void> ext4_free_space(ByteSource& source, ByteRun area,
                             const std::function<void(ByteRun)>& take) {
  TRY(check_shape(source, area));
  const auto ext2 = TRY(Ext2::open(source, area));
  const ext2_filsys fs = ext2->fs();
  TRY(check_state(*fs->super));
  const std::uint64_t bitmap_bytes = fs->blocksize;
  if (EXT2_CLUSTERS_PER_GROUP(fs->super) > bitmap_bytes * 8 ||
      EXT2_CLUSTERS_PER_GROUP(fs->super) % 8 != 0 ||
      EXT2_BLOCKS_PER_GROUP(fs->super) != std::uint64_t{EXT2_CLUSTERS_PER_GROUP(fs->super)}
                                              << fs->cluster_ratio_bits) {
    return fail(Error::damaged("its block groups make no sense"));
  }
  Joined joined(take);
  std::vector<char> bitmap(bitmap_bytes);
  for (dgrp_t number = 0; number < fs->group_desc_count; ++number) {
    TRY(Group(*ext2, number).free_runs(bitmap, area, joined));
  }
  joined.end();
  return {};
}

}  // namespace ebb
