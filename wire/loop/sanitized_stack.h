// SPDX-License-Identifier: Apache-2.0
// sanitized_stack.h - tells AddressSanitizer which stack runs; nothing in builds without it.
//
// KJ's library changes stacks and says nothing of it. Without these calls the sanitizer takes a
// fiber for a part of the thread's own stack, does not clean up where an exception left frames,
// and stops the program for them later. Source: sanitizer/common_interface_defs.h.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EBB_SANITIZED_STACKS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define EBB_SANITIZED_STACKS 1
#endif

#ifdef EBB_SANITIZED_STACKS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include <cstdint>
#endif

namespace ebb {

// Where a stack lies; with no `bottom` it is not known.
struct StackBounds {
  const void* bottom = nullptr;
  std::size_t size = 0;
};

// From here on `next` runs; the answer is what ran before. Called on either of the two.
inline StackBounds runs_on([[maybe_unused]] StackBounds next) {
  StackBounds before;
#ifdef EBB_SANITIZED_STACKS
  if (next.bottom == nullptr) return before;
  void* frames = nullptr;
  __sanitizer_start_switch_fiber(&frames, next.bottom, next.size);
  __sanitizer_finish_switch_fiber(frames, &before.bottom, &before.size);
#endif
  return before;
}

// Of a fiber that just began, with all that its former user left below here forgotten. `size` is
// that of its stack, which ends in the page in which `at` lies or in a later one.
inline StackBounds new_fiber([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t size) {
#ifdef EBB_SANITIZED_STACKS
  constexpr std::uintptr_t page = 4096;
  const std::uintptr_t top = (reinterpret_cast<std::uintptr_t>(at) + page) & ~(page - 1);
  const std::uintptr_t bottom =
      top - size + 4 * page;  // Above the guard page, whatever `at` missed.
  const std::uintptr_t here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  __asan_unpoison_memory_region(reinterpret_cast<const void*>(bottom), here - bottom);
  return {reinterpret_cast<const void*>(bottom), top - bottom};
#else
  return {};
#endif
}

}  // namespace ebb
