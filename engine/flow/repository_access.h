// SPDX-License-Identifier: Apache-2.0
// repository_access.h - a repository as programs use it: in a folder of this machine, or behind a
// wire.
//
// Keys and points are small objects and read here or there alike; content goes through the source
// and the sink. It does not know which of both it is, but for `local()`.
#pragma once

#include "engine/buffer/arena.h"
#include "engine/flow/chore.h"
#include "engine/flow/extent_sink.h"
#include "engine/flow/extent_source.h"
#include "engine/flow/local_sink.h"
#include "engine/flow/local_source.h"
#include "engine/repo/repository.h"

namespace ebb {

class RepositoryAccess {
 public:
  virtual ~RepositoryAccess() = default;

  virtual const RepositoryConfig& config() const = 0;
  virtual ObjectStore& objects() = 0;
  virtual KeyStore& keys() = 0;
  virtual PointStore& points() = 0;
  virtual ExtentSource& source() = 0;
  // Before the sink of a run: the permission to write this volume is got, where one is needed.
  // `label` is what people call it.
  virtual Result<void> will_write(const VolumeId& volume, const std::string& label) = 0;
  // What a sink cuts from the arena.
  virtual ByteCount sink_memory() const = 0;
  // For one run. The sink outlives neither this nor the arena.
  virtual std::unique_ptr<ExtentSink> sink(Workers& workers, Arena& arena) = 0;
  // Done where the repository lies. Busy while another is done there.
  struct ChoreHost {
    Workers& workers;
    Observer& observer;
    const StopFlag& stop;
    const Clock& clock;  // For a repository in this process.
  };
  virtual Result<ChoreReport> do_chore(const Chore& chore, const ChoreHost& host) = 0;
  // The repository itself, for what only works where it lies; invalid when that is elsewhere.
  virtual Result<Repository*> local() = 0;
};

// A repository in this process, which it does not own.
class LocalAccess final : public RepositoryAccess {
 public:
  explicit LocalAccess(Repository& repository) : repository_(repository) {}

  const RepositoryConfig& config() const override { return repository_.config(); }
  ObjectStore& objects() override { return repository_.objects(); }
  KeyStore& keys() override { return repository_.keys(); }
  PointStore& points() override { return repository_.points(); }
  ExtentSource& source() override {
    // Only who reads counts as a reader, whom a collection waits for.
    if (!source_) source_.emplace(repository_);
    return *source_;
  }
  Result<void> will_write(const VolumeId&, const std::string&) override { return {}; }
  ByteCount sink_memory() const override { return PackMemory::total(); }
  std::unique_ptr<ExtentSink> sink(Workers& workers, Arena& arena) override {
    return std::make_unique<SinkWithMemory>(repository_, workers, arena);
  }
  Result<ChoreReport> do_chore(const Chore& chore, const ChoreHost& host) override {
    return ebb::do_chore({repository_, host.workers, host.observer, host.stop, host.clock}, chore);
  }
  Result<Repository*> local() override { return &repository_; }

 private:
  struct Memory {
    explicit Memory(Arena& arena) : memory(arena) {}
    PackMemory memory;
  };
  // A run of its own has a memory of its own.
  class SinkWithMemory final : private Memory, public LocalSink {
   public:
    SinkWithMemory(Repository& repository, Workers& workers, Arena& arena)
        : Memory(arena), LocalSink(repository, workers, memory) {}
  };

  Repository& repository_;
  std::optional<LocalSource> source_;
};

}  // namespace ebb
