// SPDX-License-Identifier: Apache-2.0
#include "wire/chore_message.h"

#include <algorithm>

#include "engine/repo/minimum_age.h"
#include "wire/bytes.h"
#include "wire/error_bridge.h"
#include "wire/limits.h"
#include "wire/place.h"

namespace ebb {

namespace {

using Answer = wire::ChoreAnswer;
using Detail = wire::ChoreDetail;

template <class N>
Result<N> name_in(capnp::Data::Reader bytes) {
  const auto name = N::of(bytes_from(bytes));
  if (!name) return fail(Error::invalid("a name of {} bytes, not {}", bytes.size(), N::size));
  return *name;
}

// A century is the longest that anything of the kind may be.
Result<std::chrono::seconds> seconds_in(std::uint64_t seconds) {
  if (seconds > static_cast<std::uint64_t>(longest_minimum_age.count())) {
    return fail(Error::invalid("an age of {} seconds", seconds));
  }
  return std::chrono::seconds(seconds);
}

std::string cut(std::string_view text) {
  return std::string(text.substr(0, wire_limits::max_detail_text));
}

void put(const PointVerdict& verdict, Detail::Builder to) {
  to.setWhat(cut(verdict.reason).c_str());
  auto v = to.initVerdict();
  v.setVolume(kj_bytes(verdict.point.name.volume.view()));
  v.setPoint(kj_bytes(verdict.point.name.id.view()));
  v.setSequence(verdict.point.name.sequence);
  v.setArrived(verdict.point.arrived.nanoseconds);
  v.setKeep(verdict.keep);
}
void put(const Obstacle& obstacle, Detail::Builder to) {
  to.setWhat(cut(obstacle.what).c_str());
  to.initFinding().setFile(cut(obstacle.file).c_str());
}
void put(const ScrubFinding& finding, Detail::Builder to) {
  to.setWhat(cut(finding.what).c_str());
  auto f = to.initFinding();
  f.setFile(cut(finding.file).c_str());
  f.setMended(finding.mended);
  f.setKnown(finding.known);
}
void put(const PointDamage& damage, Detail::Builder to) {
  to.setWhat(cut(damage.damage.what).c_str());
  auto d = to.initDamage();
  d.setOfVolume(kj_bytes(damage.volume.view()));
  d.setOfPoint(kj_bytes(damage.point.view()));
  d.setFirstBlock(damage.damage.blocks.begin.value());
  d.setBlocks(damage.damage.blocks.length().value());
  if (!damage.damage.place) return;
  const PlaceOnWire place = to_wire(*damage.damage.place);
  d.setPlace(kj_bytes(bytes_of_struct(place)));
}

// Those of `lists`, one after the other, that an answer from `from` on has room for.
template <class... Item>
void put_details(std::uint64_t from, Answer::Builder to, const std::vector<Item>&... lists) {
  const std::uint64_t all = (std::uint64_t{0} + ... + lists.size());
  const std::uint64_t begin = std::min(from, all);
  const std::uint64_t end = std::min(begin + wire_limits::max_details, all);
  auto details = to.initDetails(static_cast<unsigned>(end - begin));
  to.setMore(end < all);
  std::uint64_t number = 0;
  const auto put_list = [&](const auto& list) {
    for (const auto& item : list) {
      if (number >= begin && number < end)
        put(item, details[static_cast<unsigned>(number - begin)]);
      ++number;
    }
  };
  (put_list(lists), ...);
}

Result<PointVerdict> verdict_in(Detail::Reader from) {
  const auto v = from.getVerdict();
  PointVerdict verdict;
  verdict.point.name.volume = TRY(name_in<VolumeId>(v.getVolume()));
  verdict.point.name.id = TRY(name_in<PointId>(v.getPoint()));
  verdict.point.name.sequence = v.getSequence();
  verdict.point.arrived = {v.getArrived()};
  verdict.keep = v.getKeep();
  verdict.reason = printable(from.getWhat());
  return verdict;
}

Result<PointDamage> damage_in(Detail::Reader from) {
  const auto d = from.getDamage();
  PointDamage damage;
  damage.volume = TRY(name_in<VolumeId>(d.getOfVolume()));
  damage.point = TRY(name_in<PointId>(d.getOfPoint()));
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  if (d.getFirstBlock() > most || d.getBlocks() > most) {
    return fail(Error::invalid("damage at block {}", d.getFirstBlock()));
  }
  damage.damage.blocks = BlockRun::of(BlockIndex(d.getFirstBlock()), BlockCount(d.getBlocks()));
  damage.damage.what = printable(from.getWhat());
  const Bytes bytes = bytes_from(d.getPlace());
  PlaceOnWire place;
  if (bytes.empty()) return damage;
  if (bytes.size() != sizeof place)
    return fail(Error::invalid("a place of {} bytes", bytes.size()));
  std::memcpy(&place, bytes.data(), sizeof place);
  damage.damage.place = from_wire(place);
  return damage;
}

Result<void> take(Detail::Reader from, PruneReport& report) {
  if (!from.isVerdict()) return fail(Error::invalid("a prune has verdicts and nothing else"));
  report.plan.points.push_back(TRY(verdict_in(from)));
  return {};
}
Result<void> take(Detail::Reader from, CollectReport& report) {
  if (!from.isFinding()) return fail(Error::invalid("a collection has obstacles and nothing else"));
  report.obstacles.push_back({printable(from.getFinding().getFile()), printable(from.getWhat())});
  return {};
}
Result<void> take(Detail::Reader from, ScrubReport& report) {
  if (from.isDamage()) {
    report.points.push_back(TRY(damage_in(from)));
  } else if (from.isFinding()) {
    const auto f = from.getFinding();
    report.findings.push_back(
        {printable(f.getFile()), printable(from.getWhat()), f.getMended(), f.getKnown()});
  } else {
    return fail(Error::invalid("a scrub has no verdicts"));
  }
  return {};
}

void put_counts(const PruneReport& report, std::uint64_t from, Answer::Builder to) {
  auto p = to.initPruned();
  p.setRemoved(report.removed);
  p.setMinimumAge(static_cast<std::uint64_t>(report.plan.minimum_age.count()));
  put_details(from, to, report.plan.points);
}
void put_counts(const CollectReport& report, std::uint64_t from, Answer::Builder to) {
  auto c = to.initCollected();
  c.setPoints(report.points);
  c.setPacks(report.packs);
  c.setPacksUnneeded(report.packs_unneeded);
  c.setPacksSparse(report.packs_sparse);
  c.setPacksRemoved(report.packs_removed);
  c.setPacksRewritten(report.packs_rewritten);
  c.setPacksPardoned(report.packs_pardoned);
  c.setPacksLeft(report.packs_left);
  c.setEnvelopesRemoved(report.envelopes_removed);
  c.setDeadKept(report.dead_kept.value());
  c.setWritten(report.written.value());
  c.setFreed(report.freed.value());
  c.setWaitsFor(cut(report.waits_for).c_str());
  put_details(from, to, report.obstacles);
}
void put_counts(const ScrubReport& report, std::uint64_t from, Answer::Builder to) {
  auto s = to.initScrubbed();
  s.setPacks(report.packs);
  s.setObjects(report.objects);
  s.setBytes(report.bytes.value());
  s.setRecordsLost(report.records_lost);
  put_details(from, to, report.findings, report.points);
}

Result<ChoreReport> counts_in(Answer::Reader from) {
  switch (from.which()) {
    case Answer::PRUNED: {
      PruneReport report;
      report.removed = from.getPruned().getRemoved();
      report.plan.minimum_age = TRY(seconds_in(from.getPruned().getMinimumAge()));
      return ChoreReport(std::move(report));
    }
    case Answer::COLLECTED: {
      const auto c = from.getCollected();
      CollectReport report;
      report.points = c.getPoints();
      report.packs = c.getPacks();
      report.packs_unneeded = c.getPacksUnneeded();
      report.packs_sparse = c.getPacksSparse();
      report.packs_removed = c.getPacksRemoved();
      report.packs_rewritten = c.getPacksRewritten();
      report.packs_pardoned = c.getPacksPardoned();
      report.packs_left = c.getPacksLeft();
      report.envelopes_removed = c.getEnvelopesRemoved();
      report.dead_kept = ByteCount(c.getDeadKept());
      report.written = ByteCount(c.getWritten());
      report.freed = ByteCount(c.getFreed());
      report.waits_for = printable(c.getWaitsFor());
      return ChoreReport(std::move(report));
    }
    case Answer::SCRUBBED: {
      const auto s = from.getScrubbed();
      ScrubReport report;
      report.packs = s.getPacks();
      report.objects = s.getObjects();
      report.bytes = ByteCount(s.getBytes());
      report.records_lost = s.getRecordsLost();
      return ChoreReport(std::move(report));
    }
    default: return fail(Error::invalid("the storage agent gave no report"));
  }
}

}  // namespace

void put_chore(const Chore& chore, wire::Chore::Builder to) {
  if (const auto* prune = std::get_if<PruneChore>(&chore)) {
    EBB_CHECK(!prune->request.of_volumes, "rules for many volumes come from the manager");
    auto p = to.initPrune();
    const KeepRule& rule = prune->request.rule;
    auto r = p.initRule();
    r.setLast(rule.last);
    r.setHourly(rule.hourly);
    r.setDaily(rule.daily);
    r.setWeekly(rule.weekly);
    r.setMonthly(rule.monthly);
    r.setYearly(rule.yearly);
    p.setMinimumAge(static_cast<std::uint64_t>(prune->request.minimum_age.count()));
    if (prune->request.volume) p.setVolume(kj_bytes(prune->request.volume->view()));
    if (prune->raise_minimum_age) {
      p.setRaiseMinimumAge(static_cast<std::uint64_t>(prune->raise_minimum_age->count()));
    }
    p.setOnlyLook(prune->only_look);
  } else if (const auto* collect = std::get_if<CollectChore>(&chore)) {
    auto c = to.initCollect();
    c.setRewriteFrom(collect->rewrite_from);
    c.setOnlyLook(collect->only_look);
  } else {
    to.initScrub().setRepair(std::get<ScrubChore>(chore).mode == ScrubMode::repair);
  }
}

Result<Chore> chore_from(wire::Chore::Reader from) {
  if (from.isPrune()) {
    const auto p = from.getPrune();
    const auto r = p.getRule();
    PruneChore chore;
    chore.request.rule = {r.getLast(),   r.getHourly(),  r.getDaily(),
                          r.getWeekly(), r.getMonthly(), r.getYearly()};
    chore.request.minimum_age = TRY(seconds_in(p.getMinimumAge()));
    if (p.getVolume().size() != 0) chore.request.volume = TRY(name_in<VolumeId>(p.getVolume()));
    if (p.getRaiseMinimumAge() != 0) {
      chore.raise_minimum_age = TRY(seconds_in(p.getRaiseMinimumAge()));
    }
    chore.only_look = p.getOnlyLook();
    return Chore(std::move(chore));
  }
  if (from.isCollect()) {
    const CollectChore chore{from.getCollect().getRewriteFrom(), from.getCollect().getOnlyLook()};
    if (chore.rewrite_from > 100) {
      return fail(Error::invalid("{} percent of a pack", chore.rewrite_from));
    }
    return Chore(chore);
  }
  if (from.isScrub()) {
    return Chore(ScrubChore{from.getScrub().getRepair() ? ScrubMode::repair : ScrubMode::look});
  }
  return fail(Error::mismatch("this storage agent does not know that chore; is it older?"));
}

void put_report(const ChoreReport& report, std::uint64_t from, wire::ChoreAnswer::Builder to) {
  std::visit([&](const auto& which) { put_counts(which, from, to); }, report);
}

Result<std::uint64_t> take_report(wire::ChoreAnswer::Reader from,
                                  std::optional<ChoreReport>& report) {
  if (!report) report = TRY(counts_in(from));
  for (const auto detail : from.getDetails()) {
    TRY(std::visit([&](auto& which) { return take(detail, which); }, *report));
  }
  return std::uint64_t{from.getDetails().size()};
}

}  // namespace ebb
