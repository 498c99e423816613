// SPDX-License-Identifier: Apache-2.0
#include "wire/control/client/control_values.h"

#include <algorithm>

#include "wire/error_bridge.h"

namespace ebb::control {

namespace {

wire::Outcome as_wire(Outcome outcome) {
  switch (outcome) {
    case Outcome::running: return wire::Outcome::RUNNING;
    case Outcome::done: return wire::Outcome::DONE;
    case Outcome::incomplete: return wire::Outcome::INCOMPLETE;
    case Outcome::failed: return wire::Outcome::FAILED;
  }
  return wire::Outcome::FAILED;
}

std::string cut(const std::string& text, std::size_t most) {
  return text.substr(0, most);
}

// What a manager takes: one line of so many bytes. A name of a file may have anything in it.
std::string line_of(const std::string& text, std::size_t most) {
  std::string line = cut(text, most);
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }, '?');
  return line;
}

}  // namespace

void put_jobs(std::span<const JobToReport> jobs, capnp::List<wire::Job>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    const JobToReport& job = jobs[i];
    to[i].setId(as_data(job.id.view()));
    to[i].setKind(job.kind.c_str());
    to[i].setPolicy(job.policy.c_str());
    to[i].setRun(job.run);
    to[i].setRepository(job.repository.c_str());
    if (job.volume) to[i].setVolume(as_data(job.volume->view()));
    to[i].setLabel(line_of(job.label, max_text).c_str());
    to[i].setStarted(job.started.nanoseconds);
    if (job.ended) to[i].setEnded(job.ended->nanoseconds);
    to[i].setOutcome(as_wire(job.outcome));
    to[i].setMessage(line_of(job.message, max_message_text).c_str());
    to[i].setBytesRead(job.bytes_read);
    to[i].setBytesStored(job.bytes_stored);
    if (job.point) to[i].setPoint(as_data(job.point->view()));
  }
}

void put_claims(std::span<const VolumeToClaim> claims, capnp::List<wire::VolumeClaim>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setVolume(as_data(claims[i].volume.view()));
    to[i].setLabel(line_of(claims[i].label, max_text).c_str());
    to[i].setPolicy(claims[i].policy.c_str());
  }
}

void put_points(std::span<const PointToTell> points, capnp::List<wire::Point>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setPoint(as_data(points[i].point.view()));
    to[i].setVolume(as_data(points[i].volume.view()));
    to[i].setSequence(points[i].sequence);
    to[i].setCreated(points[i].created.nanoseconds);
    to[i].setArrived(points[i].arrived.nanoseconds);
    to[i].setDeviceBytes(points[i].device_bytes);
    to[i].setStoredBytes(points[i].stored_bytes);
  }
}

Result<IssuedTicket> take_ticket(wire::TicketAnswer::Reader answer, const TicketVerifyKey& key) {
  if (answer.isRefused()) return fail(to_error(answer.getRefused()));
  const auto issued = answer.getIssued();
  if (issued.getTicket().size() > max_ticket_bytes)
    return fail(Error::invalid("a ticket too long"));
  IssuedTicket made;
  made.bytes = copy_of(bytes_in(issued.getTicket()));
  made.ticket = TRY(during(open_ticket(made.bytes, key), "taking a ticket from the manager"));
  made.address = TRY(text_in(issued.getAddress(), "address"));
  return made;
}

Result<SourceOrders> take_orders(wire::SourceOrders::Reader answer) {
  if (answer.isRefused()) return fail(to_error(answer.getRefused()));
  const auto from = answer.getOrders();
  TRY(at_most(from.getPolicies(), max_policies, "policies"));
  TRY(at_most(from.getRuns(), max_runs, "requests to run"));
  SourceOrders orders;
  for (const auto policy : from.getPolicies()) {
    PolicyOrder order;
    order.name = TRY(text_in(policy.getName(), "policy's name"));
    order.repository = TRY(text_in(policy.getRepository(), "repository's name"));
    TRY(at_most(policy.getVolumes(), max_patterns, "volumes of a policy"));
    for (const auto pattern : policy.getVolumes()) {
      order.volumes.push_back(TRY(text_in(pattern, "pattern", max_pattern_bytes)));
    }
    order.every_seconds = policy.getEverySeconds();
    order.bytes_per_second = policy.getBytesPerSecond();
    order.window_begin = policy.getWindowBegin();
    order.window_end = policy.getWindowEnd();
    // Commands are for a shell, which takes any character; they are not printed.
    const auto before = policy.getBefore();  // Each look at a text counts against the bound.
    const auto after = policy.getAfter();
    if (before.size() > max_long_text || after.size() > max_long_text) {
      return fail(Error::invalid("a command is too long"));
    }
    order.before = before.cStr();
    order.after = after.cStr();
    TRY(at_most(policy.getSettings(), max_settings, "settings of a policy"));
    for (const auto setting : policy.getSettings()) {
      order.settings.push_back(TRY(text_in(setting, "setting")));
    }
    orders.policies.push_back(std::move(order));
  }
  for (const auto run : from.getRuns()) {
    orders.runs.push_back({run.getNumber(), TRY(text_in(run.getPolicy(), "policy's name"))});
  }
  return orders;
}

Result<void> take_keep(capnp::List<wire::VolumeKeep>::Reader from, std::vector<KeepOrder>& to) {
  TRY(at_most(from, max_kept_volumes, "volumes"));
  for (const auto keep : from) {
    const auto rule = keep.getRule();
    to.push_back({TRY(name_in<WireVolumeId>(keep.getVolume(), "volume's id")), rule.getLast(),
                  rule.getHourly(), rule.getDaily(), rule.getWeekly(), rule.getMonthly(),
                  rule.getYearly()});
  }
  return {};
}

Result<StorageOrders> take_orders(wire::StorageOrders::Reader answer) {
  if (answer.isRefused()) return fail(to_error(answer.getRefused()));
  const auto from = answer.getOrders();
  TRY(at_most(from.getRepositories(), max_repositories, "repositories"));
  TRY(at_most(from.getRevoked(), max_revocations, "revocations"));
  StorageOrders orders;
  for (const auto repository : from.getRepositories()) {
    StoredRepository stored;
    stored.name = TRY(text_in(repository.getName(), "repository's name"));
    stored.listing = repository.getListing();
    stored.told = TRY(maybe_name_in<ToldMark>(repository.getMark(), "mark"));
    stored.has_more = repository.getMore();
    TRY(take_keep(repository.getKeep(), stored.keep));
    orders.repositories.push_back(std::move(stored));
  }
  for (const auto holder : from.getRevoked()) {
    orders.revoked.push_back(TRY(name_in<HolderId>(holder, "holder's id")));
  }
  orders.heard.number = from.getRevocationsUpTo();
  orders.heard.at = {from.getLastRevokedAt()};
  if (!orders.revoked.empty()) orders.heard.last = orders.revoked.back();
  orders.rules_are_old = from.getRulesAreOld();
  return orders;
}

Result<std::vector<KnownRepository>> take_repositories(wire::RepositoriesAnswer::Reader answer) {
  if (answer.isRefused()) return fail(to_error(answer.getRefused()));
  TRY(at_most(answer.getRepositories(), max_repositories, "repositories"));
  std::vector<KnownRepository> known;
  for (const auto repository : answer.getRepositories()) {
    known.push_back({TRY(text_in(repository.getName(), "repository's name")),
                     TRY(text_in(repository.getStorage(), "agent's name")),
                     TRY(maybe_name_in<HolderId>(repository.getHolder(), "holder's id")),
                     TRY(text_in(repository.getAddress(), "address"))});
  }
  return known;
}

}  // namespace ebb::control
