// SPDX-License-Identifier: Apache-2.0
// cmd_repository.cc - ebb-manager repository: where backups are kept, and who may use what.
#include "tools/manager/command.h"

namespace ebb::control {

namespace {

class RepositoryCreate final : public Command {
 public:
  explicit RepositoryCreate(CLI::App& app) {
    app.add_option("NAME", name_, "1 to 64 of a-z, 0-9, '.', '_' and '-'")->required();
    app.add_option("--storage", storage_, "The storage agent that keeps it")->required();
    options_.declare(app);
    app.footer(
        "Makes the name known. What is in the repository, and its keys, are made by `ebb init` "
        "with an\noperator's identity.\n\nExample:\n"
        "  ebb-manager repository create main --storage store1");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const Host storage = TRY(store->hosts().named(storage_));
    TRY(store->catalog().create_repository(name_, storage, outside.clock.wall()));
    say(options_, outside, {{"repository", name_}, {"storage", storage.name}},
        fmt::format("the repository {} is at {}", name_, storage.name));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string name_;
  std::string storage_;
};

class RepositoryAllow final : public Command {
 public:
  explicit RepositoryAllow(CLI::App& app) {
    app.add_option("NAME", name_, "The repository")->required();
    app.add_option("--host", host_, "The source host that may use it by hand")->required();
    options_.declare(app);
    app.footer(
        "A source host may use the repositories of the policies that concern it. This lets it use "
        "another\none, for its own volumes.\n\nExample:\n"
        "  ebb-manager repository allow main --host web1");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const Host host = TRY(store->hosts().named(host_));
    TRY(store->catalog().allow(name_, host, outside.clock.wall()));
    say(options_, outside, {{"repository", name_}, {"host", host.name}},
        fmt::format("{} may use the repository {}", host.name, name_));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string name_;
  std::string host_;
};

class RepositoryList final : public Command {
 public:
  explicit RepositoryList(CLI::App& app) {
    options_.declare(app);
    app.footer("Example:\n  ebb-manager repository list");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    nlohmann::json list = nlohmann::json::array();
    std::string text = fmt::format("{:<24} {:<20} {:<28} {:>8} {:>8}", "REPOSITORY", "STORAGE",
                                   "ADDRESS", "VOLUMES", "POINTS");
    for (const RepositoryRow& row : TRY(store->catalog().repositories())) {
      list.push_back({{"repository", row.name},
                      {"storage", row.storage},
                      {"address", row.address},
                      {"volumes", row.volumes},
                      {"points", row.points}});
      text += fmt::format("\n{:<24} {:<20} {:<28} {:>8} {:>8}", row.name, row.storage,
                          row.address.empty() ? "-" : row.address, row.volumes, row.points);
    }
    say(options_, outside, list, text);
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
};

template <class Action>
std::unique_ptr<Command> action(CLI::App& app, const char* name, const char* what) {
  return std::make_unique<Action>(*app.add_subcommand(name, what));
}
std::unique_ptr<Command> make_create(CLI::App& app) {
  return action<RepositoryCreate>(app, "create", "Make a repository known");
}
std::unique_ptr<Command> make_allow(CLI::App& app) {
  return action<RepositoryAllow>(app, "allow", "Let a source host use it by hand");
}
std::unique_ptr<Command> make_list(CLI::App& app) {
  return action<RepositoryList>(app, "list", "List repositories");
}
constexpr CommandMaker actions[] = {make_create, make_allow, make_list};

}  // namespace

std::unique_ptr<Command> make_repository(CLI::App& app) {
  return std::make_unique<CommandGroup>(
      *app.add_subcommand("repository", "Where backups are kept, and who may use what"), actions);
}

}  // namespace ebb::control
