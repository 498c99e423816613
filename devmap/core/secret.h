// SPDX-License-Identifier: Apache-2.0
// secret.h - bytes that must not be copied, printed or forgotten.
//
// A Secret moves (the source is cleansed) but never copies, has no formatter, and is wiped when it
// dies. Its bytes are reached by reveal(), so that every use can be found by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

#include "devmap/core/bytes.h"

namespace ebb {

template <std::size_t N, class Tag>
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::span<const std::byte, N> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), N);
  }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.cleanse(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.cleanse();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { cleanse(); }

  static constexpr std::size_t size = N;
  std::span<const std::byte, N> reveal() const { return bytes_; }
  std::span<std::byte, N> room() { return bytes_; }
  // A second holder of the same secret; named so that a reader stops here.
  Secret duplicate() const { return Secret(reveal()); }

 private:
  void cleanse() { ::explicit_bzero(bytes_.data(), N); }
  std::array<std::byte, N> bytes_{};
};

// A secret of any length (a passphrase, an opened keyring).
class SecretBuffer {
 public:
  SecretBuffer() = default;
  explicit SecretBuffer(std::size_t size) : bytes_(size) {}
  SecretBuffer(SecretBuffer&&) noexcept = default;
  SecretBuffer& operator=(SecretBuffer&& other) noexcept {
    if (this != &other) {
      cleanse();
      bytes_ = std::move(other.bytes_);
    }
    return *this;
  }
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  ~SecretBuffer() { cleanse(); }

  Bytes reveal() const { return bytes_; }
  MutableBytes room() { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  // Shortens; never lengthens, so that no copy is left behind by a reallocation.
  void truncate(std::size_t size) {
    if (size < bytes_.size()) {
      ::explicit_bzero(bytes_.data() + size, bytes_.size() - size);
      bytes_.resize(size);
    }
  }

 private:
  void cleanse() {
    if (!bytes_.empty()) ::explicit_bzero(bytes_.data(), bytes_.size());
  }
  ByteVector bytes_;
};

}  // namespace ebb
