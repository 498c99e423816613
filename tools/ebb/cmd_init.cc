// SPDX-License-Identifier: Apache-2.0
// cmd_init.cc - ebb init: makes a repository, its keys, and this host's source key.
#include <unistd.h>

#include <filesystem>
#include <ostream>

#include "engine/repo/source_key.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : "unnamed";
}

class Init final : public Command {
 public:
  explicit Init(CLI::App& app) {
    app.add_option("REPO", repo_, "Folder to make the repository in; made when it is not there")
        ->required();
    common_.declare_passphrase(app);
    common_.declare_source_key(app);
    common_.declare_output(app);
    app.footer(
        "Example:\n  ebb init /srv/backup/web1\n"
        "  ebb init /srv/backup/web1 --passphrase-file /root/ebb.pass --json");
  }

  Result<ExitCode> run(Outside& outside) override {
    const SecretBuffer secret = TRY(new_passphrase(outside));
    std::error_code error;
    const bool is_here = !names_an_agent(repo_);
    if (is_here) {
      const bool is_new = std::filesystem::create_directories(repo_, error);
      if (error) return fail(Error::from_errno(error.value()).during("making {}", repo_));
      // A folder that was there keeps its mode until it is sure to become a repository.
      if (is_new) std::filesystem::permissions(repo_, std::filesystem::perms::owner_all, error);
    }

    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(1, outside));
    Files* files = TRY(host->open_place(repo_, show));
    NewRepository made =
        TRY(during(Repository::create(*files, host->ring(), outside.random, outside.clock.wall(),
                                      secret.reveal(), host_name()),
                   "making the repository {}", repo_));
    if (is_here) std::filesystem::permissions(repo_, std::filesystem::perms::owner_all, error);
    // The paper key is shown whatever becomes of the source key: it cannot be shown again.
    const std::string key_path = source_key_path(common_, outside, made.config.id);
    const auto kept = write_source_key(key_path, made.source);
    if (common_.json) {
      print_json(outside, {{"repository", made.config.id.hex()},
                           {"source_key", kept ? key_path : ""},
                           {"paper_key", paper_key_text(made.paper)}});
    } else {
      outside.out << "Repository " << made.config.id.hex() << " is in " << repo_ << "\n";
      if (kept) {
        outside.out << "This host's source key is in " << key_path
                    << " (backs up; opens no backup)\n";
      }
      outside.out << "\nWrite this paper key down now and keep it away from this machine. It opens "
                     "the\nrepository when the passphrase is forgotten, and it is not shown "
                     "again:\n\n  "
                  << paper_key_text(made.paper) << "\n"
                  << std::endl;
    }
    TRY(during(kept,
               "the repository was made, but this host's source key was not (make one with "
               "`ebb key add --source FILE`)"));
    return ExitCode::done;
  }

 private:
  Result<SecretBuffer> new_passphrase(Outside& outside) {
    const bool given =
        !common_.passphrase_file.empty() || outside.environment("EBB_PASSPHRASE_FILE").has_value();
    if (given) return passphrase(common_, outside);
    SecretBuffer first = TRY(outside.ask_secret("Passphrase for the new repository: "));
    const SecretBuffer second = TRY(outside.ask_secret("The same again: "));
    if (!same_bytes(first.reveal(), second.reveal())) {
      return fail(Error::invalid("the two passphrases differ; nothing was made"));
    }
    if (first.empty()) return fail(Error::invalid("the passphrase is empty; nothing was made"));
    return first;
  }

  CommonOptions common_;
  std::string repo_;
};

}  // namespace

std::unique_ptr<Command> make_init(CLI::App& app) {
  return std::make_unique<Init>(
      *app.add_subcommand("init", "Make a repository, its keys and this host's source key"));
}

}  // namespace ebb
