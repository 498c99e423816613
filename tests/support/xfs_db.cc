// SPDX-License-Identifier: Apache-2.0
#include "tests/support/xfs_db.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/run_program.h"

namespace ebb::test {

namespace {

using Words = std::vector<std::string>;

ProgramResult run(const Words& words) {
  ProgramResult result = run_program(words);
  EXPECT_TRUE(result.ok()) << words[0] << ": " << result.output;
  return result;
}

// The number behind "name = ", each time that it is said.
std::vector<std::uint64_t> numbers(const std::string& output, const std::string& name) {
  std::vector<std::uint64_t> all;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " = ")) all.push_back(std::stoull(line.substr(name.size() + 3)));
  }
  return all;
}

}  // namespace

// xfs_db lists the blocks that are kept for growing trees before the others of their group. They
// are not free to be given to anybody.
XfsDbSays ask_xfs_db(const std::string& image) {
  XfsDbSays says;
  const std::string super =
      run({"xfs_db", "-r", "-c", "sb 0", "-c", "p blocksize agblocks agcount", image}).output;
  says.block = numbers(super, "blocksize").at(0);
  const std::uint64_t group_bytes = numbers(super, "agblocks").at(0) * says.block;
  Words words = {"xfs_db", "-r"};
  for (std::uint64_t group = 0; group < numbers(super, "agcount").at(0); ++group) {
    words.insert(words.end(), {"-c", fmt::format("agf {}", group), "-c", "p flcount bnolevel"});
  }
  words.push_back(image);
  const std::string groups = run(words).output;
  says.levels = numbers(groups, "bnolevel");
  std::vector<std::uint64_t> kept = numbers(groups, "flcount");
  std::istringstream lines(run({"xfs_db", "-r", "-c", "freesp -d", image}).output);
  for (std::string line; std::getline(lines, line) && line.find("from") == std::string::npos;) {
    std::istringstream columns(line);
    std::uint64_t group = 0, first = 0, count = 0;
    if (!(columns >> group >> first >> count)) continue;
    if (kept.at(group) > 0) {
      --kept[group];
      continue;
    }
    says.free.push_back(ByteRun::of(ByteIndex(group * group_bytes + first * says.block),
                                    ByteCount(count * says.block)));
  }
  return says;
}

}  // namespace ebb::test
