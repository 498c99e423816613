// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/manager_talk.h"

#include "devmap/core/version.h"
#include "tools/common/tell_jobs.h"
#include "wire/control/client/renewal.h"

namespace ebb {

namespace {

// Of a ticket's day at least this much less is left when the manager goes down.
constexpr double ticket_seconds = 3600;

}  // namespace

void ManagerTalk::talk() {
  const auto polled = poll();
  say_once("", polled ? ""
                      : "cannot reach the manager, and goes on with what it last said: " +
                            polled.error().text());
}

void ManagerTalk::say_once(const std::string& about, const std::string& line) {
  std::string& before = said_[about];
  if (before == line) return;
  world_.log(line.empty() ? (about.empty() ? "reached the manager again" : about + " is well again")
                          : line);
  before = line;
}

Result<void> ManagerTalk::poll() {
  const auto manager = TRY(control::ControlClient::connect(identity_->identity(), version_text));
  TRY(tell_jobs(*manager, world_.state, world_.log));
  const control::SourceOrders orders = TRY(manager->poll_source());
  world_.state.change([&](AgentState& state) { state.take(orders); });
  renew_tickets(*manager);
  return renew_certificate(*manager);
}

// Asking for a ticket also says where the storage agent is.
void ManagerTalk::renew_tickets(control::ControlClient& manager) {
  std::set<std::string> repositories;
  const auto known = world_.state.read([&](const AgentState& state) {
    for (const auto& policy : state.policies) repositories.insert(policy.repository);
    return state.addresses;
  });
  for (const std::string& repository : repositories) {
    const double now = world_.clock.steady_seconds();
    const auto renewed = renewed_.find(repository);
    if (known.contains(repository) && renewed != renewed_.end() &&
        now - renewed->second < ticket_seconds) {
      continue;
    }
    {
      const std::lock_guard lock(world_.busy.mutex);
      if (world_.busy.names.contains(repository)) continue;
      world_.busy.renewing.insert(repository);
    }
    const auto issued = identity_->renew(repository, manager);
    {
      const std::lock_guard lock(world_.busy.mutex);
      world_.busy.renewing.erase(repository);
    }
    if (!issued) {
      say_once("the ticket for " + repository,
               "got no ticket for " + repository + ": " + issued.error().text());
      continue;
    }
    if (issued->address.empty()) {
      say_once("the ticket for " + repository,
               "the manager has not heard yet where " + repository + " is");
      continue;
    }
    say_once("the ticket for " + repository, "");
    renewed_[repository] = now;
    world_.state.change([&](AgentState& state) { state.addresses[repository] = issued->address; });
  }
}

Result<void> ManagerTalk::renew_certificate(control::ControlClient& manager) {
  const auto renewed = TRY(control::renew_certificate_when_due(
      manager, identity_->identity(), world_.state_folder, world_.clock.wall()));
  if (!renewed) return {};
  identity_ = TRY(HostIdentity::read(world_.state_folder, world_.clock, version_text));
  world_.log("renewed the certificate");
  return {};
}

}  // namespace ebb
