// SPDX-License-Identifier: Apache-2.0
// cmd_audit.cc - ebb-manager audit: who did what, and whether that was altered.
#include "tools/manager/command.h"

namespace ebb::control {

namespace {

class Audit final : public Command {
 public:
  explicit Audit(CLI::App& app) {
    app.add_flag("--verify", verify_, "Check that each entry follows the one before it");
    app.add_option("--seen", seen_,
                   "With --verify: a digest that it printed earlier must be there");
    options_.declare(app);
    app.footer(
        "Each entry names the digest of the one before. Whoever can write the database can write "
        "all of it\nanew, so keep what --verify prints somewhere else, and give it to --seen "
        "later.\n\nExamples:\n  ebb-manager audit\n  ebb-manager audit --verify");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    if (verify_ || !seen_.empty()) return check(*store, outside);
    nlohmann::json list = nlohmann::json::array();
    std::string text =
        fmt::format("{:>6} {:<20} {:<16} {:<20} {}", "NR", "AT", "WHO", "WHAT", "OF");
    TRY(store->audit().each([&](const AuditEntry& entry) {
      list.push_back({{"number", entry.number},
                      {"at", entry.at.text()},
                      {"actor", entry.actor},
                      {"action", entry.action},
                      {"subject", entry.subject},
                      {"detail", entry.detail},
                      {"digest", entry.digest.hex()}});
      text += fmt::format("\n{:>6} {:<20} {:<16} {:<20} {}{}{}", entry.number, entry.at.text(),
                          entry.actor, entry.action, entry.subject,
                          entry.detail.empty() ? "" : ": ", entry.detail);
    }));
    say(options_, outside, list, text);
    return ExitCode::done;
  }

 private:
  Result<ExitCode> check(Store& store, Outside& outside) {
    std::optional<AuditDigest> seen;
    if (!seen_.empty()) {
      seen = AuditDigest::from_hex_text(seen_);
      if (!seen) return fail(Error::invalid("\"{}\" is no digest of 64 digits", seen_));
    }
    const AuditLog::Verified verified = TRY(store.audit().verify(seen));
    say(options_, outside, {{"entries", verified.entries}, {"newest", verified.newest.hex()}},
        fmt::format("{} entries follow each other; the newest is {}", verified.entries,
                    verified.newest.hex()));
    return ExitCode::done;
  }

  ManagerOptions options_;
  bool verify_ = false;
  std::string seen_;
};

}  // namespace

std::unique_ptr<Command> make_audit(CLI::App& app) {
  return std::make_unique<Audit>(*app.add_subcommand("audit", "Who did what"));
}

}  // namespace ebb::control
