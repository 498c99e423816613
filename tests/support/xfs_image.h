// SPDX-License-Identifier: Apache-2.0
// xfs_image.h - a tiny XFS, made by hand, with an empty log and trees of free space of any shape.
//
// Smaller than mkfs.xfs makes any: blocks and sectors of 512 bytes, groups of a few KiB. There are
// no inodes in it.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "devmap/allocation/xfs_shape.h"

namespace ebb::test {

struct XfsImageOptions {
  XfsVersion version = XfsVersion::five;
  std::uint32_t groups = 2;
  std::uint32_t group_blocks = 100;
  std::uint32_t last_group_blocks = 80;
  // In a block of the tree.
  std::uint32_t records = 2;
  std::uint32_t children = 2;
};

class XfsImage {
 public:
  static constexpr std::uint32_t block = 512;
  static constexpr std::uint32_t log_first = 4;  // In group 0.
  static constexpr std::uint32_t log_blocks = 8;
  static constexpr std::uint32_t tree_first = 12;  // In each group.

  // Without a free block.
  explicit XfsImage(const XfsImageOptions& options = {});

  // Makes a group's tree anew, of these runs in this order. They lie behind the tree's own blocks.
  void set_free(std::uint32_t group, const std::vector<XfsBlockRun>& runs);

  // How to change something and then make all checksums right. What is read or written lies in
  // `bytes`.
  XfsSuperblockOnDisk superblock() const { return get<XfsSuperblockOnDisk>(0); }
  void set(const XfsSuperblockOnDisk& value) { put(0, value); }
  XfsAgfOnDisk agf(std::uint32_t group) const { return get<XfsAgfOnDisk>(agf_place(group)); }
  void set(std::uint32_t group, const XfsAgfOnDisk& value) { put(agf_place(group), value); }
  XfsTreeBlockOnDisk tree_block(std::uint32_t group, std::uint32_t number) const {
    return get<XfsTreeBlockOnDisk>(place(group, number));
  }
  void set(std::uint32_t group, std::uint32_t number, const XfsTreeBlockOnDisk& value) {
    // In version 4 records begin where the longer header goes on.
    put(place(group, number), value, header_size());
  }
  void set_record(std::uint32_t group, std::uint32_t number, std::uint32_t i, XfsFreeRecordOnDisk);
  // The leftmost pointer of a node.
  void set_pointer(std::uint32_t group, std::uint32_t number, std::uint32_t to);
  void seal();

  ByteRun area() const { return {ByteIndex(0), ByteIndex(bytes.size())}; }
  std::size_t place(std::uint32_t group, std::uint32_t number) const {
    return (std::size_t{group} * options_.group_blocks + number) * block;
  }

  ByteVector bytes;

 private:
  std::size_t agf_place(std::uint32_t group) const { return place(group, 1); }
  std::size_t header_size() const {
    return options_.version == XfsVersion::five ? xfs_tree_header_5 : xfs_tree_header_4;
  }
  template <class T>
  T get(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
  template <class T>
  void put(std::size_t at, const T& value, std::size_t size = sizeof(T)) {
    std::memcpy(bytes.data() + at, &value, size);
  }
  struct Child {
    std::uint32_t number;
    Be32 first;
  };
  void put_superblock();
  void put_log();
  // The blocks of one level, each with as many entries as there is room for; what they are to who
  // points to them.
  template <class Entry, class PutEntry>
  std::vector<Child> put_level(std::uint32_t group, std::uint32_t level, std::uint32_t first,
                               const std::vector<Entry>& entries, const PutEntry& put_entry);
  void put_child(std::uint32_t group, std::uint32_t number, std::uint32_t i, const Child& child);

  XfsImageOptions options_;
};

// Makes every checksum right that something in `bytes`, which may be anything, is where the
// superblock says.
void seal_xfs(MutableBytes bytes);

}  // namespace ebb::test
