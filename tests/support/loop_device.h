// SPDX-License-Identifier: Apache-2.0
// loop_device.h - a real block device over an image file, and mounts; both undone at their end.
//
// Needs root and /dev/loop-control; a test that uses it begins with EBB_NEEDS_LOOP_DEVICES().
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"
#include "tests/support/run_program.h"

namespace ebb::test {

struct LoopOptions {
  ByteCount sector = 512_B;  // Logical sector size.
  bool direct_io = false;    // Past the page cache of the backing file.
  bool read_only = false;
  ByteCount offset{};      // Where in the image the device begins.
  ByteCount size_limit{};  // 0: to the end of the image.
};

class LoopDevice {
 public:
  static Result<std::unique_ptr<LoopDevice>> attach(const std::string& image,
                                                    const LoopOptions& options = {});
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  const std::string& path() const { return path_; }  // "/dev/loop7"
  std::string name() const { return path_.substr(path_.rfind('/') + 1); }
  // Tells the kernel of a partition (it reads no tables here); returns its node, "/dev/loop7p1".
  Result<std::string> add_partition(unsigned number, ByteRun bytes);
  // Takes over the image's new size.
  Result<void> refresh_size();

 private:
  explicit LoopDevice(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::vector<unsigned> partitions_;
};

// Empty when loop devices can be made here, else why not.
std::string why_no_loop_devices();

// Mounts `device` (or bind-mounts a folder when type is "bind"); unmounts itself.
class Mount {
 public:
  static Result<std::unique_ptr<Mount>> at(const std::string& device, const std::string& folder,
                                           const std::string& type, bool read_only = false);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  const std::string& folder() const { return folder_; }
  // Everything is written before it is read-only. Busy while a file is open for writing.
  Result<void> make_read_only() const;
  Result<void> make_writable() const;

 private:
  explicit Mount(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

}  // namespace ebb::test

#define EBB_NEEDS_LOOP_DEVICES()                                                  \
  do {                                                                            \
    if (const std::string why = ::ebb::test::why_no_loop_devices(); !why.empty()) \
      GTEST_SKIP() << why;                                                        \
  } while (false)

#define EBB_NEEDS_PROGRAM(name)                                              \
  do {                                                                       \
    if (::ebb::test::find_program(name).empty()) GTEST_SKIP() << "no " name; \
  } while (false)
