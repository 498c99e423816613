// SPDX-License-Identifier: Apache-2.0
// cmd_serve.cc - ebb-storage serve: keeps repositories and serves them until it is told to end.
#include <filesystem>
#include <ostream>

#include "tools/common/host_identity.h"
#include "tools/common/service_notice.h"
#include "tools/common/size_text.h"
#include "tools/common/time_option.h"
#include "tools/storage/command.h"
#include "tools/storage/manager_poll.h"
#include "wire/agent/storage_service.h"
#include "wire/control/time_window.h"

namespace ebb {

namespace {

class Serve final : public Command {
 public:
  explicit Serve(CLI::App& app) {
    app.add_option("--repository", repositories_, "As often as there are repositories")
        ->type_name("NAME=FOLDER");
    app.add_option("--socket", socket_, "Unix socket to listen on");
    app.add_option(
        "--listen", listen_,
        "Address for other machines, e.g. 0.0.0.0:7442; needs `ebb-storage enroll` before");
    app.add_option("--address", address_,
                   "What other machines dial, as the manager tells them (default: as enrolled)");
    app.add_option("--state", state_, "Folder of this host's identity (or EBB_STATE)")
        ->default_str(default_state_folder);
    add_time_option(app, "--poll", poll_, "Between looks at the manager",
                    {std::chrono::seconds(1), std::chrono::hours(1)});
    app.add_option("--runs", bounds_.runs, "Backups at once; more of them wait")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    app.add_option("--connections", bounds_.connections,
                   "Connections at once; more are turned away")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option(
           "--retention-every", retention_every_,
           "Remove points by the manager's rules and collect garbage so often: 12h, 1d; off")
        ->type_name("TIME|off")
        ->capture_default_str();
    app.add_option("--scrub-every", scrub_every_, "Look for rot and mend it so often; off")
        ->type_name("TIME|off")
        ->capture_default_str();
    app.add_option("--housekeeping-window", window_,
                   "Begin these only then, local time, such as 22:00-06:00")
        ->type_name("FROM-TO");
    app.add_option("--leave-free", leave_free_,
                   "Begin no backup with less free on a repository's disk")
        ->type_name("SIZE")
        ->capture_default_str();
    app.add_option("--leave-free-percent", bounds_.room_to_leave.percent,
                   "The same in percent of the disk; the larger counts")
        ->check(CLI::Range(0, 99))
        ->capture_default_str();
    app.add_option("--threads", threads_, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    app.footer(
        "Examples:\n  ebb-storage serve --repository web1=/srv/backup/web1 --socket "
        "/run/ebb/storage.sock\n"
        "  ebb-storage serve --repository web1=/srv/backup/web1 --listen 0.0.0.0:7442\n\n"
        "The socket is for root and the user that the agent runs as; other machines come with a "
        "certificate and\na ticket of the manager. A folder that is empty becomes a repository by "
        "`ebb init`. SIGTERM ends it:\nwhat arrived is kept, and what was committed is safe.");
  }

  Result<ExitCode> run(Outside& outside) override {
    if (repositories_.empty()) {
      outside.err << "ebb-storage: which repositories? Give --repository NAME=FOLDER, or "
                     "[[repository]] in storage.toml"
                  << std::endl;
      return ExitCode::usage;
    }
    StorageService::Wishes wishes;
    bounds_.room_to_leave.bytes = TRY(parse_size(leave_free_));
    wishes.bounds = bounds_;
    wishes.socket = socket_;
    wishes.threads = threads_;
    for (const std::string& text : repositories_) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return fail(Error::invalid("\"{}\" is not NAME=FOLDER", text));
      }
      const std::string folder = text.substr(equals + 1);
      std::error_code error;
      std::filesystem::create_directories(folder, error);
      if (error) return fail(Error::from_errno(error.value()).during("making {}", folder));
      wishes.repositories.emplace_back(text.substr(0, equals), folder);
    }
    const auto log = [&](std::string_view line) { outside.err << line << std::endl; };
    if (listen_.empty() && socket_.empty()) {
      return fail(Error::invalid("where shall it listen? Give --socket, --listen, or both"));
    }
    std::optional<control::Identity> identity;
    if (!listen_.empty()) {
      identity = TRY(control::read_identity(identity_folder(outside)));
      if (identity->role != control::Role::storage) {
        return fail(
            Error::denied("this host is enrolled as {}, not as storage", name_of(identity->role)));
      }
      wishes.secure =
          SecureListening{listen_, TRY(PrivateKey::of_pem(identity->key.pem().reveal())),
                          identity->certificate, identity->authority, identity->ticket_key};
    }
    const std::string own = TRY(own_folder(outside));
    KeptStorageState kept(file_in(own, "state.json"), storage_state_of, log);
    Housekeeping housekeeping(
        {names_of(wishes.repositories), kept, outside.clock, outside.stop, log},
        TRY(housekeeping_plan()));
    // The manager may be down, and has told of them already.
    wishes.revoked = kept.read([](const StorageState& state) { return state.revoked; });
    wishes.chored = [&](const ChoreNews& news) { housekeeping.chored(news); };
    const auto service =
        TRY(StorageService::make(std::move(wishes), outside.clock, outside.random, log));
    outside.out << fmt::format("listening socket={} port={} repositories={} runs={} memory={}\n",
                               socket_, service->port(), repositories_.size(), bounds_.runs,
                               size_text(bounds_.memory()))
                << std::flush;
    std::optional<ManagerPoll> poll;
    if (identity) {
      const std::string address =
          !address_.empty() ? address_ : fmt::format("{}:{}", identity->name, service->port());
      poll.emplace(ManagerPoll::World{*service, std::move(*identity), identity_folder(outside),
                                      address, kept, ManagerCopies(file_in(own, "manager-copies")),
                                      outside.clock, outside.random, log},
                   poll_);
    }
    tell_service_manager(outside, service_is_ready);
    TRY(service->run(outside.stop, [&] { housekeeping.tick(*service); }));
    tell_service_manager(outside, service_is_stopping);
    return ExitCode::done;
  }

 private:
  std::optional<std::string> state_folder(const Outside& outside) const {
    if (!state_.empty()) return state_;
    return outside.environment("EBB_STATE");
  }

  std::string identity_folder(const Outside& outside) const {
    return state_folder(outside).value_or(default_state_folder);
  }

  // Empty, so that nothing is kept over a restart, for an agent that has no folder of its own.
  Result<std::string> own_folder(const Outside& outside) const {
    auto folder = state_folder(outside);
    if (!folder && !listen_.empty()) folder = default_state_folder;
    if (!folder) return std::string();
    const std::string own = *folder + "/storage";
    std::error_code error;
    std::filesystem::create_directories(own, error);
    if (error) return fail(Error::from_errno(error.value()).during("making {}", own));
    return own;
  }
  static std::string file_in(const std::string& folder, const char* name) {
    return folder.empty() ? folder : folder + "/" + name;
  }

  Result<HousekeepingPlan> housekeeping_plan() const {
    const auto period = [](const std::string& text) -> Result<std::chrono::seconds> {
      return text == "off" ? std::chrono::seconds(0) : TRY(parse_age(text));
    };
    HousekeepingPlan plan;
    plan.retention_every = TRY(during(period(retention_every_), "--retention-every"));
    plan.scrub_every = TRY(during(period(scrub_every_), "--scrub-every"));
    if (!window_.empty()) {
      const auto window = TRY(during(control::parse_window(window_), "--housekeeping-window"));
      plan.window = {window.begin, window.end};
    }
    return plan;
  }

  static std::vector<std::string> names_of(
      const std::vector<std::pair<std::string, std::string>>& repositories) {
    std::vector<std::string> names;
    for (const auto& [name, folder] : repositories) names.push_back(name);
    return names;
  }

  std::vector<std::string> repositories_;
  std::string socket_;
  std::string listen_;
  std::string address_;
  std::string state_;
  std::chrono::seconds poll_{30};
  std::string retention_every_ = "1d";
  std::string scrub_every_ = "7d";
  std::string window_;
  std::string leave_free_ = "1GiB";
  StorageBounds bounds_;
  unsigned threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_storage_serve(CLI::App& app) {
  return std::make_unique<Serve>(
      *app.add_subcommand("serve", "Keep repositories and serve them until told to end"));
}

}  // namespace ebb
