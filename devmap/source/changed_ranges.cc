// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/changed_ranges.h"

#include <algorithm>

#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr std::size_t fewest_digits = 12;

bool is_part_of_an_id(std::string_view text) {
  return text.size() >= fewest_digits && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<ByteRun> parse_run(const std::vector<std::string>& words) {
  const auto begin = words.size() == 2 ? number_in(words[0]) : std::nullopt;
  const auto length = words.size() == 2 ? number_in(words[1]) : std::nullopt;
  if (!begin || !length || *length == 0 || *begin > ~0ull - *length) {
    return fail(Error::invalid("not a range: its first byte and its length, as in \"4096 65536\""));
  }
  return ByteRun::of(ByteIndex(*begin), ByteCount(*length));
}

}  // namespace

Result<ChangedRanges> parse_changed_ranges(std::string_view text) {
  ChangedRanges ranges;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = line.substr(0, line.find('#'));
    const std::vector<std::string> words = words_of(std::string(line));
    if (words.empty()) continue;
    if (ranges.since.empty()) {
      if (words.size() != 2 || words[0] != "since" || !is_part_of_an_id(words[1])) {
        return fail(Error::invalid(
            "line {}: the list begins with the point that it is about: \"since\" and at least {} "
            "digits of the point's id, as `ebb points` shows it",
            number, fewest_digits));
      }
      ranges.since = words[1];
      continue;
    }
    if (ranges.runs.size() == max_changed_ranges) {
      return fail(Error::invalid("line {}: more than {} ranges; join some of them", number,
                                 max_changed_ranges));
    }
    ranges.runs.push_back(TRY(during(parse_run(words), "line {}", number)));
  }
  if (ranges.since.empty()) {
    return fail(Error::invalid("the list is empty; it begins with \"since\" and a point's id"));
  }
  return ranges;
}

Result<ChangeSource::Answer> ChangedRangesSource::ask(const BasePoint* since,
                                                      const BlockGrid& grid) {
  Answer answer;
  if (since == nullptr || !since->id.starts_with(ranges_.since)) {
    answer.why = fmt::format("the list is about point {}, which is not the volume's last",
                             ranges_.since.substr(0, fewest_digits));
    return answer;
  }
  DirtyMap changed = DirtyMap::clean(grid);
  for (const ByteRun& run : ranges_.runs) {
    if (run.end.value() > grid.size().value()) {
      return fail(Error::invalid("the list names bytes up to {}, and the device has {}",
                                 run.end.value(), grid.size().value()));
    }
    changed.mark_touching(run);
  }
  answer.why = fmt::format("{} ranges since point {}", ranges_.runs.size(),
                           ranges_.since.substr(0, fewest_digits));
  answer.changed = std::move(changed);
  return answer;
}

}  // namespace ebb
