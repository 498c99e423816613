// SPDX-License-Identifier: Apache-2.0
// passport.h - what a device is, as a value that is kept with every recovery point.
//
// A passport says the shape, the identity and the content of a device at one instant. A restore
// compares the passport in a point with the target's; a change source is believed only where the
// identities agree. Here are the value and its JSON; probe.h makes it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"
#include "devmap/geometry.h"
#include "devmap/partition_table.h"

namespace ebb {

struct Passport {
  std::string path;  // As it was asked for.
  std::string kind;  // disk, partition, loop, dm, md, bcache, nbd, zram, image

  // Shape and topology, in bytes.
  Shape shape;
  ByteCount alignment_offset;
  ByteCount minimum_io;
  ByteCount optimal_io;
  ByteCount discard_granularity;  // 0: no discard.
  bool discard_zeroes = false;  // Proven to read zeroes after a discard. The kernel never says so.
  bool rotational = false;
  bool read_only = false;
  bool removable = false;

  // Identity. A partition has model, vendor, serial and wwn of its disk. Empty: not known.
  std::string model;
  std::string vendor;
  std::string serial;
  std::string wwn;
  std::string dm_name;
  std::string dm_uuid;
  std::string md_uuid;
  std::string partition_uuid;
  unsigned partition_number = 0;   // 0: no partition.
  std::string backing_file;        // Of a loop device; of an image: its own real path.
  ByteCount backing_offset;        // Where in the backing file a loop device begins.
  std::string backing_filesystem;  // The type of the file system that the backing file lies on.

  // Content, as libblkid names it: ext4, xfs, LVM2_member, crypto_LUKS. Empty: none recognised.
  std::string content_type;
  std::string content_uuid;
  std::string content_label;
  std::string content_version;

  PartitionTable table;
  ByteIndex last_used;  // last_used_byte() of the table.

  std::string kernel_boot_id;
  std::string host;
  std::vector<std::string> notes;  // What could not be found out, in words.

  bool operator==(const Passport&) const = default;
};

// Strings that are not UTF-8 (a serial number may hold anything) come with replacement characters,
// so that dump() of the value cannot fail.
nlohmann::json to_json(const Passport& passport);

// Reads what to_json wrote, and refuses anything else as damaged. No exception escapes; the text
// may come from anybody.
Result<Passport> passport_from_json(std::string_view text);

// What the device *is*, in one line that stays the same across reboots and renaming where the
// hardware allows it ("wwn=naa.5000…", "dm-uuid=LVM-…", "file=host:/srv/a.img"). Two passports are
// of the same device when their texts are equal and not empty.
std::string identity_text(const Passport& passport);

}  // namespace ebb
