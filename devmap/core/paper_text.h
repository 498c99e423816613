// SPDX-License-Identifier: Apache-2.0
// paper_text.h - a key as a person writes it down: Crockford's base 32 (crockford.com/base32.html)
// in 11 groups of 5 characters, of 32 bytes and 2 of a checksum that tells a slip of the pen from a
// wrong key. What the checksum is, is for each kind of key to say.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "devmap/core/secret.h"

namespace ebb {

using KeyOnPaper = Secret<34, struct KeyOnPaperTag>;  // The key and its checksum.

std::string text_on_paper(const KeyOnPaper& key);
// Reads small letters, O for 0, I and L for 1, with or without dashes; nothing when it is no key.
// Whether the checksum is right is for the caller to see.
std::optional<KeyOnPaper> key_on_paper(std::string_view text);

}  // namespace ebb
