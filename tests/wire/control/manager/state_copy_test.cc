// SPDX-License-Identifier: Apache-2.0
// state_copy_test.cc - a manager that was lost, made again of a sealed copy.
#include "wire/control/manager/state_copy.h"

#include <algorithm>
#include <filesystem>

#include "tests/wire/control/manager/manager_folder.h"

namespace ebb::control::test {
namespace {

Policy policy_of(const std::string& name) {
  Policy policy;
  policy.name = name;
  policy.repository = "main";
  policy.volumes = {"web*:/dev/vg0/*"};
  policy.every_seconds = 3600;
  policy.keep.daily = 14;
  return policy;
}

class CopyOfAManager : public testing::Test {
 protected:
  CopyOfAManager() {
    EXPECT_TRUE(store().catalog().create_repository("main", storage_, noon));
    EXPECT_TRUE(store().policies().set(policy_of("web"), noon));
    EXPECT_TRUE(store().catalog().claim("main", web1_, {{volume(1), "/dev/vg0/root", "web"}}));
  }
  static CatalogVolumeId volume(unsigned char fill) {
    CatalogVolumeId id;
    id.bytes.fill(std::byte{fill});
    return id;
  }
  Store& store() { return folder_.store(); }
  Result<Store::Rebuilt> try_rebuild(Bytes copy, const RecoveryKey& key) {
    return Store::rebuild(place_ / "manager", copy, key, std::nullopt, seconds_from_noon(100));
  }
  std::unique_ptr<Store> rebuilt() {
    const auto made = try_rebuild(store().copy().value(), store().recovery_key());
    EXPECT_TRUE(made) << made.error().text();
    return Store::open(place_ / "manager").value();
  }

  ManagerFolder folder_;
  const ebb::test::TemporaryFolder place_;
  const Host storage_ = folder_.admit("store1", Role::storage);
  const Host web1_ = folder_.admit("web1", Role::source);
  const Host web2_ = folder_.admit("web2", Role::source);
};

TEST_F(CopyOfAManager, KnowsHostsRevocationsVolumesPoliciesAndTheLog) {
  ASSERT_TRUE(store().hosts().revoke("web2", seconds_from_noon(7)));
  ASSERT_TRUE(store().policies().request_run("web", noon));
  const auto before = store().audit().verify().value();
  const auto again = rebuilt();
  EXPECT_EQ(again->authority_digest(), store().authority_digest());
  EXPECT_TRUE(same_bytes(again->ticket_key().reveal(), store().ticket_key().reveal()));
  EXPECT_TRUE(same_bytes(again->recovery_key().reveal(), store().recovery_key().reveal()));
  EXPECT_EQ(again->address(), store().address());
  EXPECT_TRUE(again->hosts().known(web1_.holder));
  EXPECT_REFUSED(again->hosts().known(web2_.holder), ErrorKind::denied, "revoked");
  EXPECT_EQ(again->hosts().revocations({}, 10).value().size(), 1u);
  EXPECT_EQ(again->policies().all().value(), std::vector<Policy>{policy_of("web")});
  EXPECT_EQ(again->policies().open_runs("web1", noon).value().size(), 1u);
  const auto volumes = again->catalog().volumes().value();
  ASSERT_EQ(volumes.size(), 1u);
  EXPECT_EQ(volumes[0].host, "web1");
  EXPECT_EQ(volumes[0].label, "/dev/vg0/root");
  // The log goes on where it was.
  const auto after = again->audit().verify(before.newest);
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_EQ(after->entries, before.entries + 1);
}

TEST_F(CopyOfAManager, HasNoTokensAndNoPoints) {
  const auto token = folder_.token(Role::source);
  CatalogRepositoryId id;
  const auto listing = store().catalog().begin_listing("main", id, storage_, noon).value();
  ASSERT_TRUE(
      store().catalog().add_points(listing, storage_, {{{}, volume(1), 1, {}, {}, 1, 1}}, {}));
  ASSERT_TRUE(store().catalog().end_listing(listing, storage_, {}));
  ASSERT_EQ(store().catalog().repository("main").value().listing, listing);
  const auto again = rebuilt();
  EXPECT_REFUSED(again->hosts().role_of_token(token, noon), ErrorKind::denied, "not valid");
  const RepositoryRow repository = again->catalog().repository("main").value();
  EXPECT_EQ(repository.points, 0u);
  EXPECT_EQ(repository.listing, 0u);  // So that the agent tells all of them.
}

TEST_F(CopyOfAManager, IsTheSameAsLongAsNothingOfItChanges) {
  const ByteVector first = store().copy().value();
  folder_.token(Role::source);  // This is in the log.
  const ByteVector second = store().copy().value();
  EXPECT_FALSE(same_bytes(first, second));
  ASSERT_TRUE(store().hosts().seen(web1_, seconds_from_noon(5)));
  EXPECT_TRUE(same_bytes(second, store().copy().value()));
}

TEST_F(CopyOfAManager, IsMadeBesideWhoWrites) {
  const auto writer = Store::open(folder_.path()).value();
  ASSERT_TRUE(writer->database().run("BEGIN IMMEDIATE; DELETE FROM policies"));
  const auto copy = store().copy();
  ASSERT_TRUE(copy) << copy.error().text();
  ASSERT_TRUE(writer->database().run("ROLLBACK"));
  EXPECT_TRUE(same_bytes(*copy, store().copy().value()));
}

TEST_F(CopyOfAManager, OpensWithItsKeyOnlyAndWithNoByteAltered) {
  const ByteVector copy = store().copy().value();
  EXPECT_REFUSED(try_rebuild(copy, RecoveryKey()), ErrorKind::mismatch, "does not open");
  ByteVector altered = copy;
  for (std::size_t at = 0; at < copy.size(); at += 1 + at / 64) {
    altered[at] ^= std::byte{4};
    EXPECT_FALSE(try_rebuild(altered, store().recovery_key())) << at;
    altered[at] ^= std::byte{4};
  }
  for (std::size_t size = 0; size < copy.size(); size += 1 + size / 8) {
    EXPECT_FALSE(try_rebuild(Bytes(copy).first(size), store().recovery_key())) << size;
  }
  EXPECT_FALSE(Store::open(place_ / "manager"));
  EXPECT_TRUE(try_rebuild(copy, store().recovery_key()));
  EXPECT_REFUSED(try_rebuild(copy, store().recovery_key()), ErrorKind::invalid, "already");
}

TEST_F(CopyOfAManager, TellsOfNobodyWhatItHolds) {
  const ByteVector copy = store().copy().value();
  const std::string text(text_of(copy));
  for (const char* word : {"web1", "store1", "PRIVATE", "/dev/vg0"}) {
    EXPECT_EQ(text.find(word), std::string::npos) << word;
  }
}

TEST_F(CopyOfAManager, IsNoReasonToKeepLessUntilItsPoliciesAreConfirmed) {
  EXPECT_FALSE(store().policies().are_unconfirmed().value());
  const auto again = rebuilt();
  EXPECT_TRUE(again->policies().are_unconfirmed().value());
  ASSERT_TRUE(again->policies().confirm(noon));
  EXPECT_FALSE(again->policies().are_unconfirmed().value());
  ASSERT_TRUE(again->policies().confirm(noon));
  EXPECT_TRUE(again->audit().verify());
}

TEST_F(CopyOfAManager, GoesOnWithNumbersThatNobodyHadBefore) {
  ASSERT_TRUE(store().policies().request_run("web", noon));
  const auto number = store().policies().open_runs("web1", noon).value().at(0).number;
  ASSERT_TRUE(store().policies().remove("web", noon));  // And the request with it.
  const auto again = rebuilt();
  ASSERT_TRUE(again->policies().set(policy_of("web"), noon));
  ASSERT_TRUE(again->policies().request_run("web", noon));
  EXPECT_GT(again->policies().open_runs("web1", noon).value().at(0).number, number + 1000);
}

TEST_F(CopyOfAManager, OpensThoughItsLogIsDamagedAndSaysSo) {
  ASSERT_TRUE(store().database().run("UPDATE audit SET detail = 'x' WHERE number = 2"));
  const auto made = try_rebuild(store().copy().value(), store().recovery_key());
  ASSERT_TRUE(made) << made.error().text();
  ASSERT_TRUE(made->log_trouble);
  EXPECT_NE(made->log_trouble->text().find("altered"), std::string::npos);
}

TEST_F(CopyOfAManager, HasAKeyAlsoWhereAnOlderProgramMadeNone) {
  std::filesystem::remove(folder_.path() + "/recovery.key");
  const auto opened = Store::open(folder_.path());
  ASSERT_TRUE(opened) << opened.error().text();
  const auto again = Store::open(folder_.path()).value();
  EXPECT_TRUE(same_bytes((*opened)->recovery_key().reveal(), again->recovery_key().reveal()));
  EXPECT_TRUE(try_rebuild((*opened)->copy().value(), again->recovery_key()));
}

// A table that is new has to be put into one of the lists.
TEST_F(CopyOfAManager, DecidesForEachTableWhetherItIsKept) {
  std::vector<std::string> tables;
  ASSERT_TRUE(store().database().each(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", {},
      [&](const SqlRow& row) { tables.push_back(row.text(0)); }));
  std::vector<std::string> decided = kept_tables();
  for (const std::string& table : left_out_tables()) decided.push_back(table);
  decided.push_back("hosts");
  std::ranges::sort(tables);
  std::ranges::sort(decided);
  EXPECT_EQ(tables, decided);
}

TEST(RecoveryKeyOnPaper, IsReadAsItWasWrittenAndASlipIsSeen) {
  RecoveryKey key;
  ebb::test::test_random()->fill(key.room());
  const std::string text = recovery_key_text(key);
  ASSERT_TRUE(recovery_key_of(text + "\n"));
  EXPECT_TRUE(same_bytes(recovery_key_of(text)->reveal(), key.reveal()));
  std::string slipped = text;
  slipped[7] = slipped[7] == '4' ? '5' : '4';
  EXPECT_FALSE(recovery_key_of(slipped));
  EXPECT_FALSE(recovery_key_of(""));
}

}  // namespace
}  // namespace ebb::control::test
