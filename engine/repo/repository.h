// SPDX-License-Identifier: Apache-2.0
// repository.h - a repository that is open: configuration, keys, points, packs.
//
// Many may read at once, one writes: a writer holds the lock from open to close, and so do readers
// one of theirs, which only keeps packs from being removed under them. It works without
// any key that opens content; what needs a key says so in its arguments.
#pragma once

#include "engine/repo/key_store.h"
#include "engine/repo/open_runs.h"
#include "engine/repo/pack_store.h"
#include "engine/repo/point_store.h"
#include "engine/repo/retention.h"
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
  OpenRuns& open_runs() { return open_runs_; }
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
  // The points, of one volume or of all, with the time at which each came, by the clock of whoever
  // keeps the files.
  Result<std::vector<ArrivedPoint>> arrived_points(std::optional<VolumeId> of = {});
  // The only way in which points go: durable when it returns. Denied, and none has gone, when one
  // of them is younger than the repository's minimum age or is its volume's newest; busy when a run
  // builds on one. `points` are of one volume.
  Result<void> remove_points(std::span<const layout::PointName> points, WallTime now);

  // Held while packs are removed. Busy when another process reads.
  Result<std::unique_ptr<FolderLock>> keep_readers_out();

 private:
  Repository(Files& files, Loop& loop, Random& random, RepositoryConfig config)
      : objects_(files, loop, random),
        config_(config),
        keys_(objects_, config.id),
        points_(objects_, config.id) {}
  Result<void> clear_leftovers();
  Result<void> may_remove(const layout::PointName& point, std::span<const ArrivedPoint> all,
                          std::chrono::seconds minimum_age, WallTime now) const;

  ObjectStore objects_;
  RepositoryConfig config_;
  KeyStore keys_;
  PointStore points_;
  OpenRuns open_runs_;
  std::unique_ptr<FolderLock> writer_lock_;   // Null for a reader.
  std::unique_ptr<FolderLock> readers_lock_;  // Null for a writer, and where nothing can be locked.
  std::unique_ptr<PackStore> packs_;
};

}  // namespace ebb
