// SPDX-License-Identifier: Apache-2.0
// nbd_export.h - an export of an NBD server (qemu-nbd, QEMU itself, nbdkit), connected to read.
//
// libnbd speaks the protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md and doc/uri.md). What
// the server tells of extents is bounded here, and believed no further than a change source is.
// One thread at a time uses it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "devmap/passport.h"

struct nbd_handle;

namespace ebb {

// "nbd+unix:///disk?socket=/run/vm.sock", "nbd://host/disk", "nbds://..."
bool is_nbd_uri(const std::string& text);

class NbdExport {
 public:
  // `bitmap` is a dirty bitmap of QEMU that the export must have; empty: none.
  static Result<std::unique_ptr<NbdExport>> connect(const std::string& uri,
                                                    const std::string& bitmap);
  ~NbdExport();
  NbdExport(const NbdExport&) = delete;
  NbdExport& operator=(const NbdExport&) = delete;

  // Its identity is the export's name, whatever socket it is served on; without a name the URI.
  const Passport& passport() const { return passport_; }
  // The longest request that the server takes.
  ByteCount longest() const { return longest_; }
  // What reads as zero, by the server's word; sorted and apart, at most max_holes of them.
  Result<std::vector<ByteRun>> zeroes();
  // What the bitmap marks, run by run.
  Result<void> each_dirty(const std::function<void(ByteRun)>& visit);
  nbd_handle* handle() { return handle_; }

 private:
  explicit NbdExport(nbd_handle* handle) : handle_(handle) {}
  Result<void> open(const std::string& uri, const std::string& bitmap);
  // Extents of a metadata context with any of the flags.
  Result<void> walk(const std::string& context, std::uint32_t flags,
                    const std::function<bool(ByteRun)>& visit);

  nbd_handle* handle_;
  Passport passport_;
  ByteCount longest_;
  std::string bitmap_context_;
};

}  // namespace ebb
