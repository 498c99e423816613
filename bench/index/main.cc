// SPDX-License-Identifier: Apache-2.0
// main.cc - index_bench: how an engine holds 10^8 fingerprints.
//
//   index_bench fill ENGINE FOLDER ENTRIES [SECONDS]           adds packs until there are so many
//   index_bench cold|warm ENGINE FOLDER [SECONDS [ENTRIES]]    looks up, as the writer does
//   index_bench reader ENGINE FOLDER [SECONDS [ENTRIES]]       the same as a reader, warm
//   index_bench beside ENGINE FOLDER [SECONDS]                 a reader while a writer adds
//   index_bench kill ENGINE FOLDER [SECONDS]                   kills a writer after so long
//   index_bench packs REPOSITORY ENTRIES [SECONDS]             writes packs of these entries
//
// ENGINE is rocksdb, lmdb or sqlite; ENTRIES are named where an index also holds real packs.
// bench/README.md says in which order.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/index/measure.h"
#include "bench/index/write_packs.h"
#include "engine/buffer/one_heap.h"

namespace ebb::bench {
namespace {

constexpr std::string_view usage =
    "usage: index_bench fill ENGINE FOLDER ENTRIES [SECONDS]\n"
    "       index_bench cold|warm|reader|beside|kill ENGINE FOLDER [SECONDS]\n"
    "       index_bench packs REPOSITORY ENTRIES [SECONDS]\n";

Result<void> run(const std::vector<std::string>& words) {
  const auto word = [&](std::size_t at) { return at < words.size() ? words[at] : std::string(); };
  const auto number = [&](std::size_t at, double otherwise) {
    return at < words.size() ? std::strtod(words[at].c_str(), nullptr) : otherwise;
  };
  const std::string verb = word(0);
  constexpr double whole_leg = 220;
  constexpr double a_while = 10;
  if (verb == "packs" && words.size() >= 3) {
    return write_packs(word(1), static_cast<std::uint64_t>(number(2, 0)), number(3, whole_leg));
  }
  const auto engine = engine_of(word(1));
  if (!engine || words.size() < 3) return fail(Error::invalid("{}", usage));
  Subject subject{
      *engine, word(1), word(2), {}, number(3, a_while), static_cast<std::uint64_t>(number(4, 0))};
  if (verb == "fill" && words.size() >= 4) {
    subject.seconds = number(4, whole_leg);
    return measure_fill(subject, static_cast<std::uint64_t>(number(3, 0)));
  }
  if (verb == "cold") return measure_look_up(subject, CacheState::cold, IndexAccess::write);
  if (verb == "warm") return measure_look_up(subject, CacheState::warm, IndexAccess::write);
  if (verb == "reader") return measure_look_up(subject, CacheState::warm, IndexAccess::follow);
  if (verb == "beside") return measure_reader_beside_writer(subject);
  if (verb == "kill") return measure_kill(subject);
  return fail(Error::invalid("{}", usage));
}

}  // namespace
}  // namespace ebb::bench

int main(int count, char** words) {
  ebb::use_one_heap();  // As ebb does.
  const auto done = ebb::bench::run({words + 1, words + count});
  if (!done) fmt::print(stderr, "{}\n", done.error().text());
  return done ? 0 : 1;
}
