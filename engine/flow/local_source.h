// SPDX-License-Identifier: Apache-2.0
// local_source.h - reads from a repository in this process. While it lives, no pack goes in which
// it may have been told that a record lies.
#pragma once

#include "engine/flow/extent_source.h"
#include "engine/repo/repository.h"

namespace ebb {

class LocalSource final : public ExtentSource {
 public:
  explicit LocalSource(Repository& repository)
      : repository_(repository), open_(repository.open_runs().reader_begins()) {}

  RepositoryId repository() const override { return repository_.config().id; }
  Result<std::vector<layout::PointName>> point_names() override {
    return repository_.point_names();
  }
  Result<SignedPoint> point(const layout::PointName& name) override {
    return repository_.point(name);
  }
  Result<ByteVector> page(const PageDigest& digest) override { return repository_.page(digest); }
  Result<void> locate(std::span<const Fingerprint> names,
                      std::span<std::optional<RecordPlace>> places) override;
  Result<DataKeyId> data_key_of(const RecordPlace& place, const Fingerprint& name) override;
  void fetch(Fetch& fetch) override;

 private:
  struct Reading : Transfer {
    Fetch* fetch = nullptr;
    PackStore::OpenPack* pack = nullptr;
  };
  Reading& free_reading();
  Repository& repository_;
  OpenRuns::Registration open_;
  std::vector<std::unique_ptr<Reading>> readings_;  // One for each fetch that ever was at once.
};

}  // namespace ebb
