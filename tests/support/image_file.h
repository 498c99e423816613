// SPDX-License-Identifier: Apache-2.0
// image_file.h - sparse files that tests use as disks.
#pragma once

#include <string>

#include "devmap/core/bytes.h"
#include "devmap/core/units.h"

namespace ebb::test {

// All of these stop the test program when they cannot do it.
void make_image(const std::string& path, ByteCount size);
void resize_image(const std::string& path, ByteCount size);
void write_at(const std::string& path, ByteIndex at, Bytes bytes);
ByteVector read_at(const std::string& path, ByteIndex at, ByteCount length);
void write_text(const std::string& path, const std::string& text);

}  // namespace ebb::test
