// SPDX-License-Identifier: Apache-2.0
// source_folder.h - where the source is that the tests were built from.
#pragma once

#include <string>

namespace ebb::test {

// The path of a file of the source, by its path from the root.
std::string source_file(const std::string& path);

}  // namespace ebb::test
