// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/repository.h"

#include <algorithm>

#include "engine/repo/body.h"

namespace ebb {

namespace {

constexpr std::uint32_t format_version = 1;

Result<void> remove_tree(Files& files, const std::string& name, bool is_folder) {
  if (is_folder) {
    for (const Files::Entry& entry : TRY(files.list(name))) {
      TRY(remove_tree(files, name + "/" + entry.name, entry.is_folder));
    }
  }
  return files.remove(name);
}

}  // namespace

ByteVector pack_config(const RepositoryConfig& config) {
  return BodyWriter()
      .raw(bytes_of("EBBREPO1"))
      .u32(format_version)
      .raw(config.id.view())
      .raw(config.authority.view())
      .u64(static_cast<std::uint64_t>(config.created.nanoseconds))
      .take();
}

Result<RepositoryConfig> unpack_config(Bytes body) {
  BodyReader reader(body);
  if (text_of(TRY(reader.raw(8))) != "EBBREPO1") {
    return fail(Error::damaged("this is no ebb repository"));
  }
  const std::uint32_t version = TRY(reader.u32());
  if (version != format_version) {
    return fail(Error::invalid("a repository of version {}; this ebb knows version {}", version,
                               format_version));
  }
  RepositoryConfig config;
  config.id = TRY(reader.name<RepositoryId>());
  config.authority = TRY(reader.name<VerifyKey>());
  config.created.nanoseconds = static_cast<std::int64_t>(TRY(reader.u64()));
  TRY(reader.end());
  return config;
}

Result<NewRepository> Repository::create(Files& files, Loop& loop, Random& random, WallTime now,
                                         Bytes passphrase, const std::string& source_name,
                                         const PassphraseCost& cost) {
  const auto there = TRY(files.list(""));
  if (!there.empty()) {
    const bool is_repository =
        std::ranges::find(there, layout::config, &Files::Entry::name) != there.end();
    return fail(Error::invalid(
        "{}", is_repository ? "there is a repository already" : "the folder is not empty"));
  }
  const Keyring keyring = Keyring::make(random);
  NewRepository made;
  made.config = {random.name<RepositoryId>(), verify_key_of(keyring.authority), now};
  random.fill(made.paper.room());
  made.source.repository = made.config.id;
  made.source.authority = made.config.authority;
  made.source.id_key = keyring.id_key.duplicate();
  made.source.signing_seed = make_signing_seed(random);
  made.source.name = source_name;

  KeyringKey key;
  random.fill(key.room());
  const KeyringName name{made.config.id, 1};
  const Slot slots[] = {
      TRY(make_passphrase_slot(name, key, passphrase, "passphrase", now, random, cost)),
      make_paper_slot(name, key, made.paper, "paper key", now, random)};

  for (const char* folder : {layout::temporary, layout::packs, layout::points, layout::keys,
                             layout::members, layout::envelopes, layout::lost}) {
    TRY(files.make_folder(folder));
  }
  TRY(files.sync_folder(""));
  ObjectStore objects(files, loop, random);
  KeyStore keys(objects, made.config.id);
  TRY(keys.publish_generation(keyring, name, key, slots));
  TRY(keys.publish_members({made.config.id,
                            1,
                            {hpke_public_key(keyring.recipients.front())},
                            {{verify_key_of(made.source.signing_seed), true, source_name}}},
                           keyring));
  TRY(objects.publish(ObjectType::repository, layout::config, pack_config(made.config)));
  return made;
}

Result<RepositoryConfig> Repository::read_config(Files& files, Loop& loop, Random& random) {
  ObjectStore objects(files, loop, random);
  const auto body = objects.read(ObjectType::repository, layout::config);
  if (!body && body.error().kind() == ErrorKind::absent) {
    return fail(Error::absent("there is no ebb repository here; `ebb init` makes one"));
  }
  if (!body) return fail(body.error());
  return unpack_config(*body);
}

Result<std::unique_ptr<Repository>> Repository::open(Files& files, Loop& loop, Random& random,
                                                     StoreAccess access) {
  const RepositoryConfig config = TRY(read_config(files, loop, random));
  std::unique_ptr<Repository> repository(new Repository(files, loop, random, config));
  if (access == StoreAccess::write) {
    auto lock = files.lock(layout::writer_lock);
    if (!lock && lock.error().kind() == ErrorKind::busy) {
      return fail(Error::busy("another ebb is writing to this repository; wait for it to end"));
    }
    repository->writer_lock_ = TRY(std::move(lock));
    TRY(repository->clear_leftovers());
    // What a killed writer renamed may not be durable yet, and this one may rely on it.
    TRY(files.sync_folder(layout::packs));
  }
  repository->packs_ = TRY(during(PackStore::open(files, loop, access), "opening the packs"));
  if (access == StoreAccess::write && !repository->packs_->whole() &&
      repository->packs_->packs().empty() && TRY(repository->point_names()).empty()) {
    TRY(repository->packs_->set_whole(true));  // Nothing is needed, so nothing is missing.
  }
  return repository;
}

// What a killed writer left: nobody else writes now, so all of it is garbage.
Result<void> Repository::clear_leftovers() {
  Files& files = objects_.files();
  TRY(files.make_folder(layout::temporary));
  for (const Files::Entry& entry : TRY(files.list(layout::temporary))) {
    TRY(remove_tree(files, std::string(layout::temporary) + "/" + entry.name, entry.is_folder));
  }
  return {};
}

Result<ByteVector> Repository::page(const PageDigest& digest) {
  const RecordName name = record_name(digest);
  std::optional<RecordPlace> place;
  TRY(packs_->look_up(std::span(&name, 1), std::span(&place, 1)));
  if (!place) return fail(Error::absent("map page {} is not in the repository", digest.hex()));
  ByteVector record = TRY(packs_->read_record(*place, RecordKind::page, name));
  record.erase(record.begin(), record.begin() + sizeof(RecordHeaderOnDisk));
  return record;
}

}  // namespace ebb
