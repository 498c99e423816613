// SPDX-License-Identifier: Apache-2.0
// paper_key.cc - the text of a paper key. Its checksum begins its SHA-256.
#include <optional>

#include "devmap/core/paper_text.h"
#include "engine/repo/keyring.h"

namespace ebb {

namespace {

KeyOnPaper with_checksum(const PaperKey& key) {
  KeyOnPaper whole;
  std::ranges::copy(key.reveal(), whole.room().begin());
  const Digest digest = sha256(key.reveal());
  std::copy_n(digest.bytes.begin(), KeyOnPaper::size - PaperKey::size,
              whole.room().begin() + PaperKey::size);
  return whole;
}

}  // namespace

std::string paper_key_text(const PaperKey& key) {
  return text_on_paper(with_checksum(key));
}

std::optional<PaperKey> paper_key_of(std::string_view text) {
  const auto read = key_on_paper(text);
  if (!read) return std::nullopt;
  PaperKey key(read->reveal().first<PaperKey::size>());
  if (!same_bytes(with_checksum(key).reveal(), read->reveal())) return std::nullopt;
  return key;
}

}  // namespace ebb
