// SPDX-License-Identifier: Apache-2.0
// session_operator.cc - what an operator may ask: tickets to read and administer, and where
// repositories are.
#include "wire/control/manager/session_base.h"

namespace ebb::control {

namespace {

class OperatorSession final : public SessionOf<wire::OperatorSession> {
 public:
  using SessionOf::SessionOf;

  kj::Promise<void> ticket(TicketContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "ticket", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const auto asked = context.getParams();
      TicketOrder order;
      order.repository = TRY(text_in(asked.getRepository(), "repository's name"));
      const auto verbs = Verbs::of_bits(asked.getVerbs());
      if (!verbs) return fail(Error::mismatch("verbs that this manager does not know; upgrade it"));
      order.verbs = *verbs;
      order.allowed = {Verb::read, Verb::keys, Verb::administer, Verb::scrub};
      order.all_volumes = true;
      order.seconds = operator_ticket_seconds;
      return issue_ticket(desk_, host, order, answer);
    });
  }

  kj::Promise<void> repositories(RepositoriesContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "repositories", answer, [&]() -> Result<void> {
      TRY(caller());
      auto rows = TRY(desk_.store.catalog().repositories());
      auto list = answer.initRepositories(static_cast<unsigned>(rows.size()));
      for (unsigned i = 0; i < list.size(); ++i) {
        list[i].setName(rows[i].name.c_str());
        list[i].setStorage(rows[i].storage.c_str());
        if (rows[i].holder) list[i].setHolder(as_data(rows[i].holder->view()));
        list[i].setAddress(rows[i].address.c_str());
      }
      return {};
    });
  }
};

}  // namespace

wire::OperatorSession::Client make_operator_session(Desk& desk, const HolderId& holder) {
  return kj::heap<OperatorSession>(desk, holder);
}

}  // namespace ebb::control
