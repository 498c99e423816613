// SPDX-License-Identifier: Apache-2.0
#include "tools/common/program.h"

#include <exception>
#include <ostream>

#include "tools/common/configuration.h"

namespace ebb {

namespace {

// Libraries that throw (no memory, a path that cannot be looked at) end here, in words.
Result<ExitCode> run_guarded(Command& command, Outside& outside) {
  try {
    return command.run(outside);
  } catch (const std::exception& error) {
    return fail(Error::lost("{}", error.what()));
  }
}

}  // namespace

CommandGroup::CommandGroup(CLI::App& app, std::span<const CommandMaker> makers) {
  app.require_subcommand(1);
  for (const CommandMaker make : makers) {
    auto command = make(app);
    commands_.emplace_back(app.get_subcommands({}).back(), std::move(command));
  }
}

Result<ExitCode> CommandGroup::run(Outside& outside) {
  for (const auto& [declared, command] : commands_) {
    if (declared->parsed()) return command->run(outside);
  }
  return ExitCode::usage;
}

ExitCode run_program(const ProgramText& text, std::span<const CommandMaker> makers,
                     const std::vector<std::string>& arguments, Outside& outside) {
  CLI::App app(text.what, text.name);
  app.set_version_flag("--version", text.version);
  app.footer(text.footer);
  CommandGroup commands(app, makers);
  Configuration configuration(text, makers, app);
  try {
    // CLI11 wants them last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    const bool is_help = app.exit(error, outside.out, outside.err) == 0;
    return is_help ? ExitCode::done : ExitCode::usage;
  }
  if (configuration.is_asked_for()) return configuration.print(outside);
  if (!configuration.apply(app, outside)) return ExitCode::usage;
  const auto ended = run_guarded(commands, outside);
  if (ended) return *ended;
  const bool interrupted = outside.stop.raised();
  outside.err << text.name << ": " << ended.error().text() << std::endl;
  return interrupted ? ExitCode::interrupted : exit_code_of(ended.error());
}

std::string give_values(CLI::Option& option, const std::vector<std::string>& texts) {
  option.clear();
  try {
    for (const std::string& text : texts) option.add_result(text);
    option.run_callback();
  } catch (const CLI::Error& error) {
    option.clear();
    const std::string why = error.what();
    const std::string begin = option.get_name() + ": ";
    return why.starts_with(begin) ? why.substr(begin.size()) : why;
  }
  return "";
}

std::string why_not_taken(CLI::Option& option, const std::vector<std::string>& texts) {
  std::string why = give_values(option, texts);
  option.clear();
  return why;
}

void print_json(Outside& outside, const nlohmann::json& json) {
  outside.out << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

}  // namespace ebb
