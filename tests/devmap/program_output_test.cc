// SPDX-License-Identifier: Apache-2.0
#include "devmap/program_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>

namespace ebb {
namespace {

using ::testing::HasSubstr;

// All that it prints; then its end.
Result<std::string> output_of(const std::vector<std::string>& arguments) {
  const auto program = TRY(ProgramOutput::start(arguments));
  std::string text;
  std::array<char, 100> piece;
  while (const std::size_t n = TRY(program->read(piece))) text.append(piece.data(), n);
  TRY(program->finish());
  return text;
}

TEST(ProgramOutput, IsReadToItsEnd) {
  const auto text = output_of({"sh", "-c", "echo one; sleep 0.1; echo \"$0\"", "two words"});
  ASSERT_TRUE(text) << text.error().text();
  EXPECT_EQ(*text, "one\ntwo words\n");
}

TEST(ProgramOutput, EndsWellOnlyWithExitCodeZero) {
  const auto code = output_of({"sh", "-c", "echo some; echo why not >&2; exit 3"});
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind(), ErrorKind::lost);
  EXPECT_EQ(code.error().text(), "sh ended with exit code 3: why not");
  const auto signal = output_of({"sh", "-c", "kill -9 $$"});
  ASSERT_FALSE(signal);
  EXPECT_THAT(signal.error().text(), HasSubstr("signal 9"));
}

TEST(ProgramOutput, WhatIsNotInstalledIsAbsent) {
  const auto none = ProgramOutput::start({"ebb-there-is-no-such-program"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind(), ErrorKind::absent);
}

TEST(ProgramOutput, MuchOnStandardErrorHoldsNothingUpAndIsToldByItsEnd) {
  const auto much =
      output_of({"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 1"});
  ASSERT_FALSE(much);
  EXPECT_THAT(much.error().text(), HasSubstr("xxxend"));
  EXPECT_LT(much.error().text().size(), 3000u);
}

TEST(ProgramOutput, EndsWithItsOwner) {
  pid_t process = 0;
  {
    const auto program = ProgramOutput::start({"sh", "-c", "echo $$; exec sleep 1000"});
    ASSERT_TRUE(program);
    std::array<char, 100> piece;
    const auto n = (*program)->read(piece);
    ASSERT_TRUE(n);
    process = std::stoi(std::string(piece.data(), *n));
    EXPECT_EQ(::kill(process, 0), 0);
  }
  EXPECT_NE(::kill(process, 0), 0);
}

}  // namespace
}  // namespace ebb
