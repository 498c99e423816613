// SPDX-License-Identifier: Apache-2.0
// cmd_key.cc - ebb key: who can open a repository, and who can add to it.
#include <ostream>

#include "engine/flow/rotate.h"
#include "engine/repo/source_key.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

std::string_view name_of(SlotKind kind) {
  return kind == SlotKind::paper ? "paper" : "passphrase";
}

// One of several things that `ebb key` does.
class KeyAction {
 public:
  virtual ~KeyAction() = default;
  CLI::App* app = nullptr;
  virtual Result<ExitCode> run(Outside& outside) = 0;

 protected:
  KeyAction(CLI::App& parent, const char* name, const char* what)
      : app(parent.add_subcommand(name, what)) {
    common_.declare_repo(*app);
    common_.declare_passphrase(*app);
    common_.declare_output(*app);
  }
  Result<RepositoryAccess*> open(Outside& outside, StoreAccess access) {
    const std::string path = TRY(repo_path(common_, outside));
    host_ = TRY(EngineHost::make(1, outside));
    show_ = std::make_unique<ShowProgress>(outside, common_.quiet);
    return host_->open_repository(path, access, *show_);
  }
  Result<UnlockedKeyring> unlock(RepositoryAccess& repository, Outside& outside) {
    const SecretBuffer secret = TRY(passphrase(common_, outside));
    return repository.keys().unlock(secret.reveal());
  }
  void say(Outside& outside, const nlohmann::json& json, const std::string& text) {
    if (common_.json) return print_json(outside, json);
    outside.out << text << std::endl;
  }

  CommonOptions common_;
  std::unique_ptr<ShowProgress> show_;
  std::unique_ptr<EngineHost> host_;
};

class KeyList final : public KeyAction {
 public:
  explicit KeyList(CLI::App& parent)
      : KeyAction(parent, "list", "Slots that open the repository, sources that add to it") {
    common_.declare_source_key(*app);
    app->footer("Example:\n  ebb key list --repo /srv/backup/web1");
  }
  Result<ExitCode> run(Outside& outside) override {
    RepositoryAccess* repository = TRY(open(outside, StoreAccess::read));
    const ReadingKeys keys = TRY(reading_keys(common_, outside, *repository, NeedsKeyring::no));
    nlohmann::json slots = nlohmann::json::array();
    std::string text;
    for (const std::uint64_t generation : TRY(repository->keys().generations())) {
      for (const Slot& slot : TRY(repository->keys().slots(generation))) {
        slots.push_back({{"slot", slot.id.hex()},
                         {"kind", name_of(slot.kind)},
                         {"label", slot.label},
                         {"created", slot.created.text()},
                         {"generation", generation}});
        text += fmt::format("slot    {}  {:<10}  {}  {}\n", slot.id.hex(), name_of(slot.kind),
                            slot.created.text(), slot.label);
      }
    }
    nlohmann::json sources = nlohmann::json::array();
    for (const MemberSource& source : keys.members.sources) {
      sources.push_back(
          {{"source", source.key.hex()}, {"name", source.name}, {"active", source.active}});
      text += fmt::format("source  {}  {}  {}\n", source.key.hex().substr(0, 16),
                          source.active ? "active    " : "removed   ", source.name);
    }
    text += fmt::format("data keys are wrapped to {} recipient{}; members record {}",
                        keys.members.recipients.size(),
                        keys.members.recipients.size() == 1 ? "" : "s", keys.members.epoch);
    say(outside,
        {{"slots", slots},
         {"sources", sources},
         {"recipients", keys.members.recipients.size()},
         {"members_epoch", keys.members.epoch}},
        text);
    return ExitCode::done;
  }
};

class KeyAdd final : public KeyAction {
 public:
  explicit KeyAdd(CLI::App& parent)
      : KeyAction(parent, "add", "Add a passphrase, a paper key, or a source") {
    app->add_option("--new-passphrase-file", new_passphrase_file_,
                    "File that holds the new passphrase; asked for when not given");
    app->add_flag("--paper", paper_, "Add a paper key and print it once");
    app->add_option("--source", source_file_, "Make a source key for another host in this file");
    app->add_option("--name", name_, "Name of the new source, or label of the new slot");
    app->footer(
        "Examples:\n  ebb key add --new-passphrase-file /root/ann.pass --name Ann\n"
        "  ebb key add --paper\n  ebb key add --source web2.key --name web2");
  }
  Result<ExitCode> run(Outside& outside) override {
    RepositoryAccess* repository = TRY(open(outside, StoreAccess::write));
    const UnlockedKeyring keyring = TRY(unlock(*repository, outside));
    if (!source_file_.empty()) return add_source(*repository, keyring, outside);
    const WallTime now = outside.clock.wall();
    if (paper_) {
      PaperKey key;
      outside.random.fill(key.room());
      const Slot slot = make_paper_slot(keyring.name, keyring.key, key,
                                        name_.empty() ? "paper key" : name_, now, outside.random);
      TRY(repository->keys().add_slot(keyring.name.generation, slot));
      say(outside, {{"slot", slot.id.hex()}, {"paper_key", paper_key_text(key)}},
          "Write this paper key down now; it is not shown again:\n\n  " + paper_key_text(key) +
              "\n");
      return ExitCode::done;
    }
    const SecretBuffer secret =
        TRY(read_passphrase(new_passphrase_file_, nullptr, "New passphrase: ", outside));
    const Slot slot =
        TRY(make_passphrase_slot(keyring.name, keyring.key, secret.reveal(),
                                 name_.empty() ? "passphrase" : name_, now, outside.random));
    TRY(repository->keys().add_slot(keyring.name.generation, slot));
    say(outside, {{"slot", slot.id.hex()}}, "added slot " + slot.id.hex());
    return ExitCode::done;
  }

 private:
  Result<ExitCode> add_source(RepositoryAccess& repository, const UnlockedKeyring& keyring,
                              Outside& outside) {
    const VerifyKey authority = verify_key_of(keyring.keyring.authority);
    Members members = TRY(repository.keys().members(authority, &keyring.keyring.id_key));
    SourceKey key;
    key.repository = repository.config().id;
    key.authority = authority;
    key.id_key = keyring.keyring.id_key.duplicate();
    key.signing_seed = make_signing_seed(outside.random);
    key.name = name_.empty() ? "unnamed" : name_;
    // The file first: a member whose key nobody holds is harmless, but it would be litter.
    TRY(write_source_key(source_file_, key));
    members.sources.push_back({verify_key_of(key.signing_seed), true, key.name});
    ++members.epoch;
    TRY(repository.keys().publish_members(members, keyring.keyring));
    const std::string id = members.sources.back().key.hex();
    say(outside, {{"source", id}, {"file", source_file_}},
        fmt::format("source {} ({}) may add to this repository; carry {} to that host and delete "
                    "it here",
                    id.substr(0, 16), key.name, source_file_));
    return ExitCode::done;
  }

  std::string new_passphrase_file_;
  std::string source_file_;
  std::string name_;
  bool paper_ = false;
};

class KeyRemove final : public KeyAction {
 public:
  explicit KeyRemove(CLI::App& parent) : KeyAction(parent, "remove", "Remove a slot or a source") {
    app->add_option("ID", id_, "Id of a slot or source, or the start of one")->required();
    app->footer("Example:\n  ebb key remove 3fa91c");
  }
  Result<ExitCode> run(Outside& outside) override {
    RepositoryAccess* repository = TRY(open(outside, StoreAccess::write));
    const UnlockedKeyring keyring = TRY(unlock(*repository, outside));
    KeyStore& keys = repository->keys();
    const VerifyKey authority = verify_key_of(keyring.keyring.authority);
    Members members = TRY(keys.members(authority, &keyring.keyring.id_key));
    constexpr std::size_t shortest = 4;
    std::vector<SlotId> slots;
    for (const Slot& slot : TRY(keys.slots(keyring.name.generation))) {
      if (slot.id.hex().starts_with(id_)) slots.push_back(slot.id);
    }
    std::vector<MemberSource*> sources;
    for (MemberSource& source : members.sources) {
      if (source.active && source.key.hex().starts_with(id_)) sources.push_back(&source);
    }
    if (id_.size() < shortest || slots.size() + sources.size() != 1) {
      return fail(
          Error::invalid("\"{}\" names {} slots and {} active sources; `ebb key list` shows "
                         "them (give at least {} digits)",
                         id_, slots.size(), sources.size(), shortest));
    }
    if (!slots.empty()) {
      TRY(keys.remove_slot(keyring.name.generation, slots.front()));
      say(outside, {{"removed", slots.front().hex()}},
          "removed slot " + slots.front().hex() +
              "; whoever kept a copy of it and knows its passphrase could still open the keyring: "
              "`ebb key rotate` ends that");
      return ExitCode::done;
    }
    sources.front()->active = false;
    ++members.epoch;
    TRY(keys.publish_members(members, keyring.keyring));
    say(outside, {{"removed", sources.front()->key.hex()}},
        fmt::format("source {} can no longer add to this repository; its points stay",
                    sources.front()->name));
    return ExitCode::done;
  }

 private:
  std::string id_;
};

class KeyRotate final : public KeyAction {
 public:
  explicit KeyRotate(CLI::App& parent)
      : KeyAction(parent, "rotate",
                  "Make new keys, wrap all data keys anew, drop every other slot") {
    app->footer(
        "Example:\n  ebb key rotate --repo /srv/backup/web1\n\n"
        "The passphrase that was given opens the new keyring too, and a new paper key is "
        "printed. Other\npassphrases are dropped; add them again. No content is moved.");
  }
  Result<ExitCode> run(Outside& outside) override {
    RepositoryAccess* repository = TRY(open(outside, StoreAccess::write));
    const SecretBuffer secret = TRY(passphrase(common_, outside));
    const UnlockedKeyring keyring = TRY(repository->keys().unlock(secret.reveal()));
    if (paper_key_of(text_of(secret.reveal()))) {
      return fail(
          Error::invalid("rotate with a passphrase, not with the paper key: it stays valid "
                         "afterwards"));
    }
    const RotationReport report = TRY(during(
        rotate_keys(*repository, keyring, secret.reveal(), outside.clock.wall()), "rotating keys"));
    say(outside,
        {{"data_keys_wrapped", report.data_keys},
         {"slots_dropped", report.slots_dropped},
         {"paper_key", paper_key_text(report.paper)}},
        fmt::format("{} data keys were wrapped anew; {} slots of before were dropped.\nWrite this "
                    "new paper key down now; the old one is void:\n\n  {}\n",
                    report.data_keys, report.slots_dropped, paper_key_text(report.paper)));
    return ExitCode::done;
  }
};

class Key final : public Command {
 public:
  explicit Key(CLI::App& app) {
    app.require_subcommand(1);
    actions_.push_back(std::make_unique<KeyList>(app));
    actions_.push_back(std::make_unique<KeyAdd>(app));
    actions_.push_back(std::make_unique<KeyRemove>(app));
    actions_.push_back(std::make_unique<KeyRotate>(app));
    app.footer(
        "Examples:\n  ebb key list\n  ebb key add --paper\n"
        "  ebb key add --source web2.key --name web2\n  ebb key remove 3fa91c\n"
        "  ebb key rotate");
  }
  Result<ExitCode> run(Outside& outside) override {
    for (const auto& action : actions_) {
      if (action->app->parsed()) return action->run(outside);
    }
    return ExitCode::usage;
  }

 private:
  std::vector<std::unique_ptr<KeyAction>> actions_;
};

}  // namespace

std::unique_ptr<Command> make_key(CLI::App& app) {
  return std::make_unique<Key>(*app.add_subcommand("key", "List, add, remove and rotate keys"));
}

}  // namespace ebb
