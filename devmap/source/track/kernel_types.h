// SPDX-License-Identifier: Apache-2.0
// kernel_types.h - the few fields of the kernel's structs that the tracker's programs read.
//
// For BPF programs only. Nothing here need lie where it lies in a kernel: each access is a CO-RE
// relocation, by the names of struct and field, against the BTF of the kernel that loads the
// program. So a build depends on no kernel. Held by Linux 6.1 (Debian 12) to 6.18.
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct gendisk;

struct block_device {
  __u64 bd_start_sect;  // Of a partition, on its disk.
  struct gendisk* bd_disk;
  __u32 bd_dev;
};

struct gendisk {
  struct block_device* part0;  // The disk as a whole.
  __u64 diskseq;               // Unique to what is attached, until the next boot.
};

struct bvec_iter {
  __u64 bi_sector;  // Of 512 bytes; on the whole disk by the time that a bio is queued.
  __u32 bi_size;    // In bytes.
};

struct bio {
  struct bio* bi_next;  // In a request.
  struct block_device* bi_bdev;
  __u32 bi_opf;
  struct bvec_iter bi_iter;
  void* bi_private;
};

struct request_queue {
  struct gendisk* disk;
};

struct request {
  struct request_queue* q;
  __u32 cmd_flags;
  struct bio* bio;  // The first that is not yet completed.
};

#pragma clang attribute pop
