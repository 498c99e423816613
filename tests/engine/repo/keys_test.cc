// SPDX-License-Identifier: Apache-2.0
// keys_test.cc - keyring, slots, envelopes, labels and members: round trips, flips, wrong keys.
#include <gtest/gtest.h>

#include <set>

#include "engine/repo/envelope.h"
#include "engine/repo/keyring.h"
#include "engine/repo/label.h"
#include "engine/repo/members.h"
#include "tests/support/flips.h"

namespace ebb {
namespace {

constexpr PassphraseCost cheap{64, 1, 1};
constexpr WallTime now{1'790'000'000'000'000'000};

KeyringName random_name(Random& random) {
  return {random.name<RepositoryId>(), 1 + random.below(1000)};
}
KeyringKey random_key(Random& random) {
  KeyringKey key;
  random.fill(key.room());
  return key;
}
template <class S>
bool same_secret(const S& a, const S& b) {
  return same_bytes(a.reveal(), b.reveal());
}

TEST(Keyring, OpensAsItWasSealed) {
  const auto random = test::test_random();
  for (std::size_t recipients = 1; recipients <= 64; recipients += 9) {
    Keyring keyring = Keyring::make(*random);
    while (keyring.recipients.size() < recipients) {
      keyring.recipients.push_back(make_hpke_secret_key(*random));
    }
    const KeyringName name = random_name(*random);
    const KeyringKey key = random_key(*random);
    const auto again = open_keyring(seal_keyring(keyring, name, key, *random), name, key);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(same_secret(again->authority, keyring.authority));
    EXPECT_TRUE(same_secret(again->id_key, keyring.id_key));
    ASSERT_EQ(again->recipients.size(), recipients);
    for (std::size_t i = 0; i < recipients; ++i) {
      EXPECT_TRUE(same_secret(again->recipients[i], keyring.recipients[i]));
    }
  }
}

TEST(Keyring, RefusesFlipsOtherLengthsOtherKeysAndOtherPlaces) {
  const auto random = test::test_random();
  const Keyring keyring = Keyring::make(*random);
  const KeyringName name = random_name(*random);
  const KeyringKey key = random_key(*random);
  const ByteVector body = seal_keyring(keyring, name, key, *random);
  const auto open = [&](Bytes bytes) { return open_keyring(bytes, name, key).has_value(); };
  test::for_every_flipped_byte(*random, body, [&](Bytes flipped, std::size_t at) {
    EXPECT_FALSE(open(flipped)) << "byte " << at;
  });
  test::expect_no_other_length_parses(body, open);
  EXPECT_FALSE(open_keyring(body, name, random_key(*random)));
  EXPECT_FALSE(open_keyring(body, {name.repository, name.generation + 1}, key));
  EXPECT_FALSE(open_keyring(body, {random->name<RepositoryId>(), name.generation}, key));
  EXPECT_NE(seal_keyring(keyring, name, key, *random), body) << "a nonce is used twice";
}

TEST(Slot, OpensByItsPassphraseOnly) {
  const auto random = test::test_random();
  const KeyringName name = random_name(*random);
  const KeyringKey key = random_key(*random);
  const Slot slot =
      *make_passphrase_slot(name, key, bytes_of("correct horse"), "desk", now, *random, cheap);
  const auto parsed = unpack_slot(pack_slot(slot));
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->label, "desk");
  EXPECT_EQ(parsed->created, now);
  EXPECT_EQ(parsed->cost, cheap);
  const auto opened = open_slot(*parsed, name, bytes_of("correct horse"));
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_TRUE(same_secret(*opened, key));
  for (const char* wrong : {"correct horsf", "correct horse ", "Correct horse", "x"}) {
    EXPECT_EQ(open_slot(*parsed, name, bytes_of(wrong)).error().kind(), ErrorKind::mismatch);
  }
  EXPECT_FALSE(open_slot(*parsed, name, {}));
  EXPECT_FALSE(
      open_slot(*parsed, {name.repository, name.generation + 1}, bytes_of("correct horse")));
}

// In clear and bound to nothing, by design: when it was made and what it is called.
bool is_decoration(std::size_t at, const Slot& slot) {
  const std::size_t created = SlotId::size + 1;
  return at >= created && at < created + 8 + 4 + slot.label.size();
}

TEST(Slot, RefusesFlips) {
  const auto random = test::test_random();
  const KeyringName name = random_name(*random);
  const KeyringKey key = random_key(*random);
  const PaperKey paper(random_key(*random).reveal());
  const std::string text = paper_key_text(paper);
  const Slot slots[] = {
      *make_passphrase_slot(name, key, bytes_of("pass"), "label", now, *random, cheap),
      make_paper_slot(name, key, paper, "paper", now, *random)};
  for (const Slot& slot : slots) {
    const bool is_paper = slot.kind == SlotKind::paper;
    const Bytes secret = bytes_of(is_paper ? std::string_view(text) : "pass");
    const ByteVector body = pack_slot(slot);
    test::for_every_flipped_byte(*random, body, [&](Bytes flipped, std::size_t at) {
      auto parsed = unpack_slot(flipped);
      if (!parsed || is_decoration(at, slot)) return;
      const std::size_t cost = SlotId::size + 1 + 8 + 4 + slot.label.size();
      if (is_paper && at >= cost && at < cost + 12) return;  // A paper key has no cost.
      if (parsed->cost.memory_kib > 4096 || parsed->cost.passes > 8) {
        EXPECT_TRUE(!check(parsed->cost) || at < cost + 12);
        return;  // It would be refused after minutes of work; that it is bounded is tested below.
      }
      EXPECT_FALSE(open_slot(*parsed, name, secret)) << "byte " << at;
    });
    test::expect_no_other_length_parses(body, [](Bytes b) { return unpack_slot(b).has_value(); });
  }
}

TEST(Slot, IsNotMadeOfWhatCouldNotBeOpenedAgain) {
  const auto random = test::test_random();
  const KeyringName name = random_name(*random);
  const KeyringKey key = random_key(*random);
  const auto made = [&](const std::string& passphrase, const std::string& label,
                        const PassphraseCost& cost) {
    return make_passphrase_slot(name, key, bytes_of(passphrase), label, now, *random, cost);
  };
  EXPECT_EQ(made("", "", cheap).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(made("p", std::string(256, 'x'), cheap).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(made(std::string(1025, 'x'), "", cheap).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(made("p", "", {~0u, 1, 1}).error().kind(), ErrorKind::invalid);
  const auto most = made(std::string(1024, 'x'), std::string(255, 'x'), cheap);
  ASSERT_TRUE(most);
  EXPECT_TRUE(unpack_slot(pack_slot(*most)));
}

TEST(Slot, AHostileCostIsRefusedBeforeAnyWork) {
  const auto random = test::test_random();
  const KeyringName name = random_name(*random);
  Slot slot =
      *make_passphrase_slot(name, random_key(*random), bytes_of("p"), "", now, *random, cheap);
  for (const PassphraseCost cost :
       {PassphraseCost{~0u, 1, 1}, PassphraseCost{64, ~0u, 1}, PassphraseCost{64, 1, ~0u},
        PassphraseCost{0, 0, 0}, PassphraseCost{7, 1, 1}}) {
    slot.cost = cost;
    EXPECT_EQ(open_slot(slot, name, bytes_of("p")).error().kind(), ErrorKind::invalid);
  }
}

TEST(PaperKey, OpensItsSlotHoweverItIsTyped) {
  const auto random = test::test_random();
  const KeyringName name = random_name(*random);
  const KeyringKey key = random_key(*random);
  for (int i = 0; i < 50; ++i) {
    const PaperKey paper(random_key(*random).reveal());
    const Slot slot = make_paper_slot(name, key, paper, "", now, *random);
    std::string text = paper_key_text(paper);
    EXPECT_EQ(text.size(), 55u + 10u);
    std::string typed;
    for (char c : text) {
      if (c == '0' && random->below(2) == 0) c = 'o';
      if (c == '1' && random->below(2) == 0) c = random->below(2) == 0 ? 'l' : 'I';
      if (c == '-' && random->below(2) == 0) c = ' ';
      if (random->below(2) == 0) c = static_cast<char>(std::tolower(c));
      typed += c;
    }
    const auto opened = open_slot(slot, name, bytes_of(typed + "\n"));
    ASSERT_TRUE(opened) << typed;
    EXPECT_TRUE(same_secret(*opened, key));
  }
}

TEST(PaperKey, SlipsOfThePenAreTold) {
  const auto random = test::test_random();
  const std::string digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto canonical = [](char c) { return c; };
  int tried = 0;
  int missed = 0;
  for (int i = 0; i < 40; ++i) {
    const PaperKey paper(random_key(*random).reveal());
    const std::string text = paper_key_text(paper);
    const auto expect_told = [&](const std::string& typed) {
      if (typed == text) return;
      ++tried;
      const auto read = paper_key_of(typed);
      if (read && !same_secret(*read, paper)) ++missed;
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '-') continue;
      std::string typed = text;
      typed[at] = canonical(digits[random->below(32)]);
      expect_told(typed);  // One character for another.
      typed = text;
      if (at + 1 < text.size() && text[at + 1] != '-') std::swap(typed[at], typed[at + 1]);
      expect_told(typed);  // Two that changed places.
      typed = text;
      typed.erase(at, 1);
      EXPECT_FALSE(paper_key_of(typed)) << "one left out";
      typed.insert(at, 2, text[at]);
      EXPECT_FALSE(paper_key_of(typed)) << "one twice";
      typed = text;
      typed[at] = "U!*\t\0"[random->below(4)];
      EXPECT_FALSE(paper_key_of(typed)) << "no such character";
    }
  }
  // 16 bits of checksum: 4000 slips miss 0.06 times.
  EXPECT_LE(missed, 2) << "of " << tried;
  EXPECT_FALSE(paper_key_of(""));
  EXPECT_FALSE(paper_key_of(std::string(10'000, 'A')));
}

// The last character holds two bits of the key and three that are zero.
TEST(PaperKey, ItsTextIsTheOnlyOneWithItsLastBits) {
  const auto random = test::test_random();
  const PaperKey paper(random_key(*random).reveal());
  const std::string text = paper_key_text(paper);
  int accepted = 0;
  for (const char c : std::string("0123456789ABCDEFGHJKMNPQRSTVWXYZ")) {
    std::string typed = text;
    typed.back() = c;
    if (paper_key_of(typed)) ++accepted;
  }
  EXPECT_EQ(accepted, 1);
}

TEST(Envelope, OpensForItsRecipientAndNobodyElse) {
  const auto random = test::test_random();
  const auto repository = random->name<RepositoryId>();
  const HpkeSecretKey recipient = make_hpke_secret_key(*random);
  DataKey key;
  random->fill(key.room());
  const auto wrapped = wrap_data_key(key, random->name<DataKeyId>(), hpke_public_key(recipient),
                                     repository, *random);
  ASSERT_TRUE(wrapped);
  const ByteVector body = pack_envelope(*wrapped);
  const auto parsed = unpack_envelope(body);
  ASSERT_TRUE(parsed);
  const auto opened = open_data_key(*parsed, recipient, repository);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_TRUE(same_secret(*opened, key));

  EXPECT_EQ(open_data_key(*parsed, make_hpke_secret_key(*random), repository).error().kind(),
            ErrorKind::mismatch);
  EXPECT_FALSE(open_data_key(*parsed, recipient, random->name<RepositoryId>()));
  test::for_every_flipped_byte(*random, body, [&](Bytes flipped, std::size_t at) {
    const auto envelope = unpack_envelope(flipped);
    EXPECT_FALSE(envelope && open_data_key(*envelope, recipient, repository)) << "byte " << at;
  });
  test::expect_no_other_length_parses(body, [](Bytes b) { return unpack_envelope(b).has_value(); });
}

TEST(Label, OpensInItsContextOnly) {
  const auto random = test::test_random();
  IdKey key;
  random->fill(key.room());
  const SealedLabel label = seal_label(key, bytes_of("context"), bytes_of("secret"), *random);
  EXPECT_EQ(text_of(*open_label(key, bytes_of("context"), label)), "secret");
  EXPECT_FALSE(open_label(key, bytes_of("Context"), label));
  IdKey other;
  random->fill(other.room());
  EXPECT_FALSE(open_label(other, bytes_of("context"), label));
  test::for_every_flipped_byte(*random, label.sealed, [&](Bytes flipped, std::size_t at) {
    EXPECT_FALSE(open_label(key, bytes_of("context"), {label.salt, copy_of(flipped)})) << at;
  });
  test::for_every_flipped_byte(*random, label.salt, [&](Bytes flipped, std::size_t at) {
    SealedLabel salted = label;
    std::ranges::copy(flipped, salted.salt.begin());
    EXPECT_FALSE(open_label(key, bytes_of("context"), salted)) << at;
  });
  EXPECT_FALSE(open_label(key, bytes_of("context"), {label.salt, {}}));
}

TEST(Label, AVolumeIdDependsOnEveryCharacterAndOnTheKey) {
  const auto random = test::test_random();
  IdKey key;
  random->fill(key.room());
  IdKey other;
  random->fill(other.room());
  std::set<VolumeId> ids;
  for (const char* name : {"", "a", "b", "A", "a ", "aa"}) {
    EXPECT_EQ(volume_id_of(key, name), volume_id_of(key, name));
    EXPECT_TRUE(ids.insert(volume_id_of(key, name)).second);
    EXPECT_TRUE(ids.insert(volume_id_of(other, name)).second);
  }
}

Members random_members(Random& random, std::size_t recipients, std::size_t sources) {
  Members members;
  members.repository = random.name<RepositoryId>();
  members.epoch = random.next_u64();
  for (std::size_t i = 0; i < recipients; ++i) {
    members.recipients.push_back(hpke_public_key(make_hpke_secret_key(random)));
  }
  for (std::size_t i = 0; i < sources; ++i) {
    members.sources.push_back({verify_key_of(make_signing_seed(random)), random.below(2) == 0,
                               fmt::format("höst {}\n\"\\{}", i, std::string(i, 'x'))});
  }
  return members;
}

TEST(Members, OpenAsTheyWereSignedAndNamesNeedTheIdKey) {
  const auto random = test::test_random();
  const SigningSeed authority = make_signing_seed(*random);
  IdKey id_key;
  random->fill(id_key.room());
  for (const std::size_t sources : {0u, 1u, 7u}) {
    const Members members = random_members(*random, 1 + sources, sources);
    const ByteVector body = sign_members(members, authority, id_key, *random);
    const VerifyKey verifier = verify_key_of(authority);
    const auto named = open_members(body, members.repository, verifier, &id_key);
    ASSERT_TRUE(named) << named.error().text();
    EXPECT_EQ(named->epoch, members.epoch);
    EXPECT_EQ(named->recipients, members.recipients);
    const auto nameless = open_members(body, members.repository, verifier, nullptr);
    ASSERT_TRUE(nameless);
    ASSERT_EQ(named->sources.size(), sources);
    for (std::size_t i = 0; i < sources; ++i) {
      EXPECT_EQ(named->sources[i].key, members.sources[i].key);
      EXPECT_EQ(named->sources[i].active, members.sources[i].active);
      EXPECT_EQ(named->sources[i].name, members.sources[i].name);
      EXPECT_EQ(nameless->sources[i].name, "");
      EXPECT_EQ(nameless->find(members.sources[i].key), &nameless->sources[i]);
    }
  }
}

TEST(Members, RefuseFlipsAndOtherAuthorities) {
  const auto random = test::test_random();
  const SigningSeed authority = make_signing_seed(*random);
  IdKey id_key;
  random->fill(id_key.room());
  const Members members = random_members(*random, 2, 2);
  const VerifyKey verifier = verify_key_of(authority);
  const ByteVector body = sign_members(members, authority, id_key, *random);
  const auto opens = [&](Bytes bytes) {
    return open_members(bytes, members.repository, verifier, &id_key).has_value();
  };
  test::for_every_flipped_byte(*random, body, [&](Bytes flipped, std::size_t at) {
    EXPECT_FALSE(opens(flipped)) << "byte " << at;
  });
  test::expect_no_other_length_parses(body, opens);
  EXPECT_EQ(
      open_members(body, members.repository, verify_key_of(make_signing_seed(*random)), nullptr)
          .error()
          .kind(),
      ErrorKind::denied);
  EXPECT_EQ(open_members(body, random->name<RepositoryId>(), verifier, nullptr).error().kind(),
            ErrorKind::denied);
  // What a storage agent could do: the right bytes, signed by a key of its own.
  const ByteVector forged = sign_members(members, make_signing_seed(*random), id_key, *random);
  EXPECT_FALSE(opens(forged));
}

TEST(Members, NamesThatAreNotUtf8DoNotStopThem) {
  const auto random = test::test_random();
  const SigningSeed authority = make_signing_seed(*random);
  IdKey id_key;
  random->fill(id_key.room());
  Members members = random_members(*random, 1, 1);
  members.sources[0].name = "\xff\xfe\x80";
  const ByteVector body = sign_members(members, authority, id_key, *random);
  EXPECT_TRUE(open_members(body, members.repository, verify_key_of(authority), &id_key));
}

}  // namespace
}  // namespace ebb
