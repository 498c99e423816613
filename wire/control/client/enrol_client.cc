// SPDX-License-Identifier: Apache-2.0
#include "wire/control/client/enrol_client.h"

#include "wire/control/bounded.h"
#include "wire/control/client/connection.h"
#include "wire/control/client/fetch_authority.h"
#include "wire/error_bridge.h"
#include "wire/schema/control.capnp.h"

namespace ebb::control {

namespace {

Result<Role> role_in(wire::Role role) {
  switch (role) {
    case wire::Role::STORAGE: return Role::storage;
    case wire::Role::SOURCE: return Role::source;
    case wire::Role::OPERATOR: return Role::operator_;
  }
  return fail(Error::mismatch("the manager gives a role that this host does not know"));
}

Result<void> take_answer(wire::EnrolmentAnswer::Reader answer, Identity& identity) {
  if (answer.isRefused()) return fail(to_error(answer.getRefused()));
  const auto admitted = answer.getAdmitted();
  identity.certificate =
      std::string(admitted.getCertificate().begin(), admitted.getCertificate().size());
  const CertificateFacts facts = TRY(facts_of(identity.certificate));
  if (facts.holder != identity.holder() || facts.common_name != identity.holder().hex()) {
    return fail(Error::mismatch("the manager answered with a certificate for another key"));
  }
  identity.role = TRY(role_in(admitted.getRole()));
  identity.ticket_key = TRY(name_in<TicketVerifyKey>(admitted.getTicketKey(), "ticket key"));
  identity.manager.port = admitted.getControlPort();
  return {};
}

Result<void> apply(const EnrolmentWish& wish, const Address& address, Identity& identity) {
  const auto connection = TRY(Connection::open(
      address, [&](kj::Timer& timer) { return anonymous_client_tls(identity.authority, timer); }));
  return catching([&]() -> Result<void> {
    auto request = connection->bootstrap().castAs<wire::Enrolment>().enrollRequest();
    auto application = request.initApplication();
    application.initProtocol().setOldest(oldest_protocol);
    application.getProtocol().setNewest(newest_protocol);
    application.setSecret(as_data(wish.token.secret.reveal()));
    application.setRequest(as_data(identity.key.request()));
    application.setName(wish.name.c_str());
    auto names = application.initServerNames(static_cast<unsigned>(wish.server_names.size()));
    for (unsigned i = 0; i < names.size(); ++i) names.set(i, wish.server_names[i].c_str());
    const auto response = connection->wait(request.send().dropPipeline());
    return take_answer(response.getAnswer(), identity);
  });
}

}  // namespace

Result<Identity> enroll(const EnrolmentWish& wish) {
  const Address address = wish.manager.value_or(wish.token.manager);
  Identity identity;
  identity.name = wish.name;
  identity.manager.host = address.host;
  auto folder = TRY(IdentityFolder::begin(wish.state_folder, identity.key));
  identity.authority = TRY(during(fetch_authority(address, wish.token.authority), "enrolling"));
  TRY(during(apply(wish, address, identity), "enrolling"));
  TRY(during(folder.publish(identity),
             "the manager admitted this host and the token is used up, but writing the identity "
             "failed; have it revoked, and enroll anew"));
  return identity;
}

}  // namespace ebb::control
