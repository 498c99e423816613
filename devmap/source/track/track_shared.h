// SPDX-License-Identifier: Apache-2.0
// track_shared.h - what the tracker's programs in the kernel and ebb say to each other.
//
// Read by clang as C for BPF and by the C++ of devmap/source/track. All of it lies in maps that
// user space maps into its memory; fields are grouped by who writes them.
#pragma once

#include <linux/types.h>

enum {
  track_layout = 1,  // Of these structs; another one's tracker is not touched.
  track_maps_of_marks = 3,
  track_slots = 8,
  track_bucket_bits = 14,
  track_buckets = 1 << track_bucket_bits,
  track_bios_in_request = 1 << 16,  // More of them are forgotten late.
  track_identity_bytes = 2048,
  track_path_bytes = 512,
};

// A write that was queued and has not completed. The marks that it made are bits [first, end).
struct track_slot {
  __u64 bio;  // 0: free.
  __u32 first;
  __u32 end;
};

// Writes under way, by the hash of the bio's address.
struct track_bucket {
  struct track_slot slots[track_slots];
};

struct track_control {
  // Written by the programs. Each that counts makes the epoch say "everything".
  __u64 strays;       // Writes that completed and were never seen to begin.
  __u64 overflows;    // Writes for which there was no free slot.
  __u64 unknown_ops;  // Something other than writing a range, such as a reset of zones.
  __u64 impossible;   // A map had no such element.
  __u64 unused[4];

  // Written by ebb, under the lock of the tracker's folder.
  __u32 layout;
  __u32 block_shift;
  __u8 instance[16];
  __u64 device;  // dev_t
  __u64 disk_sequence;
  __u64 size;  // In bytes.
  __s64 attached_wall_ns;
  __s64 attached_boot_ns;
  __s64 epoch_boot_ns;  // When the epoch that is open began.
  __u64 epoch;          // The one that is open; the first is 1.
  __u64 covers_from;    // The first that was not forgotten.
  // What the counters were when the epoch that is open began.
  __u64 seen_strays;
  __u64 seen_overflows;
  __u64 seen_unknown_ops;
  __u64 seen_impossible;
  __u64 seen_missed_begins;
  __u64 seen_missed_ends;
  __u32 everything_closed;  // track_everything of what was closed and not forgotten.
  __u32 everything_open;    // Of the epoch that is open, for what came before it.
  char identity[track_identity_bytes];
  char path[track_path_bytes];
};

// Why an epoch's marks are not all of its changes.
enum track_everything {
  track_by_stray = 1,
  track_by_overflow = 2,
  track_by_unknown_op = 4,
  track_by_impossible = 8,
  track_by_missed = 16,
};
