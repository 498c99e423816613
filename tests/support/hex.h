// SPDX-License-Identifier: Apache-2.0
// hex.h - test vectors, written as their documents print them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "devmap/core/bytes.h"
#include "devmap/core/check.h"

namespace ebb::test {

// Spaces and line ends in `text` are left out.
inline ByteVector hex(std::string_view text) {
  std::string digits(text);
  std::erase_if(digits, [](char c) { return c == ' ' || c == '\n'; });
  auto bytes = from_hex(digits);
  EBB_CHECK(bytes.has_value(), "a test vector is not hexadecimal");
  return *std::move(bytes);
}

template <class Named>
Named name_from(std::string_view text) {
  const auto name = Named::of(hex(text));
  EBB_CHECK(name.has_value(), "a test vector has another length");
  return *name;
}

template <class Hidden>
Hidden secret_from(std::string_view text) {
  const ByteVector bytes = hex(text);
  EBB_CHECK(bytes.size() == Hidden::size, "a test vector has another length");
  return Hidden(std::span<const std::byte, Hidden::size>(bytes));
}

}  // namespace ebb::test
