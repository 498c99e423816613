// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/track_token.h"

#include <algorithm>
#include <vector>

#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr std::string_view kind = "track-1";
constexpr std::size_t most_bytes = 512;

Result<std::uint64_t> number_of(const std::string& word) {
  const auto number = number_in(word);
  if (!number) return fail(Error::damaged("\"{}\" in a tracker's token is no number", word));
  return *number;
}

}  // namespace

bool TrackToken::same_tracking(const TrackToken& other) const {
  TrackToken same_epoch = other;
  same_epoch.epoch = epoch;
  return *this == same_epoch;
}

std::string TrackToken::text() const {
  return fmt::format("{} {} {} {} {} {} {} {} {}", kind, boot_id, instance, attached, device,
                     disk_sequence, size.value(), block.value(), epoch);
}

Result<TrackToken> TrackToken::parse(std::string_view text) {
  if (text.size() > most_bytes) return fail(Error::damaged("a tracker's token is too long"));
  const std::vector<std::string> words = words_of(std::string(text));
  if (words.size() != 9 || words[0] != kind) {
    return fail(Error::damaged("this is no token of a tracker"));
  }
  TrackToken token;
  token.boot_id = words[1];
  token.instance = words[2];
  token.attached = words[3];
  token.device = words[4];
  token.disk_sequence = TRY(number_of(words[5]));
  token.size = ByteCount(TRY(number_of(words[6])));
  token.block = ByteCount(TRY(number_of(words[7])));
  token.epoch = TRY(number_of(words[8]));
  if (token.text() != text) return fail(Error::damaged("a tracker's token is written otherwise"));
  return token;
}

}  // namespace ebb
