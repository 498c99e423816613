// SPDX-License-Identifier: Apache-2.0
// compression.cc - a Compression from text and back.
#include <charconv>

#include "engine/stage/compress.h"

namespace ebb {

namespace {

constexpr int standard_level = 1;

struct Levels {
  int lowest;
  int highest;
};

// 0 means "the default" to both libraries, differently; ebb has no such level.
constexpr Levels levels_of(Codec codec) {
  return codec == Codec::lz4 ? Levels{-64, 12} : Levels{-64, 19};
}

Result<int> level_of(Codec codec, std::string_view text) {
  int level = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  const Levels levels = levels_of(codec);
  if (error != std::errc() || end != text.data() + text.size() || level == 0 ||
      level < levels.lowest || level > levels.highest) {
    return fail(Error::invalid("\"{}\" is no level of {}: there are {} to -1 and 1 to {}", text,
                               name_of(codec), levels.lowest, levels.highest));
  }
  return level;
}

}  // namespace

Result<Compression> Compression::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  for (const Codec codec : {Codec::none, Codec::lz4, Codec::zstd}) {
    if (name != name_of(codec)) continue;
    if (colon == std::string_view::npos) {
      return Compression{codec, codec == Codec::none ? 0 : standard_level};
    }
    if (codec == Codec::none) break;
    return Compression{codec, TRY(level_of(codec, text.substr(colon + 1)))};
  }
  return fail(
      Error::invalid("\"{}\" is no compression: there are none, lz4[:level], zstd[:level]", text));
}

std::string Compression::text() const {
  if (codec == Codec::none || level == standard_level) return std::string(name_of(codec));
  return fmt::format("{}:{}", name_of(codec), level);
}

}  // namespace ebb
