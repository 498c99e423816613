// SPDX-License-Identifier: Apache-2.0
// Repositories, claims of volumes, points as storage agents tell them, jobs.
#include <gtest/gtest.h>

#include "tests/wire/control/manager/manager_folder.h"

namespace ebb::control::test {
namespace {

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() {
    EXPECT_TRUE(catalog().create_repository("main", store_, noon));
    EXPECT_TRUE(catalog().create_repository("other", store_, noon));
  }

  Catalog& catalog() { return folder_.store().catalog(); }
  Policies& policies() { return folder_.store().policies(); }
  static CatalogVolumeId volume(unsigned char fill) {
    CatalogVolumeId id;
    id.bytes.fill(std::byte{fill});
    return id;
  }
  static PointRow point(unsigned char fill, unsigned char of_volume) {
    PointRow row;
    row.point.bytes.fill(std::byte{fill});
    row.volume = volume(of_volume);
    row.sequence = fill;
    row.arrived = noon;
    row.device_bytes = 1 << 30;
    return row;
  }
  Policy policy(const std::string& name, const std::string& pattern) {
    Policy made;
    made.name = name;
    made.repository = "main";
    made.volumes = {pattern};
    made.every_seconds = 3600;
    made.keep.daily = 14;
    return made;
  }
  Result<void> tell(const std::vector<PointRow>& points) {
    const std::uint64_t listing = TRY(catalog().begin_listing("main", id_, store_, noon));
    TRY(catalog().add_points(listing, store_, points, {}));
    return catalog().end_listing(listing, store_, {});
  }
  std::uint64_t points_of_main() { return catalog().repository("main").value().points; }

  ManagerFolder folder_;
  const Host store_ = folder_.admit("store1", Role::storage);
  const Host web1_ = folder_.admit("web1", Role::source);
  const Host web2_ = folder_.admit("web2", Role::source);
  const CatalogRepositoryId id_ = system_random().name<CatalogRepositoryId>();
};

TEST_F(CatalogTest, HasEachRepositoryOnceAndAtAStorageAgent) {
  EXPECT_REFUSED(catalog().create_repository("main", store_, noon), ErrorKind::invalid, "already");
  EXPECT_REFUSED(catalog().create_repository("more", web1_, noon), ErrorKind::invalid,
                 "not a storage agent");
  EXPECT_REFUSED(catalog().create_repository("a/b", store_, noon), ErrorKind::invalid, "no name");
  EXPECT_REFUSED(catalog().repository("none"), ErrorKind::absent, "none");
}

TEST_F(CatalogTest, GivesAVolumeToTheFirstHostThatNamesIt) {
  ASSERT_TRUE(catalog().claim("main", web1_, {{volume(1), "/dev/sda", ""}}));
  EXPECT_TRUE(catalog().claim("main", web1_, {{volume(1), "/dev/sda", ""}}));
  EXPECT_REFUSED(catalog().claim("main", web2_, {{volume(1), "/dev/sda", ""}}), ErrorKind::denied,
                 "belongs to web1");
  // Another repository has volumes of its own.
  EXPECT_TRUE(catalog().claim("other", web2_, {{volume(1), "/dev/sda", ""}}));
}

TEST_F(CatalogTest, GivesAllOfTheVolumesOrNone) {
  ASSERT_TRUE(catalog().claim("main", web1_, {{volume(2), "/dev/sdb", ""}}));
  EXPECT_FALSE(
      catalog().claim("main", web2_, {{volume(1), "/dev/sda", ""}, {volume(2), "/dev/sdb", ""}}));
  EXPECT_TRUE(catalog().claim("main", web1_, {{volume(1), "/dev/sda", ""}}));
}

TEST_F(CatalogTest, LetsASourceUseWhatAPolicyOrAnOperatorSays) {
  EXPECT_REFUSED(catalog().may_use("main", web1_, policies()), ErrorKind::denied,
                 "repository allow main --host web1");
  ASSERT_TRUE(policies().set(policy("web", "web1:/dev/*"), noon));
  EXPECT_TRUE(catalog().may_use("main", web1_, policies()));
  EXPECT_FALSE(catalog().may_use("other", web1_, policies()));
  EXPECT_FALSE(catalog().may_use("main", web2_, policies()));
  ASSERT_TRUE(catalog().allow("main", web2_, noon));
  EXPECT_TRUE(catalog().may_use("main", web2_, policies()));
  EXPECT_REFUSED(catalog().may_use("none", web2_, policies()), ErrorKind::absent, "none");
}

TEST_F(CatalogTest, SaysWhatToKeepOfVolumesThatAPolicyHas) {
  ASSERT_TRUE(policies().set(policy("web", "web1:/dev/*"), noon));
  ASSERT_TRUE(catalog().claim("main", web1_,
                              {{volume(1), "/dev/sda", "web"}, {volume(2), "/dev/sdb", ""}}));
  const auto kept = catalog().kept("main", std::nullopt, 100).value();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].volume, volume(1));
  EXPECT_EQ(kept[0].rule.daily, 14u);
  ASSERT_TRUE(policies().remove("web", noon));
  EXPECT_TRUE(catalog().kept("main", std::nullopt, 100).value().empty());
}

TEST_F(CatalogTest, HasThePointsOfTheNewestListingAndNoOthers) {
  ASSERT_TRUE(tell({point(1, 1), point(2, 1), point(3, 2)}));
  EXPECT_EQ(points_of_main(), 3u);
  ASSERT_TRUE(tell({point(2, 1), point(4, 1)}));
  EXPECT_EQ(points_of_main(), 2u);
  // Volume 2 was nobody's, and known by its point only.
  EXPECT_EQ(catalog().volumes().value().size(), 1u);
}

TEST_F(CatalogTest, ForgetsNothingUntilAListingEnds) {
  ASSERT_TRUE(tell({point(1, 1)}));
  const auto listing = catalog().begin_listing("main", id_, store_, noon).value();
  ASSERT_TRUE(catalog().add_points(listing, store_, {point(2, 1)}, {}));
  EXPECT_EQ(points_of_main(), 2u);
  // Somebody begins again: the first one is over.
  ASSERT_TRUE(catalog().begin_listing("main", id_, store_, noon));
  EXPECT_REFUSED(catalog().add_points(listing, store_, {point(3, 1)}, {}), ErrorKind::absent,
                 "listing");
  EXPECT_REFUSED(catalog().end_listing(listing, store_, {}), ErrorKind::absent, "listing");
  EXPECT_EQ(points_of_main(), 2u);
}

TEST_F(CatalogTest, IsRebuiltByListingsAlone) {
  ManagerFolder empty;
  const Host store = empty.admit("store1", Role::storage);
  Catalog& catalog = empty.store().catalog();
  const auto listing = catalog.begin_listing("main", id_, store, noon).value();
  ASSERT_TRUE(catalog.add_points(listing, store, {point(1, 1), point(2, 2)}, {}));
  ASSERT_TRUE(catalog.end_listing(listing, store, {}));
  EXPECT_EQ(catalog.repository("main").value().points, 2u);
  const auto volumes = catalog.volumes().value();
  ASSERT_EQ(volumes.size(), 2u);
  EXPECT_EQ(volumes[0].host, "");
  // The first host that names one has it, as ever.
  const Host web = empty.admit("web1", Role::source);
  EXPECT_TRUE(catalog.claim("main", web, {{volume(1), "/dev/sda", ""}}));
}

TEST_F(CatalogTest, TakesPointsOnlyFromTheAgentThatHasTheRepository) {
  const Host other = folder_.admit("store2", Role::storage);
  EXPECT_REFUSED(catalog().begin_listing("main", id_, other, noon), ErrorKind::denied,
                 "is at store1");
  const auto listing = catalog().begin_listing("main", id_, store_, noon).value();
  EXPECT_REFUSED(catalog().add_points(listing, other, {point(1, 1)}, {}), ErrorKind::absent,
                 "listing");
  EXPECT_REFUSED(catalog().end_listing(listing, other, {}), ErrorKind::absent, "listing");
}

TEST_F(CatalogTest, NoticesAnotherRepositoryInTheSamePlace) {
  ASSERT_TRUE(tell({point(1, 1)}));
  EXPECT_REFUSED(catalog().begin_listing("main", {}, store_, noon), ErrorKind::mismatch,
                 "put in its place");
}

JobRow job(unsigned char fill) {
  JobRow row;
  row.id.bytes.fill(std::byte{fill});
  row.kind = "backup";
  row.started = noon;
  return row;
}

TEST_F(CatalogTest, HasAJobOnceHoweverOftenItIsReported) {
  Jobs& jobs = folder_.store().jobs();
  JobRow row = job(1);
  ASSERT_TRUE(jobs.report(web1_, {row}, policies()));
  row.outcome = JobOutcome::done;
  row.ended = seconds_from_noon(60);
  ASSERT_TRUE(jobs.report(web1_, {row}, policies()));
  ASSERT_TRUE(jobs.report(web1_, {row}, policies()));
  const auto newest = jobs.newest(10).value();
  ASSERT_EQ(newest.size(), 1u);
  EXPECT_EQ(newest[0].outcome, JobOutcome::done);
  EXPECT_EQ(newest[0].host, "web1");
}

// A message that makes no sense is an exception in the middle of one.
TEST_F(CatalogTest, EndsATransactionThatAnExceptionLeft) {
  Jobs& jobs = folder_.store().jobs();
  Database& database = folder_.store().database();
  EXPECT_THROW(static_cast<void>(database.atomically([&]() -> Result<void> {
                 TRY(jobs.report(web1_, {job(1)}, policies()));
                 throw std::runtime_error("no sense");
               })),
               std::runtime_error);
  EXPECT_TRUE(jobs.newest(10).value().empty());
  ASSERT_TRUE(jobs.report(web1_, {job(2)}, policies()));
  // Another process sees it, and may write.
  const auto other = Store::open(folder_.path()).value();
  EXPECT_EQ(other->jobs().newest(10).value().size(), 1u);
  EXPECT_TRUE(other->jobs().report(web1_, {job(3)}, other->policies()));
}

TEST_F(CatalogTest, KeepsAHostFromRewritingAnothersJob) {
  Jobs& jobs = folder_.store().jobs();
  ASSERT_TRUE(jobs.report(web1_, {job(1)}, policies()));
  EXPECT_REFUSED(jobs.report(web2_, {job(2), job(1)}, policies()), ErrorKind::invalid,
                 "another host's");
  EXPECT_EQ(jobs.newest(10).value().size(), 1u);
}

TEST_F(CatalogTest, TellsARequestToRunUntilTheHostReportsAJobForIt) {
  ASSERT_TRUE(policies().set(policy("web", "web*:/dev/*"), noon));
  EXPECT_EQ(policies().request_run("web", noon).value(), 2u);
  const auto open = policies().open_runs("web1", noon).value();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(policies().open_runs("web1", noon).value().size(), 1u);
  JobRow row = job(1);
  row.run = open[0].number;
  ASSERT_TRUE(folder_.store().jobs().report(web1_, {row}, policies()));
  EXPECT_TRUE(policies().open_runs("web1", noon).value().empty());
  EXPECT_EQ(policies().open_runs("web2", noon).value().size(), 1u);
  EXPECT_TRUE(policies().open_runs("store1", noon).value().empty());
  EXPECT_TRUE(policies().open_runs("web2", days_after(noon, 8)).value().empty());
}

TEST_F(CatalogTest, RefusesToRunWhatIsNowhere) {
  ASSERT_TRUE(policies().set(policy("db", "db*:/dev/*"), noon));
  EXPECT_REFUSED(policies().request_run("db", noon), ErrorKind::invalid, "no host");
  EXPECT_REFUSED(policies().request_run("none", noon), ErrorKind::absent, "none");
}

}  // namespace
}  // namespace ebb::control::test
