// SPDX-License-Identifier: Apache-2.0
// session_source.cc - what a source host may ask: tickets for its own volumes, and its orders.
#include "wire/control/manager/session_base.h"

namespace ebb::control {

namespace {

class SourceSession final : public SessionOf<wire::SourceSession> {
 public:
  using SessionOf::SessionOf;

  kj::Promise<void> ticket(TicketContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "ticket", answer, [&] {
      // The claims hold only if the ticket is made.
      return desk_.store.database().atomically(
          [&] { return claim_and_issue(context.getParams(), answer); });
    });
  }

  kj::Promise<void> poll(PollContext context) override {
    auto answer = context.getResults().initAnswer();
    return answer_with(desk_, "poll", answer, [&]() -> Result<void> {
      const Host host = TRY(caller());
      const WallTime now = desk_.clock.wall();
      const std::vector<Policy> policies = TRY(desk_.store.policies().concerning(host.name));
      const auto runs = TRY(desk_.store.policies().open_runs(host.name, now));
      TRY(desk_.store.hosts().seen(host, now));
      auto orders = answer.initOrders();
      auto list = orders.initPolicies(static_cast<unsigned>(policies.size()));
      for (unsigned i = 0; i < list.size(); ++i) put_policy(policies[i], host.name, list[i]);
      auto requests = orders.initRuns(static_cast<unsigned>(runs.size()));
      for (unsigned i = 0; i < requests.size(); ++i) {
        requests[i].setNumber(runs[i].number);
        requests[i].setPolicy(runs[i].policy.c_str());
      }
      return {};
    });
  }

 private:
  Result<void> claim_and_issue(TicketParams::Reader asked, wire::TicketAnswer::Builder answer) {
    const Host host = TRY(caller());
    TicketOrder order;
    order.repository = TRY(text_in(asked.getRepository(), "repository's name"));
    const auto verbs = Verbs::of_bits(asked.getVerbs());
    if (!verbs) return fail(Error::mismatch("verbs that this manager does not know; upgrade it"));
    order.verbs = *verbs;
    order.allowed = {Verb::add, Verb::read, Verb::keys};
    order.seconds = source_ticket_seconds;
    TRY(at_most(asked.getVolumes(), max_ticket_volumes, "volumes"));
    for (const auto claim : asked.getVolumes()) {
      order.volumes.push_back({TRY(name_in<CatalogVolumeId>(claim.getVolume(), "volume's id")),
                               TRY(text_in(claim.getLabel(), "volume's label")),
                               TRY(text_in(claim.getPolicy(), "policy's name"))});
    }
    TRY(desk_.store.catalog().may_use(order.repository, host, desk_.store.policies()));
    order.bytes_per_second = TRY(bandwidth_of(order, host));
    TRY(desk_.store.catalog().claim(order.repository, host, order.volumes));
    return issue_ticket(desk_, host, order, answer);
  }

  // Of the one policy that all volumes are under; none when they are under several or by hand.
  Result<std::uint64_t> bandwidth_of(const TicketOrder& order, const Host& host) {
    std::optional<std::uint64_t> bound;
    bool differ = false;
    for (const VolumeClaimRow& claim : order.volumes) {
      std::uint64_t own = 0;
      if (!claim.policy.empty()) {
        const Policy policy = TRY(desk_.store.policies().named(claim.policy));
        if (policy.repository != order.repository || patterns_for(policy, host.name).empty()) {
          return fail(
              Error::denied("the policy \"{}\" does not concern {} and the repository \"{}\"",
                            claim.policy, host.name, order.repository));
        }
        own = policy.bytes_per_second;
      }
      differ = differ || (bound && *bound != own);
      bound = own;
    }
    return differ ? 0 : bound.value_or(0);
  }

  static void put_policy(const Policy& policy, const std::string& host, wire::Policy::Builder to) {
    to.setName(policy.name.c_str());
    to.setRepository(policy.repository.c_str());
    const std::vector<std::string> here = patterns_for(policy, host);
    auto volumes = to.initVolumes(static_cast<unsigned>(here.size()));
    for (unsigned i = 0; i < volumes.size(); ++i) volumes.set(i, here[i].c_str());
    to.setEverySeconds(policy.every_seconds);
    to.setBytesPerSecond(policy.bytes_per_second);
    to.setWindowBegin(policy.window.begin);
    to.setWindowEnd(policy.window.end);
    to.setBefore(policy.before.c_str());
    to.setAfter(policy.after.c_str());
    auto settings = to.initSettings(static_cast<unsigned>(policy.settings.size()));
    for (unsigned i = 0; i < settings.size(); ++i) settings.set(i, policy.settings[i].c_str());
  }
};

}  // namespace

wire::SourceSession::Client make_source_session(Desk& desk, const HolderId& holder) {
  return kj::heap<SourceSession>(desk, holder);
}

}  // namespace ebb::control
