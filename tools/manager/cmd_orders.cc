// SPDX-License-Identifier: Apache-2.0
// cmd_orders.cc - ebb-manager run and revoke: what a person orders now.
#include "tools/manager/command.h"
#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

class Run final : public Command {
 public:
  explicit Run(CLI::App& app) {
    app.add_option("POLICY", policy_, "The policy to run now")->required();
    options_.declare(app);
    app.footer(
        "Every host that the policy concerns begins at its next poll (30 s), or when it is back, "
        "within a week.\n\nExample:\n  ebb-manager run web");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const std::uint64_t hosts = TRY(store->policies().request_run(policy_, outside.clock.wall()));
    say(options_, outside, {{"policy", policy_}, {"hosts", hosts}},
        fmt::format("asked {} host{} to run the policy {}", hosts, hosts == 1 ? "" : "s", policy_));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string policy_;
};

class Revoke final : public Command {
 public:
  explicit Revoke(CLI::App& app) {
    app.add_option("HOST", host_, "Its name, or at least 8 digits of its holder id")->required();
    options_.declare(app);
    app.footer(
        "The manager refuses the host's key from now on, storage agents from their next poll on "
        "(every 30 s,\nas long as they reach the manager). Its points stay, and so does its name: "
        "`token create --host`\nlets a new key have it.\n\nExample:\n  ebb-manager revoke web1");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const HolderId holder = TRY(store->hosts().revoke(host_, outside.clock.wall()));
    say(options_, outside, {{"revoked", host_}, {"holder", holder.hex()}},
        fmt::format("revoked {} ({}); storage agents refuse it within {} s", host_,
                    short_text(holder), poll_seconds));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string host_;
};

}  // namespace

std::unique_ptr<Command> make_run(CLI::App& app) {
  return std::make_unique<Run>(*app.add_subcommand("run", "Ask hosts to run a policy now"));
}
std::unique_ptr<Command> make_revoke(CLI::App& app) {
  return std::make_unique<Revoke>(*app.add_subcommand("revoke", "Let a host in no more"));
}

}  // namespace ebb::control
