// SPDX-License-Identifier: Apache-2.0
// nearest_word.h - what somebody meant who wrote a word that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ebb {

// How many letters are to be added, taken away, changed or swapped with their neighbour.
std::size_t letters_between(std::string_view a, std::string_view b);
// The one of `words` that is nearest, the first of equals; there is one.
const std::string& nearest_word(std::string_view word, std::span<const std::string> words);

}  // namespace ebb
