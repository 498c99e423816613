// SPDX-License-Identifier: Apache-2.0
// repository.h - a repository that is open: configuration, keys, points, packs.
//
// Many may read at once, one writes: a writer holds the lock from open to close. It works without
// any key that opens content; what needs a key says so in its arguments.
#pragma once

#include "engine/repo/key_store.h"
#include "engine/repo/pack_store.h"
#include "engine/repo/point_store.h"
#include "engine/repo/source_key.h"

namespace ebb {

struct RepositoryConfig {
  RepositoryId id;
  VerifyKey authority;
  WallTime created;
};
ByteVector pack_config(const RepositoryConfig& config);
Result<RepositoryConfig> unpack_config(Bytes body);

// What `create` gives to whoever makes a repository: shown or kept once.
struct NewRepository {
  RepositoryConfig config;
  SourceKey source;
  PaperKey paper;
};

class Repository final : public PageSource {
 public:
  // Makes the folders, keys and first members record in the empty folder behind `files`. The
  // configuration comes last: without it there is no repository.
  static Result<NewRepository> create(Files& files, Loop& loop, Random& random, WallTime now,
                                      Bytes passphrase, const std::string& source_name,
                                      const PassphraseCost& cost = {});
  // Busy when `access` is write and another writer has it. Everything outlives the repository.
  static Result<std::unique_ptr<Repository>> open(Files& files, Loop& loop, Random& random,
                                                  StoreAccess access);
  // Whether a repository's configuration is there; absent or damaged else.
  static Result<RepositoryConfig> read_config(Files& files, Loop& loop, Random& random);

  const RepositoryConfig& config() const { return config_; }
  KeyStore& keys() { return keys_; }
  PackStore& packs() { return *packs_; }
  ObjectStore& objects() { return objects_; }
  Loop& loop() { return objects_.loop(); }
  Random& random() { return objects_.random(); }

  Result<ByteVector> page(const PageDigest& digest) override;

  // As PointStore has them.
  PointStore& points() { return points_; }
  Result<std::vector<layout::PointName>> point_names() { return points_.point_names(); }
  Result<std::optional<layout::PointName>> latest_point(const VolumeId& volume) {
    return points_.latest_point(volume);
  }
  Result<SignedPoint> point(const layout::PointName& name) { return points_.point(name); }
  Result<void> publish_point(const SignedPoint& point) { return points_.publish_point(point); }

 private:
  Repository(Files& files, Loop& loop, Random& random, RepositoryConfig config)
      : objects_(files, loop, random),
        config_(config),
        keys_(objects_, config.id),
        points_(objects_, config.id) {}
  Result<void> clear_leftovers();

  ObjectStore objects_;
  RepositoryConfig config_;
  KeyStore keys_;
  PointStore points_;
  std::unique_ptr<FolderLock> writer_lock_;  // Null for a reader.
  std::unique_ptr<PackStore> packs_;
};

}  // namespace ebb
