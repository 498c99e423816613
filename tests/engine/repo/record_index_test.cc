// SPDX-License-Identifier: Apache-2.0
// record_index_test.cc - one suite over both indexes; then what only the one on disk promises.
#include "engine/repo/record_index.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "tests/support/image_file.h"
#include "tests/support/sanitized.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

namespace fs = std::filesystem;

std::vector<TableEntry> random_entries(Random& random, std::size_t count) {
  std::vector<TableEntry> entries(count);
  for (TableEntry& entry : entries) {
    entry = {random.name<RecordName>(), static_cast<std::uint32_t>(random.next_u64()),
             static_cast<std::uint32_t>(random.next_u64())};
  }
  return entries;
}

using Model = std::map<RecordName, RecordPlace>;
void add(Model& model, const PackId& pack, const std::vector<TableEntry>& entries) {
  for (const TableEntry& e : entries) model[e.name] = {pack, e.at, e.stored_length};
}
void expect_holds(RecordIndex& index, const Model& model) {
  std::vector<RecordName> names;
  for (const auto& [name, place] : model) names.push_back(name);
  std::vector<std::optional<RecordPlace>> places(names.size());
  const auto looked = index.look_up(names, places);
  ASSERT_TRUE(looked) << looked.error().text();
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(places[i]) << i;
    EXPECT_EQ(*places[i], model.at(names[i]));
  }
}

std::unique_ptr<RecordIndex> opened(const std::string& path, IndexAccess access) {
  auto index = open_index(path, access);
  EXPECT_TRUE(index) << index.error().text();
  return index ? std::move(*index) : nullptr;
}

class AnyIndex : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<RecordIndex> make() {
    return GetParam() ? opened(folder_ / "index", IndexAccess::write) : memory_index();
  }
  test::TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(RecordIndex, AnyIndex, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "OnDisk" : "InMemory"; });

TEST_P(AnyIndex, AnEmptyOneKnowsNothing) {
  const auto random = test::test_random();
  const auto index = make();
  EXPECT_TRUE(index->packs()->empty());
  EXPECT_FALSE(*index->whole());
  const RecordName name = random->name<RecordName>();
  std::optional<RecordPlace> place = RecordPlace{};
  ASSERT_TRUE(index->look_up(std::span(&name, 1), std::span(&place, 1)));
  EXPECT_FALSE(place);
  EXPECT_TRUE(index->look_up({}, {}));
}

TEST_P(AnyIndex, FindsTheNewestPlaceOfEveryRecord) {
  const auto random = test::test_random();
  const auto index = make();
  Model model;
  std::vector<PackId> packs;
  for (int i = 0; i < 12; ++i) {
    const PackId pack = random->name<PackId>();
    auto entries = random_entries(*random, random->below(9000));
    // Some that are known already, and one twice in the same pack: the later place counts.
    for (auto& [name, place] : model) {
      if (random->below(50) == 0) entries.push_back({name, 7, 8});
    }
    if (!entries.empty()) entries.push_back({entries[0].name, 1, 2});
    ASSERT_TRUE(index->add_pack(pack, entries));
    add(model, pack, entries);
    packs.push_back(pack);
  }
  expect_holds(*index, model);
  auto known = *index->packs();
  std::ranges::sort(known);
  std::ranges::sort(packs);
  EXPECT_EQ(known, packs);

  const auto strangers = random_entries(*random, 1000);
  for (const TableEntry& stranger : strangers) {
    std::optional<RecordPlace> place;
    ASSERT_TRUE(index->look_up(std::span(&stranger.name, 1), std::span(&place, 1)));
    EXPECT_FALSE(place);
  }
}

TEST_P(AnyIndex, ForgetsPacksAndRemembersWhetherItIsWhole) {
  const auto random = test::test_random();
  const auto index = make();
  const PackId a = random->name<PackId>();
  const PackId b = random->name<PackId>();
  ASSERT_TRUE(index->add_pack(a, random_entries(*random, 10)));
  ASSERT_TRUE(index->add_pack(b, {}));
  ASSERT_TRUE(index->forget_pack(a));
  ASSERT_TRUE(index->forget_pack(a)) << "twice is as once";
  EXPECT_EQ(*index->packs(), std::vector{b});
  ASSERT_TRUE(index->set_whole(true));
  EXPECT_TRUE(*index->whole());
  ASSERT_TRUE(index->set_whole(false));
  EXPECT_FALSE(*index->whole());
}

TEST_P(AnyIndex, ForgetsThoseRecordsOfAPackThatStillLieInIt) {
  const auto random = test::test_random();
  const auto index = make();
  const PackId a = random->name<PackId>();
  const PackId b = random->name<PackId>();
  const auto entries = random_entries(*random, 20);
  const std::vector<TableEntry> moved(entries.begin(), entries.begin() + 10);
  ASSERT_TRUE(index->add_pack(a, entries));
  ASSERT_TRUE(index->add_pack(b, moved));
  std::vector<RecordName> names;
  for (const TableEntry& entry : entries) names.push_back(entry.name);
  ASSERT_TRUE(index->forget_records(a, names));
  std::vector<std::optional<RecordPlace>> places(names.size());
  ASSERT_TRUE(index->look_up(names, places));
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(places[i].has_value(), i < moved.size()) << i;
    if (places[i]) {
      EXPECT_EQ(places[i]->pack, b);
    }
  }
}

TEST(IndexOnDisk, HoldsWhatItHeldWhenItIsOpenedAgain) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  Model model;
  for (int round = 0; round < 4; ++round) {
    const auto index = opened(folder / "i", IndexAccess::write);
    expect_holds(*index, model);
    const PackId pack = random->name<PackId>();
    const auto entries = random_entries(*random, 5000);
    ASSERT_TRUE(index->add_pack(pack, entries));
    ASSERT_TRUE(index->set_whole(round % 2 == 0));
    add(model, pack, entries);
  }
  const auto index = opened(folder / "i", IndexAccess::write);
  expect_holds(*index, model);
  EXPECT_EQ(index->packs()->size(), 4u);
  EXPECT_FALSE(*index->whole());
}

// The word "lock" in its path once made every refusal look like a busy index.
TEST(IndexOnDisk, ASecondWriterIsToldBusyWhateverThePath) {
  const test::TemporaryFolder folder;
  for (const char* name : {"i", "block-lock"}) {
    const std::string path = folder / name;
    const auto first = opened(path, IndexAccess::write);
    const auto second = open_index(path, IndexAccess::write);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind(), ErrorKind::busy) << second.error().text();
    // A sanitizer's heap does not outlive a fork beside RocksDB's threads: the child may hang.
    const pid_t other = test::is_sanitized ? -1 : ::fork();
    if (other == 0) {
      const auto third = open_index(path, IndexAccess::write);
      ::_exit(!third && third.error().kind() == ErrorKind::busy ? 0 : 1);
    }
    int status = 0;
    if (!test::is_sanitized) {
      ASSERT_EQ(::waitpid(other, &status, 0), other);
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "another process";
    const auto absent = open_index(folder / "no-lock-here", IndexAccess::follow);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().kind(), ErrorKind::absent) << absent.error().text();
  }
}

TEST(IndexOnDisk, AFollowerSeesWhatWasThereBesideAWriter) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  const auto writer = opened(folder / "i", IndexAccess::write);
  Model model;
  const PackId pack = random->name<PackId>();
  const auto entries = random_entries(*random, 20'000);
  ASSERT_TRUE(writer->add_pack(pack, entries));
  add(model, pack, entries);
  const auto follower = opened(folder / "i", IndexAccess::follow);
  expect_holds(*follower, model);
  EXPECT_EQ(*follower->packs(), std::vector{pack});
  for (int i = 0; i < 40; ++i) {  // Enough for the writer to flush and compact.
    ASSERT_TRUE(writer->add_pack(random->name<PackId>(), random_entries(*random, 4000)));
  }
  expect_holds(*follower, model);
  expect_holds(*writer, model);
}

TEST(IndexOnDisk, IsGoneWhenItIsDeletedAndCanBeMadeAgain) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  ASSERT_TRUE(opened(folder / "i", IndexAccess::write)
                  ->add_pack(random->name<PackId>(), random_entries(*random, 10)));
  ASSERT_TRUE(delete_index(folder / "i"));
  EXPECT_FALSE(fs::exists(folder / "i"));
  ASSERT_TRUE(delete_index(folder / "i")) << "of what is not there";
  EXPECT_TRUE(opened(folder / "i", IndexAccess::write)->packs()->empty());
}

// Looks everything up, in an index in which anything may be damaged: an error, nothing, or right.
void expect_no_wrong_answer(const std::string& path, IndexAccess access, const Model& model,
                            const std::vector<PackId>& packs) {
  const auto index = open_index(path, access);
  if (!index) return;
  const auto known = (*index)->packs();
  if (known) {
    for (const PackId& pack : *known) EXPECT_TRUE(std::ranges::count(packs, pack) == 1);
  }
  bool nothing = false;
  for (const auto& [name, place] : model) {
    std::optional<RecordPlace> found;
    if (!(*index)->look_up(std::span(&name, 1), std::span(&found, 1))) continue;
    EXPECT_TRUE(!found || *found == place);
    // A pack that the index names has all its records.
    if (!found && known && std::ranges::count(*known, place.pack) == 1) nothing = true;
  }
  EXPECT_FALSE(nothing) << "a record of a pack that the index says it holds is not found";
}

TEST(IndexOnDisk, AFlippedByteInAnyFileIsNeverAWrongPlace) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  Model model;
  std::vector<PackId> packs;
  for (int round = 0; round < 3; ++round) {  // Opened again: table files beside the log.
    const auto index = opened(folder / "sound", IndexAccess::write);
    const PackId pack = random->name<PackId>();
    const auto entries = random_entries(*random, 200);
    ASSERT_TRUE(index->add_pack(pack, entries));
    add(model, pack, entries);
    packs.push_back(pack);
    ASSERT_TRUE(index->set_whole(true));
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "sound")) {
    if (entry.file_size() > 0) files.push_back(entry.path().filename());
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    for (int i = 0; i < 12; ++i) {
      const std::string copy = folder / "copy";
      fs::copy(folder / "sound", copy);
      const std::string path = copy + "/" + file.string();
      const ByteIndex at(random->below(fs::file_size(path)));
      const ByteVector flipped{test::read_at(path, at, 1_B)[0] ^
                               static_cast<std::byte>(1 + random->below(255))};
      test::write_at(path, at, flipped);
      SCOPED_TRACE(testing::Message() << file << " at " << at.value());
      expect_no_wrong_answer(copy, i % 2 == 0 ? IndexAccess::follow : IndexAccess::write, model,
                             packs);
      fs::remove_all(copy);
    }
  }
}

}  // namespace
}  // namespace ebb
