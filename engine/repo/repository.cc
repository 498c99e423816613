// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/repository.h"

#include <algorithm>

#include "engine/repo/body.h"
#include "engine/repo/minimum_age.h"

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
    TRY(files.lock_shared(
        layout::readers_lock));  // So that it is there for those who cannot make it.
  } else {
    auto lock = files.lock_shared(layout::readers_lock);
    if (!lock && lock.error().kind() == ErrorKind::busy) {
      return fail(Error::busy("packs of this repository are just being removed; try again"));
    }
    // Where nothing can be locked (a file system that is read-only, or knows no locks), reading
    // must do all the same: a pack that goes meanwhile is missed, not mistaken.
    if (lock) repository->readers_lock_ = std::move(*lock);
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
  TRY(packs_->look_up_to_read(std::span(&name, 1), std::span(&place, 1)));
  if (!place) return fail(Error::absent("map page {} is not in the repository", digest.hex()));
  ByteVector record = TRY(packs_->read_record(*place, RecordKind::page, name));
  record.erase(record.begin(), record.begin() + sizeof(RecordHeaderOnDisk));
  return record;
}

Result<std::vector<ArrivedPoint>> Repository::arrived_points(std::optional<VolumeId> of) {
  std::vector<ArrivedPoint> all;
  for (const std::string& folder : TRY(objects_.list(layout::points, true))) {
    const auto volume = VolumeId::from_hex_text(folder);
    if (!volume || (of && *of != *volume)) continue;
    for (const Files::Entry& file : TRY(objects_.files().list(layout::volume_folder(*volume)))) {
      const auto name = layout::point_name_of(*volume, file.name);
      if (name && !file.is_folder) all.push_back({*name, file.modified});
    }
  }
  std::ranges::sort(all, {}, &ArrivedPoint::name);
  return all;
}

Result<void> Repository::may_remove(const layout::PointName& point,
                                    std::span<const ArrivedPoint> all,
                                    std::chrono::seconds minimum_age, WallTime now) const {
  const auto found = std::ranges::find(all, point, &ArrivedPoint::name);
  if (found == all.end()) return fail(Error::absent("point {} is not there", point.id.hex()));
  const bool is_newest = std::ranges::none_of(all, [&](const ArrivedPoint& other) {
    return other.name.volume == point.volume && other.name.sequence > point.sequence;
  });
  if (is_newest) return fail(Error::denied("point {} is its volume's newest", point.id.hex()));
  if (!is_older_than(minimum_age, found->arrived, now)) {
    return fail(Error::denied("point {} is younger than {}, the minimum age of this repository",
                              point.id.hex(), age_text(minimum_age)));
  }
  if (open_runs_.is_base(point.id)) {
    return fail(Error::busy("a running backup builds on point {}", point.id.hex()));
  }
  return {};
}

Result<void> Repository::remove_points(std::span<const layout::PointName> points, WallTime now) {
  if (points.empty()) return {};
  const std::chrono::seconds minimum_age = TRY(read_minimum_age(objects_, config_.id));
  const std::vector<ArrivedPoint> all = TRY(arrived_points(points.front().volume));
  for (const layout::PointName& point : points) {
    EBB_CHECK(point.volume == points.front().volume, "points of one volume are removed together");
    TRY(may_remove(point, all, minimum_age, now));
  }
  for (const layout::PointName& point : points) TRY(objects_.files().remove(point.path()));
  return objects_.files().sync_folder(layout::volume_folder(points.front().volume));
}

Result<std::unique_ptr<FolderLock>> Repository::keep_readers_out() {
  auto lock = objects_.files().lock(layout::readers_lock);
  if (!lock && lock.error().kind() == ErrorKind::busy) {
    return fail(Error::busy("another process reads this repository"));
  }
  return lock;
}

}  // namespace ebb
