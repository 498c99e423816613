// SPDX-License-Identifier: Apache-2.0
// sessions.cc - the first words on each port: enrolment, and hello.
#include "wire/control/manager/session_base.h"

namespace ebb::control {

namespace {

wire::Role as_wire(Role role) {
  switch (role) {
    case Role::storage: return wire::Role::STORAGE;
    case Role::source: return wire::Role::SOURCE;
    case Role::operator_: return wire::Role::OPERATOR;
  }
  return wire::Role::SOURCE;
}

class Enrolment final : public wire::Enrolment::Server {
 public:
  Enrolment(Desk& desk, std::string peer) : desk_(desk), peer_(std::move(peer)) {}

  kj::Promise<void> enroll(EnrollContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "enroll from " + peer_, answer, [&]() -> Result<void> {
      const auto asked = context.getParams().getApplication();
      const auto protocol = asked.getProtocol();
      TRY(agree_on_protocol(protocol.getOldest(), protocol.getNewest(), "this host"));
      Applicant applicant;
      const Bytes secret = bytes_in(asked.getSecret());
      const Bytes request = bytes_in(asked.getRequest());
      if (secret.size() != TokenSecret::size) return fail(Error::invalid("this is no token"));
      applicant.token = digest_of_secret(secret);
      applicant.holder = TRY(holder_in_request(request));
      applicant.name = TRY(text_in(asked.getName(), "host's name"));
      TRY(at_most(asked.getServerNames(), max_server_names, "server names"));
      for (const auto name : asked.getServerNames()) {
        applicant.server_names.push_back(TRY(text_in(name, "server name")));
      }
      return admit(applicant, request, answer);
    });
  }

 private:
  Result<void> admit(const Applicant& applicant, Bytes request,
                     wire::EnrolmentAnswer::Builder answer) {
    const WallTime now = desk_.clock.wall();
    const WallTime until = days_after(now, certificate_days);
    // The token is used up only if the certificate can be made.
    std::string certificate;
    const Host host = TRY(desk_.store.database().atomically([&]() -> Result<Host> {
      Host admitted = TRY(desk_.store.hosts().admit(applicant, now, until));
      certificate =
          TRY(certificate_for(desk_, request, admitted.role, admitted.server_names, until));
      return admitted;
    }));
    desk_.events.event(fmt::format("enrolled host={} role={} holder={} from={}", host.name,
                                   name_of(host.role), short_text(host.holder), peer_));
    auto admitted = answer.initAdmitted();
    admitted.setCertificate(certificate.c_str());
    admitted.setRole(as_wire(host.role));
    admitted.setTicketKey(as_data(ticket_verify_key(desk_.store.ticket_key()).view()));
    admitted.setControlPort(desk_.control_port);
    return {};
  }

  Desk& desk_;
  const std::string peer_;
};

class Manager final : public wire::Manager::Server {
 public:
  Manager(Desk& desk, const HolderId& holder) : desk_(desk), holder_(holder) {}

  kj::Promise<void> hello(HelloContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "hello", answer, [&]() -> Result<void> {
      const Host host = TRY(desk_.store.hosts().known(holder_));
      const auto protocol = context.getParams().getProtocol();
      answer.setProtocol(
          TRY(agree_on_protocol(protocol.getOldest(), protocol.getNewest(), host.name)));
      TRY(text_in(context.getParams().getProgram(), "program's name"));
      TRY(desk_.store.hosts().seen(host, desk_.clock.wall()));
      switch (host.role) {
        case Role::source: answer.setSource(make_source_session(desk_, holder_)); break;
        case Role::storage: answer.setStorage(make_storage_session(desk_, holder_)); break;
        case Role::operator_: answer.setOperator(make_operator_session(desk_, holder_)); break;
      }
      return {};
    });
  }

 private:
  Desk& desk_;
  const HolderId holder_;
};

}  // namespace

wire::Enrolment::Client make_enrolment(Desk& desk, std::string peer) {
  return kj::heap<Enrolment>(desk, std::move(peer));
}

wire::Manager::Client make_manager(Desk& desk, const HolderId& holder) {
  return kj::heap<Manager>(desk, holder);
}

}  // namespace ebb::control
