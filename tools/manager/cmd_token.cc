// SPDX-License-Identifier: Apache-2.0
// cmd_token.cc - ebb-manager token: what lets a host in, once.
#include <ostream>

#include "tools/manager/command.h"

namespace ebb::control {

namespace {

class TokenCreate final : public Command {
 public:
  explicit TokenCreate(CLI::App& app) {
    app.add_option("--role", role_, "storage, source or operator")
        ->required()
        ->check(CLI::IsMember({"storage", "source", "operator"}));
    app.add_option("--expires", expires_, "How long it may be used: 30m, 1h, 7d")
        ->capture_default_str();
    app.add_option("--host", host_,
                   "Only for a host of this name; needed to give a revoked host's name, and with "
                   "it its volumes, to another key");
    app.add_option("--server-name", server_names_,
                   "Only for these names or addresses of a storage agent (repeatable)");
    options_.declare(app);
    app.footer(
        "The token is a secret: who has it first is let in. It is shown once, and used once.\n\n"
        "Examples:\n  ebb-manager token create --role storage\n"
        "  ebb-manager token create --role source --host web1 --expires 10m");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const WallTime now = outside.clock.wall();
    const TokenOrder order{*role_named(role_), host_, server_names_, TRY(after(outside, expires_))};
    const Token token = Token::make(store->authority_digest(), store->address(), outside.random);
    TRY(store->hosts().add_token(token.digest(), order, now));
    say(options_, outside,
        {{"token", token.text()}, {"role", role_}, {"expires", order.expires.text()}},
        token.text());
    if (!options_.json) {
      outside.err << fmt::format("lets one {} in, until {}\n", role_, order.expires.text())
                  << std::flush;
    }
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string role_;
  std::string expires_ = "1h";
  std::string host_;
  std::vector<std::string> server_names_;
};

class TokenList final : public Command {
 public:
  explicit TokenList(CLI::App& app) {
    options_.declare(app);
    app.footer(
        "Secrets are not kept and cannot be shown again.\n\nExample:\n  ebb-manager token list");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const WallTime now = outside.clock.wall();
    nlohmann::json list = nlohmann::json::array();
    std::string text =
        fmt::format("{:<12} {:<10} {:<20} {:<22} {}", "TOKEN", "ROLE", "FOR", "EXPIRES", "STATE");
    for (const TokenRow& row : TRY(store->hosts().tokens())) {
      const char* state = row.used ? "used" : row.order.expires <= now ? "expired" : "open";
      const std::string id = row.digest.hex().substr(0, 12);
      list.push_back({{"id", id},
                      {"role", name_of(row.order.role)},
                      {"host", row.order.host},
                      {"created", row.created.text()},
                      {"expires", row.order.expires.text()},
                      {"used", json_of_time(row.used)},
                      {"state", state}});
      text += fmt::format("\n{:<12} {:<10} {:<20} {:<22} {}", id, name_of(row.order.role),
                          row.order.host.empty() ? "any" : row.order.host, row.order.expires.text(),
                          state);
    }
    say(options_, outside, list, text);
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
};

std::unique_ptr<Command> make_create(CLI::App& app) {
  return std::make_unique<TokenCreate>(*app.add_subcommand("create", "Make a token and print it"));
}
std::unique_ptr<Command> make_list(CLI::App& app) {
  return std::make_unique<TokenList>(*app.add_subcommand("list", "List tokens, without secrets"));
}
constexpr CommandMaker actions[] = {make_create, make_list};

}  // namespace

std::unique_ptr<Command> make_token(CLI::App& app) {
  return std::make_unique<CommandGroup>(*app.add_subcommand("token", "Tokens that let hosts in"),
                                        actions);
}

}  // namespace ebb::control
