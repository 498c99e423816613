// SPDX-License-Identifier: Apache-2.0
// commit_test.cc - a storage agent commits a point only when all that it names is there, whatever
// its peer says.
#include <gtest/gtest.h>

#include "tests/wire/agent/hosting.h"

namespace ebb::test {
namespace {

class AgentCommit : public testing::Test {
 protected:
  ~AgentCommit() noexcept override = default;

  Fingerprint put_block() {
    const ByteVector record = agent_.record(300);
    const auto put = agent_.put(run_, record);
    EXPECT_TRUE(put) << put.error().text();
    return Fingerprint{Hosting::name_in(record).bytes};
  }
  Fingerprint missing_block() { return agent_.random().name<Fingerprint>(); }
  PageDigest missing_page() { return agent_.random().name<PageDigest>(); }

  // A page and its name; kept at the agent, or not.
  static PageDigest name_of(const Page& page) { return digest_of_page(pack_page(page)); }
  PageDigest keep(const Page& page) {
    const auto kept = agent_.keep(run_, name_of(page), pack_page(page));
    EXPECT_TRUE(kept) << kept.error().text();
    return name_of(page);
  }
  static Page leaf_of(std::initializer_list<std::pair<std::size_t, Fingerprint>> blocks) {
    Page page;
    for (const auto& [at, print] : blocks) page.entries.at(at) = print.bytes;
    return page;
  }
  static Page page_of(PageKind kind,
                      std::initializer_list<std::pair<std::size_t, PageDigest>> children) {
    Page page;
    page.kind = kind;
    page.level = kind == PageKind::node ? 1 : 0;
    for (const auto& [at, digest] : children) page.entries.at(at) = digest.bytes;
    return page;
  }

  SignedPoint point_of(const PageDigest& map, ByteCount device = 4_MiB,
                       const SignedPoint* before = nullptr) {
    return agent_.point(start_, [&](Point& point) {
      point.map = map;
      point.grid = BlockGrid(device, BlockSize::standard());
      if (before == nullptr) return;
      point.sequence = before->point.sequence + 1;
      point.predecessor = before->id;
    });
  }
  Result<void> commit(const SignedPoint& point) { return agent_.commit(run_, point.body); }
  void expect_refused(const SignedPoint& point, ErrorKind kind, const std::string& words) {
    const std::size_t before = agent_.points().size();
    const auto committed = commit(point);
    ASSERT_FALSE(committed) << "it was committed";
    EXPECT_EQ(committed.error().kind(), kind) << committed.error().text();
    EXPECT_NE(committed.error().text().find(words), std::string::npos) << committed.error().text();
    EXPECT_EQ(agent_.points().size(), before);
  }

  Hosting agent_;
  const std::unique_ptr<Hosting::Client> client_ = agent_.open();
  const RunStart start_ = agent_.run_start(agent_.random().name<VolumeId>());
  wire::Run::Client run_ = agent_.begin(*client_, start_).value();
};

TEST_F(AgentCommit, TakesAPointOfWhichAllIsThere) {
  const Page leaf = leaf_of({{0, put_block()}, {63, put_block()}});
  Page segment = page_of(PageKind::segment, {{0, keep(leaf)}});
  segment.overrides = {{5, put_block()}, {7, Fingerprint{}}};
  const auto committed = commit(point_of(keep(segment)));
  EXPECT_TRUE(committed) << committed.error().text();
}

TEST_F(AgentCommit, RefusesAPointWithARecordMissing) {
  const Page leaf = leaf_of({{0, put_block()}, {17, missing_block()}});
  expect_refused(point_of(keep(page_of(PageKind::segment, {{0, keep(leaf)}}))), ErrorKind::absent,
                 "block 17");
  Page overriding = page_of(PageKind::segment, {});
  overriding.overrides = {{3, put_block()}, {40, missing_block()}};
  expect_refused(point_of(keep(overriding)), ErrorKind::absent, "block 40");
  // Nobody reads what an override hides.
  Page hiding = page_of(PageKind::segment, {{0, name_of(leaf)}});
  hiding.overrides = {{17, put_block()}};
  EXPECT_TRUE(commit(point_of(keep(hiding))));
}

TEST_F(AgentCommit, RefusesAPointWithAPageOfItsMapMissing) {
  const Page leaf = leaf_of({{1, put_block()}});
  const Page segment = page_of(PageKind::segment, {{0, name_of(leaf)}});
  expect_refused(point_of(name_of(segment)), ErrorKind::absent, "map");
  expect_refused(point_of(keep(segment)), ErrorKind::absent, "map");
  const Page node = page_of(PageKind::node, {{0, name_of(segment)}, {1, missing_page()}});
  expect_refused(point_of(keep(node), 512_MiB), ErrorKind::absent, "map");
  static_cast<void>(keep(leaf));
  EXPECT_TRUE(commit(point_of(name_of(segment))));
  expect_refused(point_of(name_of(node), 512_MiB), ErrorKind::absent, "map");
}

TEST_F(AgentCommit, RefusesAMapThatMakesNoSense) {
  const Page leaf = leaf_of({{1, put_block()}});
  const PageDigest segment = keep(page_of(PageKind::segment, {{0, keep(leaf)}}));
  // Of another kind than its place.
  expect_refused(point_of(name_of(leaf)), ErrorKind::damaged, "kind");
  expect_refused(point_of(segment, 512_MiB), ErrorKind::damaged, "kind");
  // Past the end of the device.
  expect_refused(point_of(segment, 64_KiB), ErrorKind::damaged, "end");
  const PageDigest node = keep(page_of(PageKind::node, {{0, segment}, {2, segment}}));
  expect_refused(point_of(node, 512_MiB), ErrorKind::damaged, "end");
  EXPECT_TRUE(commit(point_of(node, 1_GiB)));
}

TEST_F(AgentCommit, LooksAtWhatAnOverrideHidInThePointBefore) {
  const Page leaf = leaf_of({{0, put_block()}, {9, missing_block()}});
  Page hiding = page_of(PageKind::segment, {{0, keep(leaf)}});
  hiding.overrides = {{9, put_block()}};
  const SignedPoint first = point_of(keep(hiding));
  ASSERT_TRUE(commit(first));
  Page shown = hiding;
  shown.overrides.clear();
  expect_refused(point_of(keep(shown), 4_MiB, &first), ErrorKind::absent, "block 9");
  Page changed = hiding;
  changed.overrides.push_back({11, missing_block()});
  expect_refused(point_of(keep(changed), 4_MiB, &first), ErrorKind::absent, "block 11");
  changed.overrides.back().fingerprint = put_block();
  EXPECT_TRUE(commit(point_of(keep(changed), 4_MiB, &first)));
}

TEST_F(AgentCommit, BelievesInNoPointBeforeThatIsNotThere) {
  const Page leaf = leaf_of({{2, missing_block()}});
  const PageDigest map = keep(page_of(PageKind::segment, {{0, keep(leaf)}}));
  const SignedPoint never_committed = point_of(map);
  expect_refused(point_of(map, 4_MiB, &never_committed), ErrorKind::absent, "block 2");
  expect_refused(never_committed, ErrorKind::absent, "block 2");
}

// Each page names the one below 64 times: as many places as the largest map has.
TEST_F(AgentCommit, LooksOnceAtAPageThatAMapNamesInManyPlaces) {
  const PageDigest leaf = keep(leaf_of({{0, put_block()}}));
  Page page = page_of(PageKind::segment, {});
  page.entries.fill(leaf.bytes);
  for (std::uint8_t level = 1; level <= 3; ++level) {
    const PageDigest below = keep(page);
    page = page_of(PageKind::node, {});
    page.level = level;
    page.entries.fill(below.bytes);
  }
  const ByteCount device = limits::max_device_size;
  const auto committed = commit(point_of(keep(page), device));
  EXPECT_TRUE(committed) << committed.error().text();
}

}  // namespace
}  // namespace ebb::test
