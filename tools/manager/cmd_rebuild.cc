// SPDX-License-Identifier: Apache-2.0
// cmd_rebuild.cc - ebb-manager rebuild and recovery-key: the manager's folder again, of a copy that
// a storage agent kept.
#include "tools/manager/command.h"
#include "wire/control/protocol.h"
#include "wire/link/secret_file.h"

namespace ebb::control {

namespace {

class Rebuild final : public Command {
 public:
  explicit Rebuild(CLI::App& app) {
    app.add_option("COPY", copy_, "A copy, from the folder storage/manager-copies of an agent")
        ->required();
    app.add_option("DIR", place_, "The folder to make (default: as --dir)");
    app.add_option("--recovery-key-file", key_file_,
                   "File that holds the recovery key (default: asks for it)");
    app.add_option("--address", address_,
                   "Where hosts reach this manager now: HOST[:PORT] (default: as before)");
    options_.declare(app);
    app.footer(
        "Hosts, policies, revocations, repositories and the audit log are as they were when the "
        "copy was\nmade. Storage agents tell points again by themselves, and keep them by the "
        "rules "
        "that they had\nuntil `ebb-manager policy confirm`. Tokens that were not used are gone, "
        "and "
        "so is the list of jobs.\nLet the manager that was lost never run again beside this one. "
        "Hosts look for it where it was:\ngive this machine its name or address.\n\nExample:\n"
        "  scp store1:/var/lib/ebb/storage/manager-copies/2026-11-28T03-00-00Z.copy .\n"
        "  ebb-manager rebuild 2026-11-28T03-00-00Z.copy /var/lib/ebb-manager");
  }

  Result<ExitCode> run(Outside& outside) override {
    if (!place_.empty()) options_.folder = place_;
    const std::string folder = manager_folder(options_, outside);
    std::optional<Address> address;
    if (!address_.empty()) address = TRY(parse_address(address_, enrolment_port));
    const SecretBuffer copy = TRY(read_identity_file(copy_, Readers::everybody, max_copy_bytes));
    const RecoveryKey key = TRY(recovery_key(outside));
    const Store::Rebuilt rebuilt =
        TRY(during(Store::rebuild(folder, copy.reveal(), key, address, outside.clock.wall()),
                   "rebuilding the manager of {}", copy_));
    const auto store = TRY(Store::open(folder));
    const auto hosts = TRY(store->hosts().all());
    const auto policies = TRY(store->policies().all());
    const auto repositories = TRY(store->catalog().repositories());
    const std::string trouble = rebuilt.log_trouble ? rebuilt.log_trouble->text() : "";
    say(options_, outside,
        {{"folder", folder},
         {"address", store->address().text()},
         {"hosts", hosts.size()},
         {"policies", policies.size()},
         {"repositories", repositories.size()},
         {"last_entry", rebuilt.last_entry.text()},
         {"log_trouble", trouble}},
        fmt::format(
            "rebuilt the manager in {}: {} hosts, {} policies, {} repositories\n"
            "{}The last entry of its audit log is of {}; revoke again whom you revoked after "
            "that.\n"
            "next: ebb-manager serve --dir {}\n"
            "then: look at `ebb-manager policy list`, mend what was changed since, and run\n"
            "      `ebb-manager policy confirm`: until then storage agents keep points by the "
            "rules\n"
            "      that they had.",
            folder, hosts.size(), policies.size(), repositories.size(),
            trouble.empty() ? "" : "Its audit log does not hold together: " + trouble + "\n",
            rebuilt.last_entry.text(), folder));
    return ExitCode::done;
  }

 private:
  Result<RecoveryKey> recovery_key(const Outside& outside) const {
    const SecretBuffer text = key_file_.empty()
                                  ? TRY(outside.ask_secret("Recovery key: "))
                                  : TRY(read_identity_file(key_file_, Readers::everybody));
    if (auto key = recovery_key_of(text_of(text.reveal()))) return std::move(*key);
    return fail(
        Error::invalid("this is no recovery key: 11 groups of 5 characters, as `ebb-manager init` "
                       "showed it"));
  }

  ManagerOptions options_;
  std::string copy_;
  std::string place_;
  std::string key_file_;
  std::string address_;
};

class ShowRecoveryKey final : public Command {
 public:
  explicit ShowRecoveryKey(CLI::App& app) {
    options_.declare(app);
    app.footer(
        "To be written down and kept away from this machine. Whoever has it and a copy of the "
        "manager's state\nis the manager.\n\nExample:\n  ebb-manager recovery-key");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const std::string text = recovery_key_text(store->recovery_key());
    say(options_, outside, {{"recovery_key", text}}, text);
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_rebuild(CLI::App& app) {
  return std::make_unique<Rebuild>(
      *app.add_subcommand("rebuild", "Make a lost manager's folder again of a copy"));
}

std::unique_ptr<Command> make_recovery_key(CLI::App& app) {
  return std::make_unique<ShowRecoveryKey>(
      *app.add_subcommand("recovery-key", "Show the key that `rebuild` asks for"));
}

}  // namespace ebb::control
