// SPDX-License-Identifier: Apache-2.0
// body.h - writing and reading the bodies of small objects: little-endian numbers, fixed names, and
// byte strings with their length before them. A reader never goes past its end.
#pragma once

#include "devmap/core/bytes.h"
#include "devmap/core/endian.h"
#include "devmap/core/result.h"

namespace ebb {

class BodyWriter {
 public:
  BodyWriter& u8(std::uint8_t value) { return raw(bytes_of_struct(value)); }
  BodyWriter& u32(std::uint32_t value) { return raw(bytes_of_struct(Le32(value))); }
  BodyWriter& u64(std::uint64_t value) { return raw(bytes_of_struct(Le64(value))); }
  BodyWriter& raw(Bytes bytes) {
    append(bytes_, bytes);
    return *this;
  }
  BodyWriter& sized(Bytes bytes) {
    u32(static_cast<std::uint32_t>(bytes.size()));
    return raw(bytes);
  }
  const ByteVector& bytes() const { return bytes_; }
  ByteVector take() { return std::move(bytes_); }

 private:
  ByteVector bytes_;
};

class BodyReader {
 public:
  explicit BodyReader(Bytes bytes) : bytes_(bytes) {}

  Result<Bytes> raw(std::size_t n) {
    if (n > bytes_.size() - at_) return fail(Error::damaged("the object is cut short"));
    at_ += n;
    return bytes_.subspan(at_ - n, n);
  }
  template <class Integer>
  Result<Integer> integer() {
    const Bytes stored = TRY(raw(sizeof(Integer)));
    StoredInteger<Integer, true> value;
    std::memcpy(&value, stored.data(), sizeof value);
    return value.value();
  }
  Result<std::uint8_t> u8() { return integer<std::uint8_t>(); }
  Result<std::uint32_t> u32() { return integer<std::uint32_t>(); }
  Result<std::uint64_t> u64() { return integer<std::uint64_t>(); }
  template <class N>
  Result<N> name() {
    const Bytes bytes = TRY(raw(N::size));
    return *N::of(bytes);
  }
  Result<Bytes> sized(std::size_t most) {
    const std::uint32_t n = TRY(u32());
    if (n > most) return fail(Error::damaged("a length in the object is out of bounds"));
    return raw(n);
  }
  // What was read so far; for signatures over it.
  Bytes so_far() const { return bytes_.first(at_); }
  Result<void> end() const {
    if (at_ == bytes_.size()) return {};
    return fail(Error::damaged("the object has {} bytes too many", bytes_.size() - at_));
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

}  // namespace ebb
