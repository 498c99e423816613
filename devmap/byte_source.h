// SPDX-License-Identifier: Apache-2.0
// byte_source.h - something of a fixed size whose bytes can be read at any place.
//
// The parsers of devmap read through it, so that they run on a device, an image, a recovery point
// or a few bytes made up by a test. It is for small reads of metadata; content is moved by the
// engine's BlockDevice.
#pragma once

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual ByteCount size() const = 0;
  // Fills all of `room` or fails. A request that ends past size() is refused as invalid.
  virtual Result<void> read(ByteIndex at, MutableBytes room) = 0;
};

// Bytes that somebody else keeps.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(bytes) {}
  ByteCount size() const override { return ByteCount(bytes_.size()); }
  Result<void> read(ByteIndex at, MutableBytes room) override;

 private:
  Bytes bytes_;
};

// A descriptor that somebody else keeps open: a file or a block device, opened for reading with or
// without O_DIRECT. Requests need no alignment; with O_DIRECT they go through an aligned buffer.
class FdSource final : public ByteSource {
 public:
  FdSource(int fd, ByteCount size) : fd_(fd), size_(size) {}
  // Asks the descriptor for its size (a file's length, a block device's capacity).
  static Result<FdSource> over(int fd);
  ByteCount size() const override { return size_; }
  Result<void> read(ByteIndex at, MutableBytes room) override;

 private:
  int fd_;
  ByteCount size_;
};

// The size of what `fd` is open on. Only regular files and block devices have one.
Result<ByteCount> size_of_fd(int fd);

}  // namespace ebb
