// SPDX-License-Identifier: Apache-2.0
// text_file.h - small files of the kernel's trees, and the names in a folder.
//
// Inside devmap only. What is absent or unreadable is empty: attributes come and go with kernels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "devmap/core/bytes.h"

namespace ebb {

// The whole file, at most `most` bytes of it.
std::string file_text(const std::string& path, std::size_t most = 1u << 20);
// Without white space and zero bytes at either end.
std::string trimmed(std::string_view text);
// A decimal number and nothing else.
std::optional<std::uint64_t> number_in(std::string_view text);
// Sorted; without "." and "..".
std::vector<std::string> names_in(const std::string& folder);
std::vector<std::string> lines_of(const std::string& text);
std::vector<std::string> words_of(const std::string& line);
// /proc writes a space as \040.
std::string without_octal_escapes(std::string_view text);
// The path without symlinks; nothing when it leads nowhere.
std::optional<std::string> real_path(const std::string& path);
std::string base_name(const std::string& path);

}  // namespace ebb
