// SPDX-License-Identifier: Apache-2.0
// pack_store_test.cc - packs and the index over them agree, whoever came first.
#include "engine/repo/pack_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "engine/crypto/digest.h"
#include "engine/uring/ring.h"
#include "tests/support/packs.h"
#include "tests/support/scratch_place.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

namespace fs = std::filesystem;

class PacksOnDisk : public testing::Test {
 protected:
  PacksOnDisk() : ring_(std::move(*Ring::make())), files_(*open_folder(folder_.path(), *ring_)) {
    fs::create_directory(folder_ / "packs");
  }

  // Publishes packs that no index knows.
  void publish(std::size_t packs) {
    for (std::size_t i = 0; i < packs; ++i) {
      const auto content = test::random_pack_content(*random_, 20, 100);
      ASSERT_TRUE(test::write_pack(*files_, *ring_, 1, content, layout::pack(content.header.pack)));
      for (const ByteVector& payload : content.payloads) {
        names_.push_back(record_name(sha256(payload)));
        packs_.push_back(content.header.pack);
      }
    }
  }
  std::unique_ptr<PackStore> opened(StoreAccess access) {
    auto store = PackStore::open(*files_, *ring_, access);
    EXPECT_TRUE(store) << store.error().text();
    return store ? std::move(*store) : nullptr;
  }
  void expect_finds_all(PackStore& store) {
    std::vector<std::optional<RecordPlace>> places(names_.size());
    const auto looked = store.look_up(names_, places);
    ASSERT_TRUE(looked) << looked.error().text();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      ASSERT_TRUE(places[i]) << i;
      EXPECT_EQ(places[i]->pack, packs_[i]);
    }
  }

  const test::TemporaryFolder folder_;
  const test::ScratchPlace scratch_;
  std::unique_ptr<Random> random_ = test::test_random();
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Files> files_;
  std::vector<RecordName> names_;
  std::vector<PackId> packs_;  // Where each name lies.
};

TEST_F(PacksOnDisk, AWriterIndexesWhatItFinds) {
  publish(3);
  expect_finds_all(*opened(StoreAccess::write));
  publish(2);
  expect_finds_all(*opened(StoreAccess::write));
  EXPECT_EQ(scratch_.count(), 0u);
}

// The index of a large point is asked for 262,144 names at once.
TEST_F(PacksOnDisk, AreFoundByManyNamesAtOnce) {
  publish(40);
  expect_finds_all(*opened(StoreAccess::write));
  expect_finds_all(*opened(StoreAccess::read));
}

TEST_F(PacksOnDisk, ThatAreCondemnedAreFoundByReadersOnlyUntilTheyArePardoned) {
  publish(2);
  const auto store = opened(StoreAccess::write);
  store->condemn(packs_.front());
  const auto found = [&] {
    std::vector<std::optional<RecordPlace>> places(names_.size());
    EXPECT_TRUE(store->look_up(names_, places));
    return std::ranges::count(places, true, &std::optional<RecordPlace>::has_value);
  };
  EXPECT_EQ(found(), 20);
  std::vector<std::optional<RecordPlace>> places(names_.size());
  ASSERT_TRUE(store->look_up_to_read(names_, places));
  EXPECT_EQ(std::ranges::count(places, true, &std::optional<RecordPlace>::has_value), 40);
  store->pardon(packs_.front());
  EXPECT_EQ(found(), 40);
}

TEST_F(PacksOnDisk, ThatWereForgottenAreMissedByNobody) {
  publish(2);
  const PackId gone = packs_.front();
  {
    const auto store = opened(StoreAccess::write);
    ASSERT_TRUE(store->set_whole(true));
    store->condemn(gone);
    ASSERT_TRUE(store->forget({&gone, 1}));
    EXPECT_TRUE(store->whole());
    EXPECT_FALSE(store->packs().contains(gone));
    EXPECT_TRUE(store->condemned().empty());
  }
  ASSERT_TRUE(files_->remove(layout::pack(gone)));
  EXPECT_TRUE(opened(StoreAccess::write)->whole());
  EXPECT_TRUE(opened(StoreAccess::read)->whole());
  // One that goes by itself is missed.
  ASSERT_TRUE(files_->remove(layout::pack(packs_.back())));
  EXPECT_FALSE(opened(StoreAccess::write)->whole());
}

TEST_F(PacksOnDisk, AReaderKeepsAFewThatTheIndexDoesNotKnowInMemory) {
  publish(3);
  opened(StoreAccess::write);
  publish(2);
  const auto reader = opened(StoreAccess::read);
  expect_finds_all(*reader);
  publish(1);
  expect_finds_all(*reader);
  EXPECT_EQ(scratch_.count(), 1u) << "the follower's own log";
}

TEST_F(PacksOnDisk, AReaderKeepsManyThatTheIndexDoesNotKnowOnDisk) {
  publish(3);
  opened(StoreAccess::write);
  publish(5);
  {
    const auto reader = opened(StoreAccess::read);
    expect_finds_all(*reader);
    publish(20);
    expect_finds_all(*reader);
    EXPECT_EQ(scratch_.count(), 2u) << "the follower's own log, and an index";
    publish(1);
    expect_finds_all(*reader);
  }
  EXPECT_EQ(scratch_.count(), 0u);
}

TEST_F(PacksOnDisk, AReaderWithoutAnIndexMakesItsOwn) {
  publish(3);
  {
    const auto reader = opened(StoreAccess::read);
    expect_finds_all(*reader);
    EXPECT_EQ(scratch_.count(), 1u);
    EXPECT_FALSE(fs::exists(folder_ / "index"));
  }
  EXPECT_EQ(scratch_.count(), 0u);
}

}  // namespace
}  // namespace ebb
