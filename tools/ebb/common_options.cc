// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <ostream>

#include "engine/repo/source_key.h"
#include "tools/ebb/command.h"

namespace ebb {

void CommonOptions::declare_repo(CLI::App& app) {
  app.add_option("--repo", repo, "Folder of the repository (or EBB_REPO)");
}
void CommonOptions::declare_passphrase(CLI::App& app) {
  app.add_option("--passphrase-file", passphrase_file,
                 "File that holds the passphrase or paper key (or EBB_PASSPHRASE_FILE); asked for "
                 "when not given");
}
void CommonOptions::declare_source_key(CLI::App& app) {
  app.add_option("--source-key", source_key, "This host's source key file (or EBB_SOURCE_KEY)");
}
void CommonOptions::declare_output(CLI::App& app) {
  app.add_flag("--json", json, "Print one line of JSON for programs");
  app.add_flag("-q,--quiet", quiet, "No progress");
}

Result<std::string> repo_path(const CommonOptions& options, const Outside& outside) {
  if (!options.repo.empty()) return options.repo;
  if (const auto from_environment = outside.environment("EBB_REPO")) return *from_environment;
  return fail(Error::invalid("which repository? Give --repo FOLDER or set EBB_REPO"));
}

Result<SecretBuffer> read_passphrase(const std::string& file, const char* environment,
                                     const std::string& prompt, Outside& outside) {
  std::string path = file;
  if (path.empty() && environment != nullptr) path = outside.environment(environment).value_or("");
  if (path.empty()) {
    SecretBuffer asked = TRY(outside.ask_secret(prompt));
    if (asked.empty()) return fail(Error::invalid("the passphrase is empty"));
    return asked;
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    return fail(Error::from_errno(errno).during("reading the passphrase file {}", path));
  }
  SecretBuffer secret(limits::max_passphrase_bytes + 1);
  std::size_t length = 0;
  while (length < secret.room().size()) {
    const ssize_t got =
        ::read(fd.get(), secret.room().data() + length, secret.room().size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Error::from_errno(errno).during("reading {}", path));
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > limits::max_passphrase_bytes) {
    return fail(Error::invalid("the passphrase in {} is longer than {} bytes", path,
                               limits::max_passphrase_bytes));
  }
  if (length > 0 && secret.room()[length - 1] == std::byte{'\n'}) --length;
  if (length == 0) return fail(Error::invalid("the passphrase file {} is empty", path));
  secret.truncate(length);
  return secret;
}

Result<SecretBuffer> passphrase(const CommonOptions& options, Outside& outside) {
  return read_passphrase(options.passphrase_file, "EBB_PASSPHRASE_FILE",
                         "Passphrase (or paper key) of the repository: ", outside);
}

std::string source_key_path(const CommonOptions& options, const Outside& outside,
                            const RepositoryId& repository) {
  if (!options.source_key.empty()) return options.source_key;
  if (const auto from_environment = outside.environment("EBB_SOURCE_KEY")) return *from_environment;
  const std::string name = "ebb/sources/" + repository.hex() + ".key";
  if (::geteuid() == 0) return "/etc/" + name;
  if (const auto config = outside.environment("XDG_CONFIG_HOME")) return *config + "/" + name;
  return outside.environment("HOME").value_or(".") + "/.config/" + name;
}

Result<ReadingKeys> reading_keys(const CommonOptions& options, Outside& outside,
                                 Repository& repository, NeedsKeyring needs) {
  const RepositoryConfig& config = repository.config();
  if (needs == NeedsKeyring::no) {
    const std::string path = source_key_path(options, outside, config.id);
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
      SourceKey key = TRY(read_source_key(path));
      if (key.repository != config.id) {
        return fail(Error::mismatch("the source key {} belongs to repository {}, this one is {}",
                                    path, key.repository.hex(), config.id.hex()));
      }
      Members members = TRY(repository.keys().members(key.authority, &key.id_key));
      return ReadingKeys{std::move(key.id_key), std::nullopt, std::move(members)};
    }
  }
  const SecretBuffer secret = TRY(passphrase(options, outside));
  UnlockedKeyring keyring = TRY(repository.keys().unlock(secret.reveal()));
  // The keyring, not the configuration, says who the authority is.
  const VerifyKey authority = verify_key_of(keyring.keyring.authority);
  Members members = TRY(repository.keys().members(authority, &keyring.keyring.id_key));
  IdKey id_key = keyring.keyring.id_key.duplicate();
  return ReadingKeys{std::move(id_key), std::move(keyring), std::move(members)};
}

}  // namespace ebb
