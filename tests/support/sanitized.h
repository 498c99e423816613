// SPDX-License-Identifier: Apache-2.0
// sanitized.h - whether this is a build with a sanitizer, in which memory and stacks take a
// multiple and bounds on them mean nothing.
#pragma once

namespace ebb::test {

#ifdef EBB_SANITIZED
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

}  // namespace ebb::test
