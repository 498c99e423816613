// SPDX-License-Identifier: Apache-2.0
#include "wire/client/address.h"

#include <gtest/gtest.h>

#include "wire/control/ticket.h"

namespace ebb {
namespace {

TEST(Address, OfASocketNamesTheSocketAndTheRepository) {
  const auto address = parse_address("unix:/run/ebb/storage.sock:web1");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->socket, "/run/ebb/storage.sock");
  EXPECT_EQ(address->repository, "web1");
  EXPECT_EQ(address->host, "");
}

TEST(Address, OfASocketWithColonsInItsPathEndsWithTheName) {
  const auto address = parse_address("unix:/run/a:b:c/s:web1");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->socket, "/run/a:b:c/s");
  EXPECT_EQ(address->repository, "web1");
}

TEST(Address, OfAHostHasThePortThatStoragesListenOnUnlessItNamesOne) {
  const auto usual = parse_address("ebb://backup.example/web1");
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->host, "backup.example");
  EXPECT_EQ(usual->port, storage_port);
  const auto other = parse_address("ebb://backup.example:65535/web1");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->host, "backup.example");
  EXPECT_EQ(other->port, 65535);
}

TEST(Address, OfVersionSixStandsInBrackets) {
  const auto with_port = parse_address("ebb://[fd00::7]:99/web1");
  ASSERT_TRUE(with_port);
  EXPECT_EQ(with_port->host, "[fd00::7]");
  EXPECT_EQ(with_port->port, 99);
  const auto without = parse_address("ebb://[fd00::7]/web1");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->host, "[fd00::7]");
  EXPECT_EQ(without->port, storage_port);
}

TEST(Address, IsParsedAgainIntoTheSame) {
  for (const char* text : {"unix:/run/s:web1", "unix:s:.w-_0", "ebb://h/web1", "ebb://h:1/web1",
                           "ebb://[::1]:7443/web1"}) {
    const auto address = parse_address(text);
    if (!address) continue;
    const auto again = parse_address(address->text());
    ASSERT_TRUE(again) << address->text();
    EXPECT_EQ(*again, *address);
  }
}

TEST(Address, ThatIsAFolderNamesNoAgent) {
  for (const char* text : {"", "/srv/unix:web1", "unix", "ebb:/a/b", "./ebb://h/n", "Unix:/s:n"}) {
    EXPECT_FALSE(names_an_agent(text)) << text;
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Address, ThatIsWrongIsInvalidAndSaysHowItIsWritten) {
  const std::string long_name(max_repository_name + 1, 'a');
  for (const std::string& text : {std::string("unix:"),
                                  std::string("unix::"),
                                  std::string("unix:/s"),
                                  std::string("unix:/s:"),
                                  std::string("unix::web1"),
                                  std::string("unix:/s:Web1"),
                                  std::string("unix:/s:a/b"),
                                  std::string("unix:/s:.."),
                                  "unix:/s:" + long_name,
                                  std::string("unix:/s:a\0b", 11),
                                  std::string("ebb://"),
                                  std::string("ebb:///web1"),
                                  std::string("ebb://h"),
                                  std::string("ebb://h/"),
                                  std::string("ebb://h/a/b"),
                                  std::string("ebb://h:/web1"),
                                  std::string("ebb://h:0/web1"),
                                  std::string("ebb://h:65536/web1"),
                                  std::string("ebb://h:-1/web1"),
                                  std::string("ebb://h: 1/web1"),
                                  std::string("ebb://h:1x/web1"),
                                  std::string("ebb://:7442/web1"),
                                  std::string("ebb://h:99999999999999999999/web1")}) {
    EXPECT_TRUE(names_an_agent(text)) << text;
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind(), ErrorKind::invalid);
    EXPECT_NE(address.error().text().find("unix:SOCKET:NAME"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace ebb
