// SPDX-License-Identifier: Apache-2.0
// record_context.h - what a record's seal says about it beside its content.
//
// The context is authenticated, not encrypted: a record moved to another repository, or presented
// as another block, length or codec, does not open.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "devmap/core/bytes.h"
#include "devmap/core/endian.h"
#include "engine/stage/codec.h"
#include "engine/stage/fingerprint.h"

namespace ebb {

using RepositoryId = Name<16, struct RepositoryIdTag>;

struct RecordContext {
  RepositoryId repository;
  Fingerprint fingerprint;         // Of the plain bytes, before they were packed.
  std::uint32_t plain_length = 0;  // In bytes, before they were packed.
  Codec codec = Codec::none;
  std::uint8_t kind = 0;  // What the record holds; engine/repo gives the numbers.
};

// The additional authenticated data of a record, byte for byte.
struct AssociatedData {
  std::array<std::byte, 16> repository;
  std::array<std::byte, 32> fingerprint;
  Le32 plain_length;
  Codec codec;
  std::uint8_t kind;

  explicit AssociatedData(const RecordContext& context)
      : repository(context.repository.bytes),
        fingerprint(context.fingerprint.bytes),
        plain_length(context.plain_length),
        codec(context.codec),
        kind(context.kind) {}
  Bytes view() const { return bytes_of_struct(*this); }
};
static_assert(sizeof(AssociatedData) == 54 && alignof(AssociatedData) == 1);

}  // namespace ebb
