// SPDX-License-Identifier: Apache-2.0
// Tokens and addresses as a person copies them; which protocol two parties speak.
#include "wire/control/token.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "wire/control/protocol.h"

namespace ebb::control::test {
namespace {

using namespace ebb::test;

TEST(Token, IsReadFromItsText) {
  const auto random = test_random();
  for (const char* host : {"a", "manager.example", "192.0.2.17", "2001:db8::1"}) {
    const Token token = Token::make(random->name<CertificateDigest>(), {host, 8441}, *random);
    const std::string text = token.text();
    const auto read = parse_token(text + " \n");
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->digest(), token.digest());
    EXPECT_EQ(read->authority, token.authority);
    EXPECT_EQ(read->manager, token.manager);
    EXPECT_LT(text.size(), 120u);
  }
}

TEST(Token, WithAnyWrongOrMissingCharacterIsInvalid) {
  const auto random = test_random();
  const std::string text =
      Token::make(random->name<CertificateDigest>(), {"manager.example", 8441}, *random).text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string wrong = text;
    wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(parse_token(wrong)) << at;
    EXPECT_FALSE(parse_token(text.substr(0, at))) << at;
  }
  EXPECT_FALSE(parse_token(text + "A"));
  EXPECT_FALSE(parse_token("ebb1-"));
  EXPECT_FALSE(parse_token(std::string(100'000, 'A')));
}

TEST(Addresses, AreReadInEveryForm) {
  const auto address = [](std::string_view text) { return parse_address(text, 7).value(); };
  EXPECT_EQ(address("a.example"), (Address{"a.example", 7}));
  EXPECT_EQ(address("a.example:99"), (Address{"a.example", 99}));
  EXPECT_EQ(address("10.0.0.1:65535"), (Address{"10.0.0.1", 65535}));
  EXPECT_EQ(address("[::1]:99"), (Address{"::1", 99}));
  EXPECT_EQ(address("[::1]"), (Address{"::1", 7}));
  EXPECT_EQ(address("::1"), (Address{"::1", 7}));
  EXPECT_EQ(address("[2001:db8::1]:99").text(), "[2001:db8::1]:99");
}

TEST(Addresses, ThatAreNoneAreInvalid) {
  for (const char* wrong :
       {"", ":99", "a:", "a:b", "a:65536", "a:-1", "a b", "[::1", "a:99x", "[]:99", "*", "a/b"}) {
    EXPECT_FALSE(parse_address(wrong, 7)) << wrong;
  }
}

TEST(Protocol, IsTheNewestThatBothSpeak) {
  EXPECT_EQ(agree_on_protocol(1, 1, "web1").value(), 1u);
  EXPECT_EQ(agree_on_protocol(1, 9, "web1").value(), newest_protocol);
}

TEST(Protocol, OfAnOlderOrNewerPeerIsRefusedWithWhoMustBeUpgraded) {
  const auto newer = agree_on_protocol(newest_protocol + 1, newest_protocol + 3, "web1");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().kind(), ErrorKind::mismatch);
  EXPECT_NE(newer.error().text().find("the manager is the older"), std::string::npos)
      << newer.error().text();
  const auto older = agree_on_protocol(0, oldest_protocol - 1, "web1");
  ASSERT_FALSE(older);
  EXPECT_NE(older.error().text().find("web1 is the older"), std::string::npos)
      << older.error().text();
  EXPECT_FALSE(agree_on_protocol(5, 2, "web1"));
}

}  // namespace
}  // namespace ebb::control::test
