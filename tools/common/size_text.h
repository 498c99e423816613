// SPDX-License-Identifier: Apache-2.0
// size_text.h - sizes, rates and times as people write and read them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

std::string size_text(ByteCount size);                  // "73.8 MiB", "512 B"
std::string rate_text(ByteCount size, double seconds);  // "1.2 GiB/s"
std::string duration_text(double seconds);              // "0.4 s", "3 min 12 s"
Result<ByteCount> parse_size(std::string_view text);    // "64K", "1M", "4096", "64KiB"
Result<std::chrono::seconds> parse_age(
    std::string_view text);  // "90s", "15min", "36h", "30d", "8w"

}  // namespace ebb
