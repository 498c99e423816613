// SPDX-License-Identifier: Apache-2.0
// cmd_policy.cc - ebb-manager policy: what is backed up, when, and how long it is kept.
#include "tools/common/size_text.h"
#include "tools/manager/command.h"

namespace ebb::control {

namespace {

nlohmann::json json_of(const Policy& policy) {
  return {{"policy", policy.name},
          {"repository", policy.repository},
          {"volumes", policy.volumes},
          {"every_seconds", policy.every_seconds},
          {"keep",
           {{"last", policy.keep.last},
            {"hourly", policy.keep.hourly},
            {"daily", policy.keep.daily},
            {"weekly", policy.keep.weekly},
            {"monthly", policy.keep.monthly},
            {"yearly", policy.keep.yearly}}},
          {"bytes_per_second", policy.bytes_per_second},
          {"window", window_text(policy.window)},
          {"before", policy.before},
          {"after", policy.after},
          {"settings", policy.settings}};
}

class PolicySet final : public Command {
 public:
  explicit PolicySet(CLI::App& app) {
    app.add_option("NAME", policy_.name, "The policy's name")->required();
    app.add_option("--repository", policy_.repository,
                   "Where the backups go (default: the only repository there is)");
    app.add_option("--volumes", policy_.volumes,
                   "HOST:PATH, HOST:serial=SERIAL or HOST:vg=NAME; HOST and PATH may hold * and ? "
                   "(repeatable)")
        ->required();
    app.add_option("--every", every_, "How often: 15m, 1h, 1d")->required();
    app.add_option("--keep-last", policy_.keep.last, "Keep the newest N points");
    app.add_option("--keep-hourly", policy_.keep.hourly, "Keep the newest point of N hours");
    app.add_option("--keep-daily", policy_.keep.daily, "... of N days");
    app.add_option("--keep-weekly", policy_.keep.weekly, "... of N weeks");
    app.add_option("--keep-monthly", policy_.keep.monthly, "... of N months");
    app.add_option("--keep-yearly", policy_.keep.yearly, "... of N years");
    app.add_option("--bandwidth", bandwidth_, "At most so many bytes a second: 50M");
    app.add_option("--window", window_,
                   "Begin only between these times of the source's day: 22:00-06:00");
    app.add_option("--before", policy_.before, "Command for the shell before each run");
    app.add_option("--after", policy_.after,
                   "Command for the shell after each run, however it ended");
    app.add_option("--set", policy_.settings,
                   "A setting of these backups, over what the host's ebb.toml says below [backup]: "
                   "snapshot=auto, compress=zstd:3, leave-out-free=true, ... (repeatable)")
        ->type_name("KEY=VALUE");
    options_.declare(app);
    app.footer(
        "Replaces the policy of that name as a whole. Without any --keep option everything is "
        "kept.\nHosts and storage agents learn of it at their next poll.\n\nExample:\n"
        "  ebb-manager policy set web --volumes 'web*:/dev/vg0/*' --every 1h --keep-hourly 24 \\\n"
        "    --keep-daily 14 --keep-weekly 8 --keep-monthly 12 --bandwidth 50M \\\n"
        "    --window 22:00-06:00 --set snapshot=auto");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    policy_.every_seconds = TRY(during(parse_seconds(every_), "--every"));
    if (!bandwidth_.empty()) {
      policy_.bytes_per_second = TRY(during(parse_size(bandwidth_), "--bandwidth")).value();
    }
    if (!window_.empty()) policy_.window = TRY(during(parse_window(window_), "--window"));
    if (policy_.repository.empty()) {
      const auto all = TRY(store->catalog().repositories());
      if (all.size() != 1) {
        return fail(
            Error::invalid("there are {} repositories; say which by --repository", all.size()));
      }
      policy_.repository = all.front().name;
    }
    TRY(store->policies().set(policy_, outside.clock.wall()));
    say(options_, outside, json_of(policy_),
        fmt::format("the policy {} backs up to {} every {}", policy_.name, policy_.repository,
                    seconds_text(policy_.every_seconds)));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  Policy policy_;
  std::string every_;
  std::string bandwidth_;
  std::string window_;
};

class PolicyList final : public Command {
 public:
  explicit PolicyList(CLI::App& app) {
    options_.declare(app);
    app.footer("Example:\n  ebb-manager policy list");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    nlohmann::json list = nlohmann::json::array();
    std::string text = fmt::format("{:<16} {:<16} {:<7} {:<24} {:<12} {}", "POLICY", "REPOSITORY",
                                   "EVERY", "KEEP l/h/d/w/m/y", "WINDOW", "VOLUMES");
    for (const Policy& policy : TRY(store->policies().all())) {
      list.push_back(json_of(policy));
      const KeepRuleRow& keep = policy.keep;
      std::string volumes;
      for (const std::string& pattern : policy.volumes) {
        volumes += (volumes.empty() ? "" : " ") + pattern;
      }
      for (const std::string& setting : policy.settings) volumes += " --set " + setting;
      text += fmt::format("\n{:<16} {:<16} {:<7} {:<24} {:<12} {}", policy.name, policy.repository,
                          seconds_text(policy.every_seconds),
                          keep == KeepRuleRow{}
                              ? "everything"
                              : fmt::format("{}/{}/{}/{}/{}/{}", keep.last, keep.hourly, keep.daily,
                                            keep.weekly, keep.monthly, keep.yearly),
                          window_text(policy.window), volumes);
    }
    say(options_, outside, list, text);
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
};

class PolicyRemove final : public Command {
 public:
  explicit PolicyRemove(CLI::App& app) {
    app.add_option("NAME", name_, "The policy")->required();
    options_.declare(app);
    app.footer(
        "Its volumes are not backed up any more, and what is there of them is kept.\n\nExample:\n"
        "  ebb-manager policy remove web");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    TRY(store->policies().remove(name_, outside.clock.wall()));
    say(options_, outside, {{"removed", name_}}, fmt::format("removed the policy {}", name_));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string name_;
};

class PolicyConfirm final : public Command {
 public:
  explicit PolicyConfirm(CLI::App& app) {
    options_.declare(app);
    app.footer(
        "After `ebb-manager rebuild` policies may be older than what storage agents were told, and "
        "they keep\npoints by the rules that they had, until this is said. Look at `policy list` "
        "first.\n\nExample:\n  ebb-manager policy confirm");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    TRY(store->policies().confirm(outside.clock.wall()));
    say(options_, outside, {{"confirmed", true}}, "storage agents keep points by these policies");
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
};

template <class Action>
std::unique_ptr<Command> action(CLI::App& app, const char* name, const char* what) {
  return std::make_unique<Action>(*app.add_subcommand(name, what));
}
std::unique_ptr<Command> make_set(CLI::App& app) {
  return action<PolicySet>(app, "set", "Make or replace a policy");
}
std::unique_ptr<Command> make_list(CLI::App& app) {
  return action<PolicyList>(app, "list", "List policies");
}
std::unique_ptr<Command> make_remove(CLI::App& app) {
  return action<PolicyRemove>(app, "remove", "Remove a policy; what is stored stays");
}
std::unique_ptr<Command> make_confirm(CLI::App& app) {
  return action<PolicyConfirm>(app, "confirm", "After a rebuild: these policies hold");
}
constexpr CommandMaker actions[] = {make_set, make_list, make_remove, make_confirm};

}  // namespace

std::unique_ptr<Command> make_policy(CLI::App& app) {
  return std::make_unique<CommandGroup>(
      *app.add_subcommand("policy", "What is backed up, when, and how long it is kept"), actions);
}

}  // namespace ebb::control
