// SPDX-License-Identifier: Apache-2.0
// program.cc - the program ebb-manager: a table of commands, and what they share.
#include <ostream>

#include "tools/manager/command.h"
#include "wire/control/manager/policies.h"

namespace ebb::control {

namespace {

constexpr ConfigKey keys[] = {{"dir", "EBB_MANAGER_DIR"}, {"listen"}, {"enroll-listen"}};

constexpr ProgramText text{
    "ebb-manager",
    "ebb-manager knows who belongs to a backup system, what is backed up and when; it never "
    "carries content.",
    "ebb-manager 0.1.0",
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 5 damage found, 6 busy, 130 interrupted. Each "
    "command\nhas examples in its --help.",
    "manager.toml",
    keys};

constexpr CommandMaker makers[] = {make_init,  make_rebuild,    make_recovery_key, make_serve,
                                   make_token, make_repository, make_policy,       make_status,
                                   make_hosts, make_volumes,    make_points,       make_jobs,
                                   make_run,   make_revoke,     make_audit};

}  // namespace

void ManagerOptions::declare(CLI::App& app) {
  app.add_option("--dir", folder, "The manager's folder (or EBB_MANAGER_DIR)")
      ->default_str(default_folder);
  app.add_flag("--json", json, "Print one line of JSON");
}

std::string manager_folder(const ManagerOptions& options, const Outside& outside) {
  if (!options.folder.empty()) return options.folder;
  return outside.environment("EBB_MANAGER_DIR").value_or(default_folder);
}

Result<std::unique_ptr<Store>> open_store(const ManagerOptions& options, const Outside& outside) {
  return Store::open(manager_folder(options, outside));
}

void say(const ManagerOptions& options, Outside& outside, const nlohmann::json& json,
         const std::string& line) {
  if (options.json) return print_json(outside, json);
  outside.out << line << std::endl;
}

Result<WallTime> after(const Outside& outside, const std::string& time) {
  const auto seconds = static_cast<std::int64_t>(TRY(parse_seconds(time)));
  return WallTime{outside.clock.wall().nanoseconds + seconds * 1'000'000'000};
}

std::string text_of_time(const std::optional<WallTime>& time) {
  return time ? time->text() : "-";
}

nlohmann::json json_of_time(const std::optional<WallTime>& time) {
  return time ? nlohmann::json(time->text()) : nlohmann::json();
}

ExitCode run_manager(const std::vector<std::string>& arguments, Outside& outside) {
  return run_program(text, makers, arguments, outside);
}

}  // namespace ebb::control
