// SPDX-License-Identifier: Apache-2.0
// bytes.h - views of bytes, and hexadecimal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ebb {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using ByteVector = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
// The bytes of a plain struct, as they lie in memory. For on-disk twins only.
template <class T>
requires(std::is_trivially_copyable_v<T>) Bytes bytes_of_struct(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}
inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteVector copy_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}
inline void append(ByteVector& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
inline bool same_bytes(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
inline bool all_zero(Bytes bytes) {
  for (const std::byte b : bytes) {
    if (b != std::byte{0}) return false;
  }
  return true;
}

// Lower-case hexadecimal, two digits a byte; `from_hex` takes either case and nothing else.
std::string to_hex(Bytes bytes);
std::optional<ByteVector> from_hex(std::string_view text);

// A value of N bytes that names something: a digest, an id, a public key. Not a secret.
template <std::size_t N, class Tag>
struct Name {
  std::array<std::byte, N> bytes{};

  static constexpr std::size_t size = N;
  static std::optional<Name> of(Bytes from) {
    if (from.size() != N) return std::nullopt;
    Name name;
    std::memcpy(name.bytes.data(), from.data(), N);
    return name;
  }
  static std::optional<Name> from_hex_text(std::string_view text) {
    const auto raw = from_hex(text);
    return raw ? of(*raw) : std::nullopt;
  }
  Bytes view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  bool is_zero() const { return all_zero(bytes); }
  auto operator<=>(const Name&) const = default;
};

// For names whose bytes are already uniformly spread (digests, random ids).
struct NameHash {
  template <std::size_t N, class Tag>
  std::size_t operator()(const Name<N, Tag>& name) const {
    static_assert(N >= sizeof(std::size_t));
    std::size_t hash = 0;
    std::memcpy(&hash, name.bytes.data(), sizeof hash);
    return hash;
  }
};

}  // namespace ebb
