// SPDX-License-Identifier: Apache-2.0
// session_base.h - what the sessions of all roles share. Inside of wire/control/manager/ only.
#pragma once

#include <kj/async.h>

#include "wire/control/bounded.h"
#include "wire/control/manager/sessions.h"
#include "wire/error_bridge.h"

namespace ebb::control {

// Runs `work`; what it refuses becomes the answer's refusal.
template <class Answer, class Work>
kj::Promise<void> answer_with(Desk& desk, std::string_view call, Answer answer, Work&& work) {
  const Result<void> done = work();
  if (!done) {
    desk.events.event(fmt::format("refused {}: {}", call, done.error().text()));
    put_refusal(done.error(), answer.initRefused());
  }
  return kj::READY_NOW;
}

// A certificate for a host's own key, valid for a year.
Result<std::string> certificate_for(Desk& desk, Bytes request, Role role,
                                    const std::vector<std::string>& server_names, WallTime until);
Result<std::string> renewed_certificate(Desk& desk, const Host& host, Bytes request);
Result<void> take_jobs(Desk& desk, const Host& host, capnp::List<wire::Job>::Reader jobs);

struct TicketOrder {
  std::string repository;
  Verbs verbs;
  Verbs allowed;  // For the caller's role.
  std::vector<VolumeClaimRow> volumes;
  bool all_volumes = false;
  std::int64_t seconds = 0;
  std::uint64_t bytes_per_second = 0;
};
Result<void> issue_ticket(Desk& desk, const Host& host, const TicketOrder& order,
                          wire::TicketAnswer::Builder answer);

template <class Interface>
class SessionOf : public Interface::Server {
 public:
  SessionOf(Desk& desk, const HolderId& holder) : desk_(desk), holder_(holder) {}

  kj::Promise<void> renew(wire::Session::Server::RenewContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "renew", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      answer.setCertificate(
          TRY(renewed_certificate(desk_, host, bytes_in(context.getParams().getRequest())))
              .c_str());
      return {};
    });
  }

  kj::Promise<void> reportJobs(wire::Session::Server::ReportJobsContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "reportJobs", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      TRY(take_jobs(desk_, host, context.getParams().getJobs()));
      answer.setDone();
      return {};
    });
  }

 protected:
  // Who calls, as long as it is let in.
  Result<Host> caller() const { return desk_.store.hosts().known(holder_); }

  Desk& desk_;
  const HolderId holder_;
};

}  // namespace ebb::control
