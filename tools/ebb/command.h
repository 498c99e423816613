// SPDX-License-Identifier: Apache-2.0
// command.h - the commands of the ebb program, and the options that they share.
#pragma once

#include "tools/common/engine_host.h"
#include "tools/common/program.h"
#include "tools/common/show_progress.h"

namespace ebb {

// Options that many commands share.
struct CommonOptions {
  std::string repo;
  std::string passphrase_file;
  std::string source_key;
  bool json = false;
  bool quiet = false;
  unsigned threads = 0;

  void declare_repo(CLI::App& app);
  void declare_passphrase(CLI::App& app);
  void declare_source_key(CLI::App& app);
  void declare_output(CLI::App& app);
};

// The repository's path: --repo, else EBB_REPO.
Result<std::string> repo_path(const CommonOptions& options, const Outside& outside);
// --passphrase-file, else EBB_PASSPHRASE_FILE, else a person. One trailing newline is dropped.
Result<SecretBuffer> read_passphrase(const std::string& file, const char* environment,
                                     const std::string& prompt, Outside& outside);
Result<SecretBuffer> passphrase(const CommonOptions& options, Outside& outside);
// --source-key, else EBB_SOURCE_KEY, else where `init` puts it.
std::string source_key_path(const CommonOptions& options, const Outside& outside,
                            const RepositoryId& repository);

// What a command that reads knows: always the id key, and the keyring when it was unlocked.
struct ReadingKeys {
  IdKey id_key;
  std::optional<UnlockedKeyring> keyring;
  Members members;
};
enum class NeedsKeyring { yes, no };  // no: the source key is enough, if it is there.
Result<ReadingKeys> reading_keys(const CommonOptions& options, Outside& outside,
                                 RepositoryAccess& repository, NeedsKeyring needs);

// The table of commands.
std::unique_ptr<Command> make_init(CLI::App& app);
std::unique_ptr<Command> make_backup(CLI::App& app);
std::unique_ptr<Command> make_points(CLI::App& app);
std::unique_ptr<Command> make_inspect(CLI::App& app);
std::unique_ptr<Command> make_restore(CLI::App& app);
std::unique_ptr<Command> make_verify(CLI::App& app);
std::unique_ptr<Command> make_diff(CLI::App& app);
std::unique_ptr<Command> make_scrub(CLI::App& app);
std::unique_ptr<Command> make_prune(CLI::App& app);
std::unique_ptr<Command> make_collect(CLI::App& app);
std::unique_ptr<Command> make_key(CLI::App& app);
std::unique_ptr<Command> make_bench(CLI::App& app);
std::unique_ptr<Command> make_track(CLI::App& app);
std::unique_ptr<Command> make_ebb_enroll(CLI::App& app);

// The whole program. Parses `arguments` (without the program's name) and runs the command.
ExitCode run_ebb(const std::vector<std::string>& arguments, Outside& outside);

}  // namespace ebb
