// SPDX-License-Identifier: Apache-2.0
// limits.h - every bound that ebb holds, with its name.
//
// Relations between bounds are compiled below. A bound that only one file needs stays in that file.
#pragma once

#include <cstdint>

#include "devmap/core/units.h"

namespace ebb::limits {

// The unit of tracking, fingerprint and dedup: a power of two between these.
inline constexpr ByteCount min_block_size = 4_KiB;
inline constexpr ByteCount default_block_size = 64_KiB;
inline constexpr ByteCount max_block_size = 1_MiB;

// What one read fetches and one worker handles.
inline constexpr ByteCount batch_size = 1_MiB;
inline constexpr std::uint64_t max_blocks_in_batch = batch_size.value() / min_block_size.value();

// The largest device: 64 TiB at any block size keeps block indexes in 34 bits.
inline constexpr ByteCount max_device_size = 64_KiB * (1ull << 30);

// Direct I/O: offsets, lengths and addresses are multiples of this.
inline constexpr ByteCount io_alignment = 4_KiB;

// Logical sectors that a device may have.
inline constexpr ByteCount min_sector_size = 512_B;
inline constexpr ByteCount max_sector_size = 4_KiB;

// Unreadable runs that a point can name; more are merged outwards.
inline constexpr std::uint64_t max_unreadable_runs = 16384;

// A point's sealed section, a members record, a keyring: small things stay small.
inline constexpr ByteCount max_small_object = 1_MiB;

// Names that people give (volume, slot, source), in bytes of UTF-8.
inline constexpr std::uint64_t max_name_bytes = 255;
inline constexpr std::uint64_t max_passphrase_bytes = 1024;

static_assert(batch_size >= max_block_size);
static_assert(min_block_size >= max_sector_size);
static_assert(min_block_size >= io_alignment);

}  // namespace ebb::limits
