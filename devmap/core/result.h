// SPDX-License-Identifier: Apache-2.0
// result.h - how the world's refusals travel.
//
// A function that the world can refuse returns Result<T>. The error's kind says what the caller may
// do; its text says what was attempted, outermost first ("backing up /dev/sda: reading 1 MiB at 0:
// Input/output error"). docs/errors.md lists operations and kinds.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace ebb {

enum class ErrorKind : std::uint8_t {
  invalid,   // The request makes no sense; repeating it cannot help.
  mismatch,  // Two things that must agree do not (geometry, generation, key).
  damaged,   // Bytes are there but are not what was written.
  lost,      // The peer or the device went away or failed; mend it, then resume.
  busy,      // Somebody else is at it or a bound was reached; wait, then retry.
  full,      // No room; make room, then resume.
  absent,    // What was asked for does not exist.
  denied,    // Permission is missing.
};

std::string_view name_of(ErrorKind kind);

class [[nodiscard]] Error {
 public:
  Error(ErrorKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

  template <class... Args>
  static Error invalid(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::invalid, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <class... Args>
  static Error mismatch(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::mismatch, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <class... Args>
  static Error damaged(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::damaged, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <class... Args>
  static Error lost(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::lost, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <class... Args>
  static Error busy(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::busy, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <class... Args>
  static Error absent(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::absent, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <class... Args>
  static Error denied(fmt::format_string<Args...> format, Args&&... args) {
    return {ErrorKind::denied, fmt::format(format, std::forward<Args>(args)...)};
  }
  // From an errno value; the kind follows from it (ENOSPC is full, ENOENT absent, EIO damaged,
  // ENODEV lost, ...).
  static Error from_errno(int number);

  ErrorKind kind() const { return kind_; }
  const std::string& text() const { return text_; }

  // The same error, with what was being attempted put before it.
  template <class... Args>
  Error during(fmt::format_string<Args...> format, Args&&... args) const {
    return {kind_, fmt::format(format, std::forward<Args>(args)...) + ": " + text_};
  }

 private:
  ErrorKind kind_;
  std::string text_;
};

template <class T = void>
using Result = tl::expected<T, Error>;

inline auto fail(Error error) {
  return tl::make_unexpected(std::move(error));
}

// The result with `during` added to its error, if it has one.
template <class T, class... Args>
Result<T> during(Result<T> result, fmt::format_string<Args...> format, Args&&... args) {
  if (result) return result;
  return fail(result.error().during(format, std::forward<Args>(args)...));
}

namespace detail {
template <class T>
T take(Result<T>& result) {
  return std::move(*result);
}
inline void take(Result<void>&) {}
}  // namespace detail

}  // namespace ebb

// The value of a Result, or the enclosing function returns its error. A GNU statement expression,
// which g++ and clang both have, so that it reads as one: `auto size = TRY(size_of(path));`
// Each use names its result anew, so that one TRY may stand inside another.
#define TRY(expression) EBB_TRY_COUNTED(expression, __COUNTER__)
#define EBB_TRY_COUNTED(expression, number) EBB_TRY_NAMED(expression, number)
#define EBB_TRY_NAMED(expression, number)                                   \
  __extension__({                                                           \
    auto try_result_##number = (expression);                                \
    if (!try_result_##number) [[unlikely]]                                  \
      return ::tl::make_unexpected(std::move(try_result_##number.error())); \
    ::ebb::detail::take(try_result_##number);                               \
  })
