// SPDX-License-Identifier: Apache-2.0
// Tickets: what opens, whom they serve, and every way in which they do not.
#include "wire/control/ticket.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/seed.h"
#include "wire/link/openssl.h"

namespace ebb::test {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr WallTime noon{1'795'000'000 * second};

WallTime seconds_from_noon(std::int64_t seconds) {
  return {noon.nanoseconds + seconds * second};
}

TicketVolume volume(unsigned char fill) {
  TicketVolume made;
  made.fill(std::byte{fill});
  return made;
}

// Signs any bytes as a ticket is signed, in a way of its own.
ByteVector signed_as_ticket(ByteVector bytes, const TicketSigningKey& seed) {
  const ossl::Key key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, ossl::raw(seed.reveal()), seed.size));
  const ossl::MdContext context(EVP_MD_CTX_new());
  EBB_OSSL_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  ByteVector message = copy_of(bytes_of("ebb ticket 1"));
  append(message, bytes);
  std::array<std::byte, 64> signature{};
  std::size_t size = signature.size();
  EBB_OSSL_CHECK(EVP_DigestSign(context.get(), ossl::raw_room(signature), &size, ossl::raw(message),
                                message.size()));
  append(bytes, signature);
  return bytes;
}

class TicketTest : public testing::Test {
 protected:
  TicketTest() : random_(test_random()), key_(make_ticket_signing_key(*random_)) {
    ticket_.id = random_->name<TicketId>();
    ticket_.holder = random_->name<HolderId>();
    ticket_.storage = random_->name<HolderId>();
    ticket_.repository = "web-1.main_a";
    ticket_.verbs = {Verb::add, Verb::read};
    ticket_.volumes = {volume(1), volume(2)};
    ticket_.not_before = noon;
    ticket_.not_after = seconds_from_noon(3600);
    ticket_.bytes_per_second = 50'000'000;
  }

  ByteVector bytes() const { return sign_ticket(ticket_, key_); }
  TicketVerifyKey verifier() const { return ticket_verify_key(key_); }
  Result<void> check(WallTime now) const {
    return check_ticket(ticket_, ticket_.holder, ticket_.repository, ticket_.storage, now);
  }
  static void expect_denied(const Result<void>& result, std::string_view words) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::denied);
    EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
  }
  // With a right signature over whatever the header says.
  Result<Ticket> opened_after(std::size_t at, std::byte value) {
    ByteVector changed = bytes();
    changed[at] = value;
    changed.resize(changed.size() - 64);
    return open_ticket(signed_as_ticket(changed, key_), verifier());
  }
  std::unique_ptr<Random> random_;
  TicketSigningKey key_;
  Ticket ticket_;
};

TEST_F(TicketTest, OpensAsItWasSigned) {
  const auto opened = open_ticket(bytes(), verifier());
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(*opened, ticket_);
}

TEST_F(TicketTest, OfAllVolumesOpensAsItWasSigned) {
  ticket_.all_volumes = true;
  ticket_.volumes.clear();
  const auto opened = open_ticket(bytes(), verifier());
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(*opened, ticket_);
}

TEST_F(TicketTest, OfTheMostVolumesOpensAsItWasSigned) {
  ticket_.volumes.assign(max_ticket_volumes, volume(7));
  const auto opened = open_ticket(bytes(), verifier());
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->volumes.size(), max_ticket_volumes);
}

TEST_F(TicketTest, IsRefusedWithAnyFlippedBit) {
  const ByteVector whole = bytes();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    ByteVector altered = whole;
    altered[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(open_ticket(altered, verifier())) << "bit " << bit;
  }
}

TEST_F(TicketTest, OfWhichAFieldWasAlteredIsDenied) {
  ByteVector altered = bytes();
  altered[96] = std::byte{'x'};  // The repository's name.
  const auto opened = open_ticket(altered, verifier());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::denied);
  EXPECT_NE(opened.error().text().find("altered"), std::string::npos) << opened.error().text();
}

TEST_F(TicketTest, OfAnotherManagerIsDenied) {
  const TicketSigningKey other = make_ticket_signing_key(*random_);
  const auto opened = open_ticket(bytes(), ticket_verify_key(other));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::denied);
}

TEST_F(TicketTest, WithAKeyThatIsNoneIsDenied) {
  TicketVerifyKey none;
  none.bytes.fill(std::byte{0xff});
  const auto opened = open_ticket(bytes(), none);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::denied);
}

TEST_F(TicketTest, CutAnywhereOrLengthenedIsInvalid) {
  ByteVector whole = bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto opened = open_ticket(Bytes(whole).first(size), verifier());
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().kind(), ErrorKind::invalid) << size;
  }
  whole.push_back(std::byte{0});
  EXPECT_EQ(open_ticket(whole, verifier()).error().kind(), ErrorKind::invalid);
}

TEST_F(TicketTest, OfANewerManagerSaysSo) {
  const auto opened = opened_after(8, std::byte{2});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::mismatch);
  EXPECT_NE(opened.error().text().find("newer"), std::string::npos);
}

TEST_F(TicketTest, ThatIsSignedAndMakesNoSenseIsInvalid) {
  struct Case {
    std::size_t at;
    int value;
    const char* what;
  };
  for (const Case& wrong :
       {Case{12, 2, "an unknown flag"}, Case{12, 1, "all volumes and some"},
        Case{96, 'A', "a capital letter in the name"}, Case{96, '/', "a path as name"},
        Case{96, '.', "a hidden name"}, Case{96, 0, "a name that begins with zero"},
        Case{159, 'x', "something after the name's end"}, Case{160, 64, "an unknown verb"},
        Case{160, 0, "no verb"}, Case{175, 0x7f, "an end before the beginning"},
        Case{192, 1, "reserved bytes"}, Case{223, 1, "reserved bytes"}}) {
    const auto opened = opened_after(wrong.at, std::byte(wrong.value));
    ASSERT_FALSE(opened) << wrong.what;
    EXPECT_EQ(opened.error().kind(), ErrorKind::invalid)
        << wrong.what << ": " << opened.error().text();
  }
}

TEST_F(TicketTest, OfMoreVolumesThanItHasBytesForIsInvalidBeforeAnythingIsAllocated) {
  ByteVector huge = bytes();
  for (std::size_t i = 164; i < 168; ++i) huge[i] = std::byte{0xff};
  EXPECT_EQ(open_ticket(huge, verifier()).error().kind(), ErrorKind::invalid);
}

TEST_F(TicketTest, ServesItsHolderForItsRepository) {
  EXPECT_TRUE(check(noon));
  EXPECT_TRUE(check(seconds_from_noon(3600)));
}

TEST_F(TicketTest, IsDeniedToAnotherHost) {
  const HolderId other = random_->name<HolderId>();
  expect_denied(check_ticket(ticket_, other, ticket_.repository, ticket_.storage, noon),
                "certificate shown is that of " + other.hex().substr(0, 12));
}

TEST_F(TicketTest, IsDeniedAtAnotherStorageAgent) {
  expect_denied(
      check_ticket(ticket_, ticket_.holder, ticket_.repository, random_->name<HolderId>(), noon),
      "for the storage agent " + ticket_.storage.hex().substr(0, 12));
}

TEST_F(TicketTest, IsDeniedForAnotherRepository) {
  expect_denied(check_ticket(ticket_, ticket_.holder, "web-1.main_b", ticket_.storage, noon),
                "\"web-1.main_b\"");
}

TEST_F(TicketTest, IsValidBetweenItsTimesAndFiveMinutesAround) {
  EXPECT_TRUE(check(seconds_from_noon(-300)));
  expect_denied(check(seconds_from_noon(-301)), "valid from");
  EXPECT_TRUE(check(seconds_from_noon(3600 + 300)));
  expect_denied(check(seconds_from_noon(3600 + 301)), "expired");
}

TEST_F(TicketTest, WithTimesAtTheEndOfTimeDoesNotWrap) {
  ticket_.not_before = {std::numeric_limits<std::int64_t>::min()};
  ticket_.not_after = {std::numeric_limits<std::int64_t>::max()};
  EXPECT_TRUE(check(noon));
  ticket_.not_after = {std::numeric_limits<std::int64_t>::min()};
  expect_denied(check(noon), "expired");
}

TEST_F(TicketTest, AllowsItsVerbsOnItsVolumesAndNothingElse) {
  const TicketVolume mine = volume(2);
  const TicketVolume other = volume(3);
  EXPECT_TRUE(permits(ticket_, Verb::add, &mine));
  EXPECT_TRUE(permits(ticket_, Verb::read, nullptr));
  expect_denied(permits(ticket_, Verb::add, &other), to_hex(other));
  for (const Verb verb : {Verb::keys, Verb::administer, Verb::scrub, Verb::prune}) {
    expect_denied(permits(ticket_, verb, &mine), name_of(verb));
  }
}

TEST_F(TicketTest, OfAllVolumesAllowsAny) {
  ticket_.all_volumes = true;
  ticket_.volumes.clear();
  const TicketVolume any = volume(9);
  EXPECT_TRUE(permits(ticket_, Verb::read, &any));
  expect_denied(permits(ticket_, Verb::keys, &any), "keys");
}

TEST_F(TicketTest, WithAnEmptyListAllowsNoVolume) {
  ticket_.volumes.clear();
  const TicketVolume any = volume(9);
  expect_denied(permits(ticket_, Verb::add, &any), "not for the volume");
}

TEST(Verbs, AreReadAsTheyAreWritten) {
  const auto verbs = parse_verbs("add,read,scrub");
  ASSERT_TRUE(verbs);
  EXPECT_EQ(verbs->text(), "add, read, scrub");
  for (const char* wrong : {"", "adds", ",add", "add,,read", "prune", "READ"}) {
    EXPECT_FALSE(parse_verbs(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace ebb::test
