// SPDX-License-Identifier: Apache-2.0
// remote_source.h - reads from a repository at a storage agent.
#pragma once

#include "engine/flow/extent_source.h"
#include "engine/repo/point_store.h"
#include "wire/client/connection.h"
#include "wire/loop/turnstile.h"

namespace ebb {

class RemoteSource final : public ExtentSource {
 public:
  RemoteSource(Connection& connection, RepositoryId repository, PointStore& points)
      : connection_(connection), repository_(repository), points_(points) {}
  // Every fetch has settled.
  ~RemoteSource() override = default;

  RepositoryId repository() const override { return repository_; }
  Result<std::vector<layout::PointName>> point_names() override { return points_.point_names(); }
  Result<SignedPoint> point(const layout::PointName& name) override { return points_.point(name); }
  Result<ByteVector> page(const PageDigest& digest) override;
  Result<void> locate(std::span<const Fingerprint> names,
                      std::span<std::optional<RecordPlace>> places) override;
  Result<DataKeyId> data_key_of(const RecordPlace& place, const Fingerprint& name) override;
  void fetch(Fetch& fetch) override;

 private:
  Result<void> fetch_now(Fetch& fetch);

  Connection& connection_;
  RepositoryId repository_;
  PointStore& points_;
  // Of packs that were asked about: all records of a pack have the same.
  std::map<PackId, DataKeyId> data_keys_;
};

}  // namespace ebb
