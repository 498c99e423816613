// SPDX-License-Identifier: Apache-2.0
// ebb_program.h - the real program ebb, with a repository and keys in a folder of its own.
//
// The program is $EBB_PROGRAM, else the one that was built with the tests. Where its repository,
// passphrase and source key are it learns from the environment, so that nothing of this machine's
// own (/etc/ebb) is read or written.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/started_program.h"
#include "tests/support/temporary_folder.h"
#include "tools/common/exit_code.h"

namespace ebb::test {

// How a run ended.
struct EbbRun {
  int exit_code = -1;
  std::string out;
  std::string err;
  nlohmann::json json;  // The last line of `out`; null when that is no JSON.

  bool is(ExitCode code) const { return exit_code == static_cast<int>(code); }
  bool ok() const { return is(ExitCode::done); }
  // The finding of a restore's verdict with this id; null when there is none.
  nlohmann::json finding(const std::string& id) const;
};
// So that EXPECT_TRUE(run.ok()) << run shows what the program said.
std::ostream& operator<<(std::ostream& to, const EbbRun& run);

class EbbProgram {
 public:
  using Arguments = std::vector<std::string>;

  // In `folder`: the passphrase file, the source key, journals, and the repository, unless that
  // lies elsewhere. Nothing is made but the passphrase file.
  explicit EbbProgram(const TemporaryFolder& folder, const std::string& repository = "");

  // `ebb arguments... --json` to its end.
  EbbRun run(Arguments arguments) const;
  std::unique_ptr<StartedProgram> start(Arguments arguments) const;

  EbbRun init() const { return run({"init", repository}); }
  EbbRun backup(const std::string& device, const std::string& volume,
                const Arguments& more = {}) const;
  // With --yes and a journal in the folder.
  EbbRun restore(const std::string& point, const std::string& target,
                 const Arguments& more = {}) const;
  EbbRun check(const std::string& point, const std::string& target,
               const Arguments& more = {}) const;
  Arguments restore_arguments(const std::string& point, const std::string& target,
                              const Arguments& more = {}) const;
  std::string journal_of(const std::string& target) const;
  // Another passphrase file in the folder.
  std::string passphrase_file(const std::string& name, const std::string& passphrase) const;

  std::string repository;
  std::string passphrase;  // The file.
  std::string source_key;

 private:
  std::string folder_;
};

// $EBB_PROGRAM, else the one that was built with the tests; the others lie beside it.
std::string ebb_program_path();

// What the program under test says after all its lines were read.
EbbRun end_of(StartedProgram& program);

// The packs of a repository, in the order of their names.
std::vector<std::string> packs_of(const std::string& repository);
// Bytes in all packs that were published.
std::uint64_t bytes_in_packs(const std::string& repository);

}  // namespace ebb::test
