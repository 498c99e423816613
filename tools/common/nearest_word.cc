// SPDX-License-Identifier: Apache-2.0
#include "tools/common/nearest_word.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "devmap/core/check.h"

namespace ebb {

// By rows of the usual table: a's first i letters against each beginning of b.
std::size_t letters_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

const std::string& nearest_word(std::string_view word, std::span<const std::string> words) {
  EBB_CHECK(!words.empty(), "nothing is near to a word among no words");
  return *std::ranges::min_element(words, std::ranges::less{}, [&](const std::string& known) {
    return letters_between(word, known);
  });
}

}  // namespace ebb
