// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// track.bpf.c - the programs that mark which blocks of one disk are written.
//
// A block is marked before the write that changes it goes to the disk, and the mark stays until
// user space has taken it. A write is also remembered until it completes: whoever switches epochs
// marks what is under way in the new epoch too, for its data may be seen only after the old one's
// blocks were read. And a write that completes without having been remembered is marked then, or,
// where its place is not known any more, the whole device counts as changed. So a mark can be one
// too many, never missing.
//
// What is to be tracked is constant while a program lives. Does not know what an epoch is:
// `open_marks` holds the map that marks go to, and the kernel lets its replacing return only when
// no program uses the old one any more.
//
// Loaded under the GPL, as the kernel demands of programs that read its structs.
#include "devmap/source/track/kernel_types.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "devmap/source/track/track_shared.h"

const char license_text[] SEC("license") = "GPL";

// Of REQ_OP_..., the low eight bits of bi_opf. An odd one changes what the disk holds: write 1,
// discard 3, secure erase 5, write zeroes 9, zone append 7 or 13; what else is odd moves or empties
// zones. A flush is a write of no bytes.
enum { op_bits = 0xff, op_changes = 1, op_write = 1 };

// The part of the disk that is tracked, in sectors of 512 bytes, and log2 of such sectors a block.
const volatile __u64 disk_sequence = 0;
const volatile __u64 first_sector = 0;
const volatile __u64 end_sector = 0;
const volatile __u32 sector_shift = 0;
// Whether the disk gathers bios into requests.
const volatile __u32 by_requests = 0;

// Marks: words of 64 bits, a bit a block.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} open_marks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, track_buckets);
  __type(key, __u32);
  __type(value, struct track_bucket);
} under_way SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct track_control);
} control SEC(".maps");

#define COUNT(field)                                                 \
  do {                                                               \
    __u32 only = 0;                                                  \
    struct track_control* at = bpf_map_lookup_elem(&control, &only); \
    if (at) __sync_fetch_and_add(&at->field, 1);                     \
  } while (0)

static __always_inline int changes(struct bio* bio) {
  return bio->bi_opf & op_changes;
}

static __always_inline int on_this_disk(struct bio* bio) {
  return bio->bi_bdev->bd_disk->diskseq == disk_sequence;
}

// ---- marks --------------------------------------------------------------------------------------

static __always_inline void mark_in_word(__u32 word, __u64 bits) {
  __u32 only = 0;
  void* marks = bpf_map_lookup_elem(&open_marks, &only);
  __u64* at = marks ? bpf_map_lookup_elem(marks, &word) : 0;
  if (!at) {
    COUNT(impossible);
    return;
  }
  // Most writes go where one went before: no need to take the cache line from the others.
  if ((*(volatile __u64*)at & bits) != bits) __sync_fetch_and_or(at, bits);
}

static long mark_whole_word(__u32 index, void* first_word) {
  mark_in_word(*(__u32*)first_word + index, ~0ull);
  return 0;
}

// Bits [first, end), not empty.
static __always_inline void mark(__u32 first, __u32 end) {
  __u32 word = first >> 6;
  const __u32 last = (end - 1) >> 6;
  const __u64 from_first = ~0ull << (first & 63);
  const __u64 to_last = ~0ull >> (63 - ((end - 1) & 63));
  if (word == last) {
    mark_in_word(word, from_first & to_last);
    return;
  }
  mark_in_word(word, from_first);
  mark_in_word(last, to_last);
  ++word;
  if (word < last) bpf_loop(last - word, mark_whole_word, &word, 0);
}

// ---- writes under way ---------------------------------------------------------------------------

// The address as a number. To the verifier a pointer is something to look into and not to compute
// with, so the number is read from where the pointer was put.
static __always_inline __u64 number_of(const void* address) {
  const void* volatile pointer = address;
  __u64 number = 0;
  if (bpf_probe_read_kernel(&number, sizeof number, (const void*)&pointer)) COUNT(impossible);
  return number;
}

static __always_inline struct track_bucket* bucket_of(__u64 bio) {
  const __u32 index = (__u32)((bio * 0x9e3779b97f4a7c15ull) >> (64 - track_bucket_bits));
  return bpf_map_lookup_elem(&under_way, &index);
}

static __always_inline struct track_slot* slot_of(struct track_bucket* bucket, __u64 bio) {
#pragma unroll
  for (int i = 0; i < track_slots; ++i) {
    if (*(volatile __u64*)&bucket->slots[i].bio == bio) return &bucket->slots[i];
  }
  return 0;
}

static __always_inline void remember(__u64 bio, __u32 first, __u32 end) {
  struct track_bucket* bucket = bucket_of(bio);
  if (!bucket) {
    COUNT(impossible);
    return;
  }
  // One that passes two hooks, or the address of one whose end was missed.
  struct track_slot* own = slot_of(bucket, bio);
  if (own) {
    own->first = first;
    own->end = end;
    return;
  }
#pragma unroll
  for (int i = 0; i < track_slots; ++i) {
    struct track_slot* slot = &bucket->slots[i];
    if (*(volatile __u64*)&slot->bio == 0 && __sync_val_compare_and_swap(&slot->bio, 0, bio) == 0) {
      slot->first = first;
      slot->end = end;
      return;
    }
  }
  COUNT(overflows);
}

static __always_inline int forget(__u64 bio) {
  struct track_bucket* bucket = bucket_of(bio);
  struct track_slot* own = bucket ? slot_of(bucket, bio) : 0;
  if (!own) return 0;
  *(volatile __u64*)&own->bio = 0;
  return 1;
}

static __always_inline int remembered(__u64 bio) {
  struct track_bucket* bucket = bucket_of(bio);
  return bucket && slot_of(bucket, bio);
}

// ---- the hooks ----------------------------------------------------------------------------------

struct range {
  __u32 first;
  __u32 end;
};

// Marks what of these bytes of the disk is tracked.
static __always_inline struct range mark_bytes(__u64 sector, __u64 size) {
  const __u64 after = sector + ((size + 511) >> 9);
  const __u64 from = sector < first_sector ? first_sector : sector;
  const __u64 to = after < end_sector ? after : end_sector;
  struct range bits = {0, 0};
  if (from >= to) return bits;
  bits.first = (__u32)((from - first_sector) >> sector_shift);
  bits.end = (__u32)((to - 1 - first_sector) >> sector_shift) + 1;
  mark(bits.first, bits.end);
  return bits;
}

static __always_inline void begins(struct bio* bio) {
  const __u64 size = bio->bi_iter.bi_size;
  if (size == 0 && (bio->bi_opf & op_bits) != op_write) COUNT(unknown_ops);
  const struct range bits = mark_bytes(bio->bi_iter.bi_sector, size);
  // Also what marks nothing here, so that its end is not taken for a stray.
  remember(number_of(bio), bits.first, bits.end);
}

// A bio comes to a device: to this disk, or to a partition of it, with its sector already counted
// on the disk.
SEC("tp_btf/block_bio_queue")
int BPF_PROG(track_queue, struct bio* bio) {
  if (changes(bio) && on_this_disk(bio)) begins(bio);
  return 0;
}

// A driver (md, bcache) sends the same bio on to this disk: it is not queued a second time.
SEC("tp_btf/block_bio_remap")
int BPF_PROG(track_remap, struct bio* bio, __u32 from) {
  if (!changes(bio) || !on_this_disk(bio)) return 0;
  // On a partition, and not yet counted on the disk: that comes as a remap from the partition.
  const struct block_device* to = bio->bi_bdev;
  if (to->bd_dev != from && to->bd_dev != to->bd_disk->part0->bd_dev) return 0;
  begins(bio);
  return 0;
}

// A part is split off a bio that is too large for the disk, and completes by itself, perhaps after
// the rest has.
SEC("tp_btf/block_split")
int BPF_PROG(track_split, struct bio* part, unsigned int rest) {
  if (changes(part) && on_this_disk(part)) begins(part);
  return 0;
}

// A bio of a request, and so many bytes of it that were still to be completed, completes. One that
// was not seen to begin (it was there before the programs were) still knows its place: the mark
// comes late, but before anybody is told that the write is done.
static __always_inline void ends(__u64 bio, int on_disk, __u64 sector, __u64 size) {
  if (!forget(bio) && size && on_disk) mark_bytes(sector, size);
}

// Where a walk along the bios of a request is.
struct walk {
  __u64 bio;
  __u64 bytes;  // Completed, and not yet given to a bio.
};

static long ends_next(__u32 index, void* data) {
  struct walk* at = data;
  struct bio* bio = (struct bio*)at->bio;
  if (!bio) return 1;
  const __u64 size = BPF_CORE_READ(bio, bi_iter.bi_size);
  if (size > at->bytes) return 1;  // The rest of it is still to come.
  const int on_disk = by_requests || BPF_CORE_READ(bio, bi_bdev, bd_disk, diskseq) == disk_sequence;
  ends(at->bio, on_disk, BPF_CORE_READ(bio, bi_iter.bi_sector), size);
  at->bytes -= size;
  at->bio = (__u64)BPF_CORE_READ(bio, bi_next);
  return size && !at->bytes;
}

// A request completes, or so many bytes of it. Its bios are not told of one by one.
SEC("tp_btf/block_rq_complete")
int BPF_PROG(track_rq_complete, struct request* request, int error, unsigned int bytes) {
  if (!(request->cmd_flags & op_changes)) return 0;
  // Where the disk takes bios as they come, a driver may have sent ours on to another disk, in
  // place.
  if (by_requests && request->q->disk->diskseq != disk_sequence) return 0;
  struct bio* bio = request->bio;
  if (!bio) return 0;
  const __u64 size = bio->bi_iter.bi_size;
  if (size > bytes) return 0;
  ends(number_of(bio), by_requests || on_this_disk(bio), bio->bi_iter.bi_sector, size);
  // Most requests have one bio.
  struct walk at = {number_of(bio->bi_next), bytes - size};
  if (at.bio && at.bytes) bpf_loop(track_bios_in_request, ends_next, &at, 0);
  return 0;
}

// Of disks that take bios as they come (device-mapper, md, zram).
SEC("tp_btf/block_bio_complete")
int BPF_PROG(track_bio_complete, struct request_queue* queue, struct bio* bio) {
  if (by_requests || !changes(bio)) return 0;
  // By its address first: a driver may have sent it on to another disk.
  if (forget(number_of(bio)) || !on_this_disk(bio)) return 0;
  // What was split off a bio completes by itself, before the bio that it names.
  if (!remembered(number_of(bio->bi_private))) COUNT(strays);
  return 0;
}
