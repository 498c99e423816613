// SPDX-License-Identifier: Apache-2.0
// local_sink.h - ships into a repository in this process.
#pragma once

#include <unordered_set>

#include "engine/flow/extent_sink.h"
#include "engine/repo/repository.h"

namespace ebb {

class LocalSink : public ExtentSink {
 public:
  // `repository` is open for writing. Sinks of several runs may share a memory.
  LocalSink(Repository& repository, Workers& workers, PackMemory& memory);
  // Waits for what is under way; what was not published is dropped.
  ~LocalSink() override;

  Result<RunBase> begin(const RunStart& start) override;
  PageSource& pages() override { return repository_; }
  void look_up(KnownQuery& query) override;
  bool claim(const Fingerprint& name) override;
  Result<std::optional<ShipRoom>> reserve(ByteCount bytes, std::uint64_t records) override;
  void filled(ShipRoom& room, std::span<const TableEntry> entries) override;
  Result<void> keep(const PageDigest& digest, Bytes bytes) override;
  Result<void> health() override;
  ByteCount stored() const override;
  Result<void> flush() override;
  Result<void> commit(const SignedPoint& point) override;

 private:
  Result<void> are_for_the_recipients(const RunStart& start);
  Result<bool> open_writer();
  Result<void> collect_published();

  Repository& repository_;
  Workers& workers_;
  PackMemory& memory_;
  RunStart start_;
  std::optional<OpenRuns::Registration> open_;  // From begin() on.
  // Oldest first; the last one takes records, the others end by themselves.
  std::vector<std::unique_ptr<PackWriter>> writers_;
  // Names in packs that are not published yet.
  std::unordered_set<RecordName, NameHash> claimed_;
  // Damaged pages of the repository that this run keeps anew.
  std::vector<LostRecord> replaced_;
  ByteCount stored_;
};

}  // namespace ebb
