// SPDX-License-Identifier: Apache-2.0
// xfs_shape.h - where things lie in an XFS, from its first superblock.
//
// Inside devmap/allocation. A shape that was read holds together: every block of every group, and
// the whole log, lie within the area that it was read from.
#pragma once

#include "devmap/allocation/xfs_on_disk.h"
#include "devmap/byte_source.h"

namespace ebb {

// Blocks of the file system, counted from where an allocation group begins.
using XfsBlockIndex = Index<struct XfsBlock>;
using XfsBlockCount = Count<struct XfsBlock>;
using XfsBlockRun = Run<struct XfsBlock>;

enum class XfsVersion : std::uint8_t {
  four,
  five,  // Metadata bear checksums and say where they lie and what they belong to.
};

enum class XfsLogVersion : std::uint8_t {
  one,
  two,  // Records of up to 256 KiB whose headers may have several blocks.
};

struct XfsLogPlace {
  ByteRun bytes;  // On the source.
  std::uint32_t group = 0;
  XfsBlockRun blocks;  // In the group.
  XfsLogVersion version = XfsLogVersion::two;
  XfsUuid uuid{};  // That its records bear.
};

struct XfsShape {
  ByteIndex begin;  // On the source.
  XfsVersion version = XfsVersion::five;
  ByteCount block;
  ByteCount sector;
  std::uint32_t groups = 0;
  XfsBlockCount group_blocks;       // Of each group but the last.
  XfsBlockCount last_group_blocks;  // At most as many.
  XfsUuid metadata_uuid{};
  XfsLogPlace log;

  // Absent: there is no XFS; invalid: a version, a feature or an external log that is not known
  // here; damaged: what the superblock says does not fit together.
  static Result<XfsShape> read(ByteSource& source, ByteRun area);

  // Those that may hold anything but the headers of the group.
  XfsBlockRun usable_blocks(std::uint32_t group) const;
  ByteIndex group_begin(std::uint32_t group) const;
  // Where blocks of a group, which are its own, lie on the source.
  ByteRun place_of(std::uint32_t group, XfsBlockRun blocks) const;
};

}  // namespace ebb
