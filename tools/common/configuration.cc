// SPDX-License-Identifier: Apache-2.0
#include "tools/common/configuration.h"

#include <algorithm>
#include <ostream>

#include "devmap/core/check.h"
#include "tools/common/print_settings.h"

namespace ebb {

namespace {

// The commands that run, whatever groups they are in.
void leaves_of(CLI::App& app, std::vector<CLI::App*>& leaves) {
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (CLI::App* command : below) leaves_of(*command, leaves);
  if (below.empty()) leaves.push_back(&app);
}

CLI::App& leaf_that_runs(CLI::App& app) {
  CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

// By its first name: the others of a flag are its opposites.
CLI::Option* option_named(CLI::App& app, const std::string& key) {
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_lnames().empty() && option->get_lnames().front() == key) return option;
  }
  return nullptr;
}

// Like `option`, for `config`: it only keeps what was given.
void declare_like(CLI::App& app, const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_lnames()) {
    const auto& opposites = option.get_fnames();
    const bool is_opposite = std::ranges::find(opposites, name) != opposites.end();
    names += (names.empty() ? "" : ",") + std::string(is_opposite ? "!--" : "--") + name;
  }
  const SettingKind kind = kind_of(option);
  if (kind == SettingKind::truth) {
    app.add_flag(names)->description(option.get_description());
    return;
  }
  CLI::Option* like = app.add_option(names);
  like->description(option.get_description())->type_name(option.get_type_name());
  if (kind == SettingKind::list || kind == SettingKind::tables)
    like->expected(1, CLI::detail::expected_max_vector_size);
}

}  // namespace

Configuration::Configuration(const ProgramText& text, std::span<const CommandMaker> makers,
                             CLI::App& app)
    : text_(text), known_commands_(known_, makers) {
  std::vector<CLI::App*> known;
  leaves_of(known_, known);
  for (const ConfigKey& key : text.keys) {
    CLI::Option* found = nullptr;
    for (CLI::App* command : known) {
      if (found == nullptr) found = option_named(*command, key.name);
    }
    EBB_CHECK(found != nullptr, "a key of the configuration is no option of any command");
    settings_.push_back(found);
  }
  command_ =
      app.add_subcommand("config", "Print the settings that hold, and where each comes from");
  for (const CLI::Option* setting : settings_) declare_like(*command_, *setting);
  command_->add_flag("--json", as_json_, "Print one line of JSON");
  command_->footer(fmt::format(
      "Prints what would hold with these options. What it prints is a configuration file.\n\n"
      "Examples:\n  {0} config\n  {0} config --config ./{1} --json",
      text.name, text.config_file));
  std::vector<CLI::App*> commands;
  leaves_of(app, commands);
  for (CLI::App* command : commands) {
    command->add_option("--config", named_,
                        fmt::format("File with defaults for options (default: {} in "
                                    "EBB_CONFIG_DIR, else in {})",
                                    text.config_file, default_config_folder));
  }
}

const char* Configuration::environment_of(const std::string& key) const {
  for (const ConfigKey& known : text_.keys) {
    if (key == known.name) return known.environment;
  }
  return nullptr;
}

bool Configuration::read(Outside& outside) {
  auto file = read_settings_file(named_, text_.config_file, settings_, outside);
  if (!file) {
    outside.err << text_.name << ": " << file.error().text() << std::endl;
    return false;
  }
  file_ = std::move(*file);
  for (const std::string& complaint : file_.complaints) {
    outside.err << text_.name << ": " << complaint << std::endl;
  }
  return file_.complaints.empty();
}

bool Configuration::apply(CLI::App& app, Outside& outside) {
  if (!read(outside)) return false;
  CLI::App& command = leaf_that_runs(app);
  for (const auto& [key, setting] : file_.settings) {
    CLI::Option* option = option_named(command, key);
    if (option == nullptr || option->count() != 0 || setting.texts.empty()) continue;
    const char* variable = environment_of(key);
    if (variable != nullptr && outside.environment(variable)) continue;  // The command reads it.
    const std::string why = give_values(*option, setting.texts);
    EBB_CHECK(why.empty(), "options of one name take different values");
  }
  return true;
}

std::optional<SettingNow> Configuration::now(CLI::Option& option, Outside& outside) const {
  const std::string key = option.get_lnames().front();
  SettingNow now{key, kind_of(option), {}, {}, "default"};
  if (now.kind == SettingKind::tables) now.table_keys = table_keys_of(option);
  const auto in_file = file_.settings.find(key);
  const CLI::Option* given = option_named(*command_, key);
  const char* variable = environment_of(key);
  const auto from_environment = variable != nullptr ? outside.environment(variable) : std::nullopt;
  if (given->count() != 0) {
    const std::string why = give_values(option, given->results());
    if (!why.empty()) {
      outside.err << fmt::format("{}: --{}: {}", text_.name, key, why) << std::endl;
      return std::nullopt;
    }
    now.values = option.results();  // With what its checks made of them.
    now.from = "command line";
  } else if (from_environment) {
    now.values = {*from_environment};
    now.from = fmt::format("environment {}", variable);
  } else if (in_file != file_.settings.end() && !in_file->second.texts.empty()) {
    now.values = in_file->second.texts;
    now.from = fmt::format("{}:{}", file_.path, in_file->second.place.line);
  } else if (!option.get_default_str().empty()) {
    now.values = {option.get_default_str()};
  }
  return now;
}

ExitCode Configuration::print(Outside& outside) {
  if (!read(outside)) return ExitCode::usage;
  std::vector<SettingNow> settings;
  for (CLI::Option* option : settings_) {
    auto setting = now(*option, outside);
    if (!setting) return ExitCode::usage;
    settings.push_back(std::move(*setting));
  }
  if (as_json_) {
    print_json(outside, json_of(settings, file_));
  } else {
    outside.out << toml_of(settings, file_) << std::flush;
  }
  return ExitCode::done;
}

}  // namespace ebb
