// SPDX-License-Identifier: Apache-2.0
// limits.h - every bound that holds on the wire, with its name.
#pragma once

#include <capnp/message.h>

#include "devmap/core/limits.h"

namespace ebb::wire_limits {

// A batch of sealed records with their headers is the largest thing that is sent.
inline constexpr ByteCount max_records = limits::batch_size + 128_KiB;
inline constexpr ByteCount max_fetch = 2_MiB;
inline constexpr std::uint64_t max_names = 16384;
inline constexpr std::uint64_t max_list = 4096;
inline constexpr std::uint64_t max_name_text = 255;
inline constexpr std::uint64_t max_program_text = 64;
inline constexpr std::uint64_t max_envelopes = 64;
inline constexpr std::uint64_t max_details = 2048;     // Of a chore's report, in one answer.
inline constexpr std::uint64_t max_detail_text = 500;  // Each of its texts, in bytes.

// A message that is larger, or nested deeper, is not read; the connection ends.
inline constexpr std::uint64_t max_message_words = 4 * 1024 * 1024 / 8;
inline capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = max_message_words;
  options.nestingLimit = 16;
  return options;
}

// Calls of one peer that have no answer yet, in bytes; more are not read until some have.
inline constexpr ByteCount calls_under_way = 24_MiB;

static_assert(max_records.value() * 2 < max_message_words * 8);
static_assert(max_names * 32 < max_message_words * 8);
static_assert(max_details * (2 * max_detail_text + 256) < max_message_words * 8);
static_assert(limits::max_small_object.value() * 2 < max_message_words * 8);

}  // namespace ebb::wire_limits
