// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/local_runs.h"

namespace ebb {

Result<BackupReport> run_backup(const LocalRun& run, RepositoryAccess& repository,
                                BlockDevice& device, const SourceKey& key, const Members& members,
                                const Clock& clock, Random& random, BackupRequest request) {
  const auto arena = TRY(Arena::make(Backup::memory() + repository.sink_memory(), &run.ring));
  const auto sink = repository.sink(run.workers, *arena);
  Backup backup({device, *sink, run.ring, run.workers, *arena, key, members, clock, random,
                 run.observer, run.stop},
                std::move(request));
  return backup.run();
}

Result<VerifyReport> run_verify(const LocalRun& run, ExtentSource& source, const Point& point,
                                RecordCheck check, RecordOpener* opener,
                                const BlocksWanted& wanted) {
  const auto arena = TRY(Arena::make(verify_memory(), &run.ring));
  arena->use_huge_pages();
  return verify_records({source, run.ring, run.workers, *arena, run.observer, run.stop}, point,
                        check, opener, wanted);
}

Result<RestoreReport> run_restore(const LocalRun& run, ExtentSource& source, RecordOpener& opener,
                                  BlockDevice& target, JournalKeeper& journal, const IdKey& id_key,
                                  RestoreRequest request) {
  const auto arena = TRY(Arena::make(Restore::memory(), &run.ring));
  arena->use_huge_pages();
  Restore restore({source, target, opener, journal, run.ring, run.workers, *arena, id_key,
                   run.observer, run.stop},
                  std::move(request));
  return restore.run();
}

}  // namespace ebb
