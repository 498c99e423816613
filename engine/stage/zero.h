// SPDX-License-Identifier: Apache-2.0
// zero.h - is a block nothing but zeroes?
//
// Right for every length and alignment, the last byte included; nothing is zero too. The wrong
// answer here loses data without a trace, so the tests go over every position.
#pragma once

#include <isa-l/mem_routines.h>

#include "devmap/core/bytes.h"

namespace ebb {

inline bool is_zero(Bytes bytes) {
  // ISA-L only reads; its parameter is not const by oversight.
  return bytes.empty() ||
         ::isal_zero_detect(const_cast<std::byte*>(bytes.data()), bytes.size()) == 0;
}

}  // namespace ebb
