// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/local_runs.h"

#include <algorithm>
#include <fstream>

#include "engine/flow/local_sink.h"

namespace ebb {

namespace {

// What this machine could still put to use, page cache that can be dropped included; 0 when it does
// not say. proc(5), MemAvailable.
ByteCount available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  std::string unit;
  while (meminfo >> name >> kib && std::getline(meminfo, unit)) {
    if (name == "MemAvailable:") return ByteCount(kib) * 1024;
  }
  return ByteCount(0);
}

}  // namespace

Result<BackupReport> run_backup(const LocalRun& run, Repository& repository, BlockDevice& device,
                                const SourceKey& key, const Members& members, const Clock& clock,
                                Random& random, BackupRequest request) {
  const auto arena = TRY(Arena::make(Backup::memory() + PackMemory::total(), &run.ring));
  LocalSink sink(repository, run.workers, *arena);
  Backup backup({device, sink, run.ring, run.workers, *arena, key, members, clock, random,
                 run.observer, run.stop},
                std::move(request));
  return backup.run();
}

Result<VerifyReport> run_verify(const LocalRun& run, ExtentSource& source, const Point& point,
                                RecordCheck check, RecordOpener* opener,
                                const std::function<bool(BlockIndex)>& wanted) {
  const auto arena = TRY(Arena::make(verify_memory(), &run.ring));
  return verify_records({source, run.ring, run.workers, *arena, run.observer, run.stop}, point,
                        check, opener, wanted);
}

void expect_second_reads(Repository& repository, const Point& point) {
  const BlockCount zero = std::min(point.counts.zero, point.grid.count());
  const ByteCount plain = point.grid.block().bytes() * (point.grid.count() - zero).value();
  if (plain.value() < available_memory().value() / 2) repository.packs().expect_second_reads();
}

Result<RestoreReport> run_restore(const LocalRun& run, ExtentSource& source, RecordOpener& opener,
                                  BlockDevice& target, JournalKeeper& journal, const IdKey& id_key,
                                  RestoreRequest request) {
  const auto arena = TRY(Arena::make(Restore::memory(), &run.ring));
  Restore restore({source, target, opener, journal, run.ring, run.workers, *arena, id_key,
                   run.observer, run.stop},
                  std::move(request));
  return restore.run();
}

}  // namespace ebb
