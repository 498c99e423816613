// SPDX-License-Identifier: Apache-2.0
#include "devmap/core/paper_text.h"

namespace ebb {

namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t group = 5;
constexpr std::size_t characters = 55;  // 34 bytes are 272 bits; 3 bits of the last are zero.

int value_of(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const std::size_t at = digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string text_on_paper(const KeyOnPaper& key) {
  std::string text;
  unsigned held = 0;
  unsigned bits = 0;
  std::size_t written = 0;
  const auto put = [&](unsigned value) {
    if (written != 0 && written % group == 0) text += '-';
    text += digits[value];
    ++written;
  };
  for (const std::byte b : key.reveal()) {
    held = (held << 8 | static_cast<unsigned>(b)) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) put(held >> (bits - 5) & 31);
  }
  if (bits > 0) put(held << (5 - bits) & 31);
  return text;
}

std::optional<KeyOnPaper> key_on_paper(std::string_view text) {
  KeyOnPaper key;
  unsigned held = 0;
  unsigned bits = 0;
  std::size_t seen = 0;
  std::size_t at = 0;
  for (const char c : text) {
    if (c == '-' || c == ' ' || c == '\n' || c == '\r') continue;
    const int value = value_of(c);
    if (value < 0 || ++seen > characters) return std::nullopt;
    held = (held << 5 | static_cast<unsigned>(value)) & 0xfff;
    bits += 5;
    if (bits >= 8 && at < KeyOnPaper::size) {
      bits -= 8;
      key.room()[at++] = static_cast<std::byte>(held >> bits & 0xff);
    }
  }
  const bool padding_is_zero = (held & ((1u << bits) - 1)) == 0;
  if (seen != characters || at != KeyOnPaper::size || !padding_is_zero) return std::nullopt;
  return key;
}

}  // namespace ebb
