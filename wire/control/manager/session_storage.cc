// SPDX-License-Identifier: Apache-2.0
// session_storage.cc - what a storage agent may ask and tell: who was revoked, what to keep, which
// points it has.
#include <algorithm>

#include "wire/control/manager/session_base.h"
#include "wire/link/openssl.h"

namespace ebb::control {

namespace {

Result<PointRow> point_in(wire::Point::Reader from) {
  PointRow point;
  point.point = TRY(name_in<CatalogPointId>(from.getPoint(), "point's id"));
  point.volume = TRY(name_in<CatalogVolumeId>(from.getVolume(), "volume's id"));
  point.sequence = TRY(count_in(from.getSequence(), "points"));
  point.created = {from.getCreated()};
  point.arrived = {from.getArrived()};
  point.device_bytes = TRY(count_in(from.getDeviceBytes(), "bytes of a device"));
  point.stored_bytes = TRY(count_in(from.getStoredBytes(), "bytes stored"));
  return point;
}

class StorageSession final : public SessionOf<wire::StorageSession> {
 public:
  using SessionOf::SessionOf;

  kj::Promise<void> poll(PollContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "poll", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const auto asked = context.getParams();
      const std::string address = TRY(text_in(asked.getAddress(), "address"));
      if (!address.empty()) {
        TRY(parse_address(address, 1));
        TRY(desk_.store.hosts().set_address(host, address));
      }
      TRY(desk_.store.hosts().seen(host, desk_.clock.wall()));
      const Revocation last{
          TRY(count_in(asked.getRevocationsSince(), "revocations")),
          TRY(maybe_name_in<HolderId>(asked.getLastRevoked(), "holder's id")).value_or(HolderId{}),
          {asked.getLastRevokedAt()}};
      const auto revoked = TRY(desk_.store.hosts().revocations(last, max_revocations));
      auto orders = answer.initOrders();
      TRY(put_repositories(host, orders));
      auto list = orders.initRevoked(static_cast<unsigned>(revoked.size()));
      for (unsigned i = 0; i < list.size(); ++i) list.set(i, as_data(revoked[i].holder.view()));
      orders.setRevocationsUpTo(revoked.empty() ? last.number : revoked.back().number);
      orders.setLastRevokedAt((revoked.empty() ? last : revoked.back()).at.nanoseconds);
      orders.setRulesAreOld(TRY(desk_.store.policies().are_unconfirmed()));
      return {};
    });
  }

  kj::Promise<void> keep(KeepContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "keep", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const auto asked = context.getParams();
      const RepositoryRow repository = TRY(desk_.store.catalog().repository(
          TRY(text_in(asked.getRepository(), "repository's name"))));
      if (repository.storage != host.name) {
        return fail(
            Error::denied("the repository \"{}\" is at {}", repository.name, repository.storage));
      }
      const auto kept = TRY(desk_.store.catalog().kept(
          repository.name, TRY(maybe_name_in<CatalogVolumeId>(asked.getAfter(), "volume's id")),
          max_kept_volumes));
      put_keep(kept, answer.initKeep(static_cast<unsigned>(kept.size())));
      return {};
    });
  }

  kj::Promise<void> beginPoints(BeginPointsContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "beginPoints", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const auto asked = context.getParams();
      answer.setListing(TRY(desk_.store.catalog().begin_listing(
          TRY(text_in(asked.getRepository(), "repository's name")),
          TRY(name_in<CatalogRepositoryId>(asked.getId(), "repository's id")), host,
          desk_.clock.wall())));
      return {};
    });
  }

  kj::Promise<void> points(PointsContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "points", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const auto asked = context.getParams();
      TRY(at_most(asked.getPoints(), max_points, "points"));
      std::vector<PointRow> rows;
      for (const auto point : asked.getPoints()) rows.push_back(TRY(point_in(point)));
      const std::uint64_t listing = TRY(count_in(asked.getListing(), "listings"));
      TRY(desk_.store.catalog().add_points(listing, host, rows,
                                           TRY(name_in<ToldMark>(asked.getMark(), "mark"))));
      answer.setDone();
      return {};
    });
  }

  kj::Promise<void> endPoints(EndPointsContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "endPoints", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const auto asked = context.getParams();
      TRY(desk_.store.catalog().end_listing(TRY(count_in(asked.getListing(), "listings")), host,
                                            TRY(name_in<ToldMark>(asked.getMark(), "mark"))));
      answer.setDone();
      return {};
    });
  }

  kj::Promise<void> copy(CopyContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "copy", answer, [&]() -> Result<void> {
      TRY(caller());
      const auto asked = context.getParams();
      // What was begun is told to its end, though there may be a newer one meanwhile.
      if (asked.getAt() == 0 || copy_ == nullptr) {
        copy_ = TRY(desk_.copies.newest(desk_.store, desk_.clock));
      }
      const auto copy = copy_;
      if (same_bytes(bytes_in(asked.getHave()), copy->digest.view())) {
        answer.setSame();
        return {};
      }
      const Bytes rest =
          Bytes(copy->bytes).subspan(std::min<std::uint64_t>(asked.getAt(), copy->bytes.size()));
      auto part = answer.initPart();
      part.setDigest(as_data(copy->digest.view()));
      part.setSize(copy->bytes.size());
      part.setBytes(as_data(rest.first(std::min(rest.size(), max_copy_part))));
      return {};
    });
  }

 private:
  static void put_keep(std::span<const VolumeKeepRow> kept,
                       capnp::List<wire::VolumeKeep>::Builder to) {
    for (unsigned i = 0; i < to.size(); ++i) {
      to[i].setVolume(as_data(kept[i].volume.view()));
      auto rule = to[i].initRule();
      rule.setLast(kept[i].rule.last);
      rule.setHourly(kept[i].rule.hourly);
      rule.setDaily(kept[i].rule.daily);
      rule.setWeekly(kept[i].rule.weekly);
      rule.setMonthly(kept[i].rule.monthly);
      rule.setYearly(kept[i].rule.yearly);
    }
  }

  Result<void> put_repositories(const Host& host, wire::StorageOrders::Orders::Builder orders) {
    const auto repositories = TRY(desk_.store.catalog().repositories_at(host.name));
    std::size_t room = max_kept_volumes;
    auto list = orders.initRepositories(static_cast<unsigned>(repositories.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setName(repositories[i].name.c_str());
      list[i].setListing(repositories[i].listing);
      if (repositories[i].told) list[i].setMark(as_data(repositories[i].told->view()));
      auto kept = TRY(desk_.store.catalog().kept(repositories[i].name, std::nullopt, room + 1));
      list[i].setMore(kept.size() > room);
      if (kept.size() > room) kept.resize(room);
      room -= kept.size();
      put_keep(kept, list[i].initKeep(static_cast<unsigned>(kept.size())));
    }
    return {};
  }

  std::shared_ptr<const StateCopies::Copy> copy_;
};

// How old a copy may be: a change is in those of storage agents after this and a poll. One that
// took long may be older, so that the server is not busy with it.
constexpr double copy_seconds = 10;
constexpr double most_of_the_time = 0.01;

}  // namespace

Result<std::shared_ptr<const StateCopies::Copy>> StateCopies::newest(const Store& store,
                                                                     const Clock& clock) {
  const double now = clock.steady_seconds();
  if (copy_ != nullptr && now - made_ < std::max(copy_seconds, took_ / most_of_the_time)) {
    return copy_;
  }
  auto made = std::make_shared<Copy>();
  made->bytes = TRY(during(store.copy(), "making a copy of the manager's state"));
  made->digest = ossl::sha256_name<CopyDigest>(made->bytes);
  made_ = clock.steady_seconds();
  took_ = made_ - now;
  copy_ = std::move(made);
  return copy_;
}

wire::StorageSession::Client make_storage_session(Desk& desk, const HolderId& holder) {
  return kj::heap<StorageSession>(desk, holder);
}

}  // namespace ebb::control
