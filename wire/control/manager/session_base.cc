// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/session_base.h"

namespace ebb::control {

namespace {

Result<JobOutcome> outcome_in(wire::Outcome outcome) {
  switch (outcome) {
    case wire::Outcome::RUNNING: return JobOutcome::running;
    case wire::Outcome::DONE: return JobOutcome::done;
    case wire::Outcome::INCOMPLETE: return JobOutcome::incomplete;
    case wire::Outcome::FAILED: return JobOutcome::failed;
  }
  return fail(Error::invalid("a job ended in a way that this manager does not know"));
}

Result<JobRow> job_in(wire::Job::Reader from) {
  JobRow job;
  job.id = TRY(name_in<JobId>(from.getId(), "job's id"));
  job.kind = TRY(text_in(from.getKind(), "job's kind"));
  job.policy = TRY(text_in(from.getPolicy(), "job's policy"));
  job.run = TRY(count_in(from.getRun(), "runs"));
  job.repository = TRY(text_in(from.getRepository(), "job's repository"));
  job.volume = TRY(maybe_name_in<CatalogVolumeId>(from.getVolume(), "job's volume"));
  job.label = TRY(text_in(from.getLabel(), "job's label"));
  job.started = {from.getStarted()};
  if (from.getEnded() != 0) job.ended = WallTime{from.getEnded()};
  job.outcome = TRY(outcome_in(from.getOutcome()));
  job.message = TRY(text_in(from.getMessage(), "job's message", max_message_text));
  job.bytes_read = TRY(count_in(from.getBytesRead(), "bytes read"));
  job.bytes_stored = TRY(count_in(from.getBytesStored(), "bytes stored"));
  job.point = TRY(maybe_name_in<CatalogPointId>(from.getPoint(), "job's point"));
  return job;
}

}  // namespace

Result<std::string> certificate_for(Desk& desk, Bytes request, Role role,
                                    const std::vector<std::string>& server_names, WallTime until) {
  const WallTime from{desk.clock.wall().nanoseconds -
                      certificate_clock_skew_seconds * 1'000'000'000};
  const Purpose purpose = role == Role::storage ? Purpose::both : Purpose::client;
  return desk.store.authority().issue(request, {purpose, server_names, from, until});
}

Result<std::string> renewed_certificate(Desk& desk, const Host& host, Bytes request) {
  if (TRY(holder_in_request(request)) != host.holder) {
    return fail(
        Error::denied("a certificate is renewed for the key that it has; enroll anew for "
                      "another one"));
  }
  const WallTime now = desk.clock.wall();
  const WallTime until = days_after(now, certificate_days);
  const std::string made = TRY(certificate_for(desk, request, host.role, host.server_names, until));
  TRY(desk.store.hosts().renewed(host, until, now));
  desk.events.event(fmt::format("renewed host={} until={}", host.name, until.text()));
  return made;
}

Result<void> take_jobs(Desk& desk, const Host& host, capnp::List<wire::Job>::Reader jobs) {
  TRY(at_most(jobs, max_jobs, "jobs"));
  std::vector<JobRow> rows;
  for (const auto job : jobs) rows.push_back(TRY(job_in(job)));
  return desk.store.jobs().report(host, rows, desk.store.policies());
}

namespace {

// A ticket is renewed each hour, which is worth an entry a day; another one than before, at once.
constexpr std::int64_t audited_for_seconds = 86'400;

Result<void> audit_ticket(Desk& desk, const Host& host, const Ticket& ticket, WallTime now) {
  const std::string what =
      fmt::format("for {}, {} volumes", ticket.verbs.text(),
                  ticket.all_volumes ? "all" : std::to_string(ticket.volumes.size()));
  // What a person does is told each time.
  if (host.role != Role::source) {
    return desk.store.audit().append(now, host.name, "ticket", ticket.repository,
                                     ticket.id.hex() + " " + what);
  }
  std::string same = fmt::format("{} {}", what, ticket.bytes_per_second);
  for (const TicketVolume& volume : ticket.volumes) same += to_hex(volume);
  const std::pair key{host.holder, ticket.repository};
  const auto known = desk.audited_tickets.find(key);
  const WallTime since{now.nanoseconds - audited_for_seconds * 1'000'000'000};
  if (known != desk.audited_tickets.end() && known->second.first == same &&
      known->second.second > since && known->second.second <= now) {
    return {};
  }
  TRY(desk.store.audit().append(now, host.name, "ticket", ticket.repository,
                                ticket.id.hex() + " " + what));
  desk.audited_tickets.insert_or_assign(key, std::pair(std::move(same), now));
  return {};
}

}  // namespace

Result<void> issue_ticket(Desk& desk, const Host& host, const TicketOrder& order,
                          wire::TicketAnswer::Builder answer) {
  if (order.verbs.empty() || (order.verbs.bits() & ~order.allowed.bits()) != 0) {
    return fail(Error::denied("a {} may have tickets for {}, not for {}", name_of(host.role),
                              order.allowed.text(), order.verbs.text()));
  }
  const RepositoryRow repository = TRY(desk.store.catalog().repository(order.repository));
  if (!repository.holder) {
    return fail(Error::denied("the repository \"{}\" is at {}, which was revoked", repository.name,
                              repository.storage));
  }
  const WallTime now = desk.clock.wall();
  Ticket ticket;
  ticket.id = desk.random.name<TicketId>();
  ticket.holder = host.holder;
  ticket.storage = *repository.holder;
  ticket.repository = repository.name;
  ticket.verbs = order.verbs;
  ticket.all_volumes = order.all_volumes;
  for (const VolumeClaimRow& claim : order.volumes) ticket.volumes.push_back(claim.volume.bytes);
  ticket.not_before = now;
  ticket.not_after = {now.nanoseconds + order.seconds * 1'000'000'000};
  ticket.bytes_per_second = order.bytes_per_second;
  TRY(audit_ticket(desk, host, ticket, now));
  auto issued = answer.initIssued();
  issued.setTicket(as_data(sign_ticket(ticket, desk.store.ticket_key())));
  issued.setStorage(as_data(ticket.storage.view()));
  issued.setAddress(repository.address.c_str());
  return {};
}

}  // namespace ebb::control
