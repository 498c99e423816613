// SPDX-License-Identifier: Apache-2.0
// command.h - the commands of ebb-manager, and the options that they share.
//
// All but `serve` work on the manager's database themselves, beside a server that runs or without
// one. Links nothing of the engine: no command could carry content.
#pragma once

#include "tools/common/program.h"
#include "wire/control/manager/store.h"

namespace ebb::control {

inline constexpr const char* default_folder = "/var/lib/ebb-manager";

struct ManagerOptions {
  std::string folder;
  bool json = false;

  void declare(CLI::App& app);
};

// --dir, else EBB_MANAGER_DIR, else the default.
std::string manager_folder(const ManagerOptions& options, const Outside& outside);
Result<std::unique_ptr<Store>> open_store(const ManagerOptions& options, const Outside& outside);
// As JSON when that was asked for, else as text.
void say(const ManagerOptions& options, Outside& outside, const nlohmann::json& json,
         const std::string& text);
// An option's time from now on: "1h".
Result<WallTime> after(const Outside& outside, const std::string& time);
// "2026-11-22T14:40:24Z", or "-" when there is none; null in JSON.
std::string text_of_time(const std::optional<WallTime>& time);
nlohmann::json json_of_time(const std::optional<WallTime>& time);

// The table of commands.
std::unique_ptr<Command> make_init(CLI::App& app);
std::unique_ptr<Command> make_rebuild(CLI::App& app);
std::unique_ptr<Command> make_recovery_key(CLI::App& app);
std::unique_ptr<Command> make_serve(CLI::App& app);
std::unique_ptr<Command> make_token(CLI::App& app);
std::unique_ptr<Command> make_repository(CLI::App& app);
std::unique_ptr<Command> make_policy(CLI::App& app);
std::unique_ptr<Command> make_status(CLI::App& app);
std::unique_ptr<Command> make_hosts(CLI::App& app);
std::unique_ptr<Command> make_volumes(CLI::App& app);
std::unique_ptr<Command> make_points(CLI::App& app);
std::unique_ptr<Command> make_jobs(CLI::App& app);
std::unique_ptr<Command> make_run(CLI::App& app);
std::unique_ptr<Command> make_revoke(CLI::App& app);
std::unique_ptr<Command> make_audit(CLI::App& app);

// The whole program.
ExitCode run_manager(const std::vector<std::string>& arguments, Outside& outside);

}  // namespace ebb::control
