// SPDX-License-Identifier: Apache-2.0
// local_runs.h - one run of this process over a repository here or elsewhere: its memory, its sink,
// and itself.
//
// Which repository, which keys, which point are the caller's; what is put together from them, and
// with how much memory, is the same for whoever starts a run.
#pragma once

#include "engine/flow/backup.h"
#include "engine/flow/repository_access.h"
#include "engine/flow/restore.h"

namespace ebb {

struct LocalRun {
  Ring& ring;  // Nothing else has memory registered with it meanwhile.
  Workers& workers;
  Observer& observer;
  const StopFlag& stop;
};

// `repository` can be written to.
Result<BackupReport> run_backup(const LocalRun& run, RepositoryAccess& repository,
                                BlockDevice& device, const SourceKey& key, const Members& members,
                                const Clock& clock, Random& random, BackupRequest request);

// As verify_records().
Result<VerifyReport> run_verify(const LocalRun& run, ExtentSource& source, const Point& point,
                                RecordCheck check, RecordOpener* opener,
                                const BlocksWanted& wanted);

Result<RestoreReport> run_restore(const LocalRun& run, ExtentSource& source, RecordOpener& opener,
                                  BlockDevice& target, JournalKeeper& journal, const IdKey& id_key,
                                  RestoreRequest request);

}  // namespace ebb
