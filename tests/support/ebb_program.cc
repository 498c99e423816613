// SPDX-License-Identifier: Apache-2.0
#include "tests/support/ebb_program.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string_view>

#include "devmap/core/check.h"
#include "tests/support/image_file.h"

namespace ebb::test {

namespace {

nlohmann::json last_line_as_json(const std::string& text) {
  const std::string whole = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
  const std::size_t before = whole.rfind('\n');
  auto json = nlohmann::json::parse(before == std::string::npos ? whole : whole.substr(before + 1),
                                    nullptr, false);
  return json.is_discarded() ? nlohmann::json() : json;
}

}  // namespace

std::string ebb_program_path() {
  const char* given = std::getenv("EBB_PROGRAM");
  return given != nullptr ? given : EBB_PROGRAM;
}

nlohmann::json EbbRun::finding(const std::string& id) const {
  if (!json.is_object() || !json.contains("findings")) return {};
  for (const auto& finding : json["findings"]) {
    if (finding["id"] == id) return finding;
  }
  return {};
}

std::ostream& operator<<(std::ostream& to, const EbbRun& run) {
  return to << "exit code " << run.exit_code << "\n" << run.out << run.err;
}

EbbProgram::EbbProgram(const TemporaryFolder& folder, const std::string& elsewhere)
    : repository(elsewhere.empty() ? folder / "repository" : elsewhere),
      address(repository),
      passphrase(folder / "passphrase"),
      source_key(folder / "source.key"),
      folder_(folder.path()) {
  write_text(passphrase, "correct horse battery staple\n");
  const char* const wire = std::getenv("EBB_TEST_WIRE");
  if (wire == nullptr) return;
  EBB_CHECK(std::string_view(wire) == "unix", "EBB_TEST_WIRE is unix or not set");
  agent_ = std::make_unique<StorageProgram>(
      folder / "storage.sock", repository,
      // Tests are on small disks, and fill them.
      std::vector<std::string>{"--leave-free", "0", "--leave-free-percent", "0"});
  address = agent_->address();
}

std::unique_ptr<StartedProgram> EbbProgram::start(Arguments arguments) const {
  arguments.insert(arguments.begin(), ebb_program_path());
  arguments.push_back("--json");
  return StartedProgram::start(
      arguments,
      {{"EBB_REPO", address}, {"EBB_PASSPHRASE_FILE", passphrase}, {"EBB_SOURCE_KEY", source_key}});
}

EbbRun EbbProgram::run(Arguments arguments) const {
  return end_of(*start(std::move(arguments)));
}

EbbRun EbbProgram::backup(const std::string& device, const std::string& volume,
                          const Arguments& more) const {
  Arguments arguments{"backup", device, "--volume", volume};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments);
}

EbbProgram::Arguments EbbProgram::restore_arguments(const std::string& point,
                                                    const std::string& target,
                                                    const Arguments& more) const {
  Arguments arguments{"restore", point, target, "--journal", journal_of(target)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string EbbProgram::journal_of(const std::string& target) const {
  std::string name = target;
  std::ranges::replace(name, '/', '-');
  return folder_ + "/journal" + name;
}

EbbRun EbbProgram::restore(const std::string& point, const std::string& target,
                           const Arguments& more) const {
  Arguments arguments = restore_arguments(point, target, more);
  arguments.push_back("--yes");
  return run(arguments);
}

EbbRun EbbProgram::check(const std::string& point, const std::string& target,
                         const Arguments& more) const {
  Arguments arguments = restore_arguments(point, target, more);
  arguments.push_back("--check");
  return run(arguments);
}

std::string EbbProgram::passphrase_file(const std::string& name, const std::string& text) const {
  write_text(folder_ + "/" + name, text + "\n");
  return folder_ + "/" + name;
}

EbbRun end_of(StartedProgram& program) {
  EbbRun run;
  run.exit_code = program.exit_code();
  run.out = program.output();
  run.err = program.errors();
  run.json = last_line_as_json(run.out);
  return run;
}

std::vector<std::string> packs_of(const std::string& repository) {
  std::vector<std::string> packs;
  for (const auto& entry : std::filesystem::directory_iterator(repository + "/packs")) {
    packs.push_back(entry.path().string());
  }
  std::ranges::sort(packs);
  return packs;
}

std::uint64_t bytes_in_packs(const std::string& repository) {
  std::uint64_t sum = 0;
  for (const std::string& pack : packs_of(repository)) sum += std::filesystem::file_size(pack);
  return sum;
}

}  // namespace ebb::test
