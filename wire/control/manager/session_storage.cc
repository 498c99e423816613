// SPDX-License-Identifier: Apache-2.0
// session_storage.cc - what a storage agent may ask and tell: who was revoked, what to keep, which
// points it has.
#include "wire/control/manager/session_base.h"

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
          TRY(maybe_name_in<HolderId>(asked.getLastRevoked(), "holder's id")).value_or(HolderId{})};
      const auto revoked = TRY(desk_.store.hosts().revocations(last, max_revocations));
      auto orders = answer.initOrders();
      TRY(put_repositories(host, orders));
      auto list = orders.initRevoked(static_cast<unsigned>(revoked.size()));
      for (unsigned i = 0; i < list.size(); ++i) list.set(i, as_data(revoked[i].holder.view()));
      orders.setRevocationsUpTo(revoked.empty() ? last.number : revoked.back().number);
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
      TRY(desk_.store.catalog().add_points(listing, host, rows));
      answer.setDone();
      return {};
    });
  }

  kj::Promise<void> endPoints(EndPointsContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "endPoints", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const std::uint64_t listing = TRY(count_in(context.getParams().getListing(), "listings"));
      TRY(desk_.store.catalog().end_listing(listing, host));
      answer.setDone();
      return {};
    });
  }

 private:
  // Where a bound cuts the list, volumes are not named, and keep everything.
  Result<void> put_repositories(const Host& host, wire::StorageOrders::Orders::Builder orders) {
    auto repositories = TRY(desk_.store.catalog().repositories_at(host.name));
    if (repositories.size() > max_repositories) repositories.resize(max_repositories);
    std::size_t room = max_kept_volumes;
    auto list = orders.initRepositories(static_cast<unsigned>(repositories.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setName(repositories[i].name.c_str());
      list[i].setListing(repositories[i].listing);
      auto kept = TRY(desk_.store.catalog().kept(repositories[i].name));
      if (kept.size() > room) kept.resize(room);
      room -= kept.size();
      auto keep = list[i].initKeep(static_cast<unsigned>(kept.size()));
      for (unsigned k = 0; k < keep.size(); ++k) {
        keep[k].setVolume(as_data(kept[k].volume.view()));
        auto rule = keep[k].initRule();
        rule.setLast(kept[k].rule.last);
        rule.setHourly(kept[k].rule.hourly);
        rule.setDaily(kept[k].rule.daily);
        rule.setWeekly(kept[k].rule.weekly);
        rule.setMonthly(kept[k].rule.monthly);
        rule.setYearly(kept[k].rule.yearly);
      }
    }
    return {};
  }
};

}  // namespace

wire::StorageSession::Client make_storage_session(Desk& desk, const HolderId& holder) {
  return kj::heap<StorageSession>(desk, holder);
}

}  // namespace ebb::control
