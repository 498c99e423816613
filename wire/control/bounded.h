// SPDX-License-Identifier: Apache-2.0
// bounded.h - taking from a peer's message only what is within its bounds.
//
// Texts end up in logs and on terminals, so they have no control characters.
#pragma once

#include <capnp/blob.h>

#include <algorithm>
#include <string>

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "wire/control/protocol.h"

namespace ebb::control {

inline Bytes bytes_in(capnp::Data::Reader data) {
  return std::as_bytes(std::span(data.begin(), data.size()));
}

inline capnp::Data::Reader as_data(Bytes bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

inline Result<std::string> text_in(capnp::Text::Reader text, std::string_view what,
                                   std::size_t most = max_text) {
  if (text.size() > most) {
    return fail(
        Error::invalid("the {} has {} bytes, at most {} are taken", what, text.size(), most));
  }
  if (std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
      })) {
    return fail(Error::invalid("the {} has control characters", what));
  }
  return std::string(text.begin(), text.size());
}

template <class Named>
Result<Named> name_in(capnp::Data::Reader data, std::string_view what) {
  const auto name = Named::of(bytes_in(data));
  if (name) return *name;
  return fail(Error::invalid("the {} has {} bytes, not {}", what, data.size(), Named::size));
}

// Empty data is no name.
template <class Named>
Result<std::optional<Named>> maybe_name_in(capnp::Data::Reader data, std::string_view what) {
  if (data.size() == 0) return std::optional<Named>();
  return std::optional<Named>(TRY(name_in<Named>(data, what)));
}

// The database counts in 63 bits.
inline Result<std::uint64_t> count_in(std::uint64_t count, std::string_view what) {
  if (count >> 62 == 0) return count;
  return fail(Error::invalid("{} {} make no sense", count, what));
}

template <class List>
Result<void> at_most(const List& list, std::size_t most, std::string_view what) {
  if (list.size() <= most) return {};
  return fail(Error::invalid("{} {}, at most {} are taken at once", list.size(), what, most));
}

}  // namespace ebb::control
