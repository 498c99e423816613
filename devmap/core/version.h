// SPDX-License-Identifier: Apache-2.0
// version.h - what every program of ebb says of itself.
#pragma once

namespace ebb {

inline constexpr const char* version_text = "ebb 0.1.0";

}  // namespace ebb
