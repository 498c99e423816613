// SPDX-License-Identifier: Apache-2.0
// ext2_channel.h - a ByteSource as what libext2fs reads from.
//
// Inside devmap/allocation only. Nothing is ever written through it.
#pragma once

#include <ext2fs/ext2fs.h>

#include <memory>
#include <optional>

#include "devmap/byte_source.h"

namespace ebb {

// A file system that libext2fs has open for reading; it sees nothing outside of its area.
class Ext2 {
 public:
  // The one that begins at area.begin. `source` outlives it.
  static Result<std::unique_ptr<Ext2>> open(ByteSource& source, ByteRun area);
  ~Ext2();
  Ext2(const Ext2&) = delete;
  Ext2& operator=(const Ext2&) = delete;

  ext2_filsys fs() const { return fs_; }
  // What libext2fs says, as an error: the source's own where reading failed.
  Error error(errcode_t code) const;

  // What a channel's functions are given.
  struct Reading {
    ByteSource& source;
    ByteRun area;
    std::optional<Error> trouble;  // The source's first.
  };

 private:
  Ext2(ByteSource& source, ByteRun area) : reading_{source, area, {}} {}
  Reading reading_;
  ext2_filsys fs_ = nullptr;
};

}  // namespace ebb
