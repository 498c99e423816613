// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/tables.h"

#include <array>

namespace ebb::control {

namespace {

// Times are nanoseconds since 1970. A host is a name; its key may change when it is enrolled anew,
// and volumes and repositories stay the host's. One row a point, nothing per block.
constexpr const char* version_1 = R"sql(
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE hosts (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('storage', 'source', 'operator')),
  address TEXT NOT NULL DEFAULT '',       -- Where clients reach a storage agent.
  last_seen INTEGER
) STRICT;

CREATE TABLE identities (
  holder BLOB PRIMARY KEY CHECK (length(holder) = 32),
  host TEXT NOT NULL REFERENCES hosts (name),
  server_names TEXT NOT NULL,             -- One a line.
  enrolled INTEGER NOT NULL,
  expires INTEGER NOT NULL,               -- Of the newest certificate.
  revoked INTEGER
) STRICT;
-- A host has one key at a time.
CREATE UNIQUE INDEX current_identity ON identities (host) WHERE revoked IS NULL;

CREATE TABLE revocations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  holder BLOB NOT NULL UNIQUE REFERENCES identities (holder),
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),  -- SHA-256 of the secret.
  role TEXT NOT NULL CHECK (role IN ('storage', 'source', 'operator')),
  host TEXT NOT NULL,                     -- The name it is for; empty: any that is free.
  server_names TEXT NOT NULL,             -- One a line; empty: any that is free.
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  used INTEGER,
  used_by BLOB
) STRICT;

CREATE TABLE repositories (
  name TEXT PRIMARY KEY,
  storage TEXT NOT NULL REFERENCES hosts (name),
  id BLOB,                                -- Its own, once its storage agent has told it.
  created INTEGER NOT NULL
) STRICT;
CREATE TABLE allowed_hosts (
  repository TEXT NOT NULL REFERENCES repositories (name),
  host TEXT NOT NULL REFERENCES hosts (name),
  PRIMARY KEY (repository, host)
) STRICT;

CREATE TABLE volumes (
  repository TEXT NOT NULL REFERENCES repositories (name),
  volume BLOB NOT NULL CHECK (length(volume) = 16),
  host TEXT REFERENCES hosts (name),      -- Null: known by its points only, nobody's yet.
  label TEXT NOT NULL,
  policy TEXT NOT NULL,                   -- Empty: by hand.
  PRIMARY KEY (repository, volume)
) STRICT;

CREATE TABLE points (
  repository TEXT NOT NULL,
  point BLOB NOT NULL CHECK (length(point) = 32),
  volume BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  created INTEGER NOT NULL,
  arrived INTEGER NOT NULL,
  device_bytes INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL,
  listing INTEGER NOT NULL,               -- The newest listing that named it.
  PRIMARY KEY (repository, point),
  FOREIGN KEY (repository, volume) REFERENCES volumes (repository, volume)
) STRICT;
CREATE TABLE listings (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  repository TEXT NOT NULL REFERENCES repositories (name),
  begun INTEGER NOT NULL
) STRICT;

CREATE TABLE policies (
  name TEXT PRIMARY KEY,
  repository TEXT NOT NULL REFERENCES repositories (name),
  volumes TEXT NOT NULL,                  -- HOST:WHAT, one a line.
  every_seconds INTEGER NOT NULL,
  keep_last INTEGER NOT NULL,
  keep_hourly INTEGER NOT NULL,
  keep_daily INTEGER NOT NULL,
  keep_weekly INTEGER NOT NULL,
  keep_monthly INTEGER NOT NULL,
  keep_yearly INTEGER NOT NULL,
  bytes_per_second INTEGER NOT NULL,
  window_begin INTEGER NOT NULL,
  window_end INTEGER NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL
) STRICT;

CREATE TABLE jobs (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  host TEXT NOT NULL REFERENCES hosts (name),
  kind TEXT NOT NULL,
  policy TEXT NOT NULL,
  repository TEXT NOT NULL,
  volume BLOB,
  label TEXT NOT NULL,
  started INTEGER NOT NULL,
  ended INTEGER,
  outcome TEXT NOT NULL,
  message TEXT NOT NULL,
  bytes_read INTEGER NOT NULL,
  bytes_stored INTEGER NOT NULL,
  point BLOB
) STRICT;
CREATE INDEX jobs_by_time ON jobs (started);

CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  former BLOB NOT NULL CHECK (length(former) = 32),  -- Digest of the entry before.
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
)sql";

// Runs that were asked for, and what went through the sockets.
constexpr const char* version_2 = R"sql(
CREATE TABLE run_requests (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  policy TEXT NOT NULL REFERENCES policies (name) ON DELETE CASCADE,
  at INTEGER NOT NULL
) STRICT;
-- Who has begun what was asked for.
CREATE TABLE run_answers (
  number INTEGER NOT NULL REFERENCES run_requests (number) ON DELETE CASCADE,
  host TEXT NOT NULL REFERENCES hosts (name),
  PRIMARY KEY (number, host)
) STRICT;
CREATE TABLE traffic (
  port TEXT PRIMARY KEY,
  bytes_in INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL,
  connections INTEGER NOT NULL
) STRICT;
)sql";

// Which listing of its points each repository has, so that they are told again when it is lost; how
// a policy's backups are made.
constexpr const char* version_3 = R"sql(
ALTER TABLE repositories ADD COLUMN listing INTEGER;
ALTER TABLE repositories ADD COLUMN told BLOB;  -- The agent's mark of what it told last.
ALTER TABLE policies ADD COLUMN settings TEXT NOT NULL DEFAULT '';  -- KEY=VALUE, one a line.
)sql";

constexpr std::array<const char*, tables_version> steps{version_1, version_2, version_3};

}  // namespace

Result<void> bring_tables_to(Database& database, std::int64_t version) {
  // Most openings find nothing to do, and need not wait for writers to see that.
  if (TRY(database.number("PRAGMA user_version")) == version) return {};
  return database.atomically([&]() -> Result<void> {
    const std::int64_t found = TRY(database.number("PRAGMA user_version"));
    if (found > tables_version) {
      return fail(
          Error::mismatch("the manager's database is of version {}, and this ebb-manager knows "
                          "versions up to {}: it is older, upgrade it",
                          found, tables_version));
    }
    for (std::int64_t step = found; step < version; ++step) {
      TRY(during(database.run(steps[static_cast<std::size_t>(step)]),
                 "bringing the manager's database to version {}", step + 1));
    }
    return database.run(fmt::format("PRAGMA user_version = {}", std::max(found, version)));
  });
}

}  // namespace ebb::control
