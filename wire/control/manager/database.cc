// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "devmap/core/check.h"

namespace ebb::control {

namespace {

constexpr int wait_for_writers_ms = 5000;

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM: return ErrorKind::busy;
    case SQLITE_FULL: return ErrorKind::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorKind::damaged;
    case SQLITE_CANTOPEN: return ErrorKind::absent;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorKind::denied;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return ErrorKind::invalid;
    default: return ErrorKind::lost;
  }
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

}  // namespace

bool SqlRow::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::int64_t SqlRow::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}
std::uint64_t SqlRow::count(int column) const {
  return static_cast<std::uint64_t>(number(column));
}
std::optional<WallTime> SqlRow::maybe_time(int column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}
std::string SqlRow::text(int column) const {
  return std::string(text_of(bytes(column)));
}
Bytes SqlRow::bytes(int column) const {
  const void* const data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {static_cast<const std::byte*>(data), data == nullptr ? 0 : size};
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Missing missing) {
  sqlite3* connection = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (missing == Missing::make ? SQLITE_OPEN_CREATE : 0);
  // Tickets' claims and tokens' digests are for the manager alone.
  const mode_t before = ::umask(077);
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  std::unique_ptr<Database> database(new Database(connection));
  const auto ready = code != SQLITE_OK
                         ? Result<void>(fail(Error(kind_of(code), sqlite3_errstr(code))))
                         : database->run(
                               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
  ::umask(before);
  if (!ready) return fail(ready.error().during("opening the database {}", path));
  return database;
}

Database::~Database() {
  sqlite3_close_v2(connection_);
}

Error Database::error(const char* sql) const {
  const int code = sqlite3_extended_errcode(connection_);
  return {kind_of(code), fmt::format("the database refuses ({}): {}", sqlite3_errmsg(connection_),
                                     std::string_view(sql).substr(0, 60))};
}

Result<void> Database::run(const std::string& script) {
  sqlite3_busy_timeout(connection_, wait_for_writers_ms);
  if (sqlite3_exec(connection_, script.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(error(script.c_str()));
}

Result<sqlite3_stmt*> Database::prepared(const char* sql, Values values) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v2(connection_, sql, -1, &made, nullptr) != SQLITE_OK) {
    return fail(error(sql));
  }
  Statement statement(made);
  int at = 0;
  for (const SqlValue& given : values) {
    ++at;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&given.value_)) {
      code = sqlite3_bind_int64(made, at, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&given.value_)) {
      // Not null for an empty text.
      code = sqlite3_bind_text(made, at, text->empty() ? "" : text->data(),
                               static_cast<int>(text->size()), SQLITE_TRANSIENT);
    } else if (const auto* bytes = std::get_if<Bytes>(&given.value_)) {
      code = bytes->empty() ? sqlite3_bind_zeroblob(made, at, 0)
                            : sqlite3_bind_blob(made, at, bytes->data(),
                                                static_cast<int>(bytes->size()), SQLITE_TRANSIENT);
    }
    if (code != SQLITE_OK) return fail(error(sql));
  }
  EBB_CHECK(at == sqlite3_bind_parameter_count(made), "a statement with other values than it has");
  return statement.release();
}

Result<std::uint64_t> Database::change(const char* sql, Values values) {
  TRY(each(sql, values, [](const SqlRow&) {}));
  return static_cast<std::uint64_t>(sqlite3_changes64(connection_));
}

Result<void> Database::each(const char* sql, Values values,
                            const std::function<void(const SqlRow&)>& visit) {
  const Statement statement(TRY(prepared(sql, values)));
  for (;;) {
    const int code = sqlite3_step(statement.get());
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return fail(error(sql));
    visit(SqlRow(statement.get()));
  }
}

Result<std::int64_t> Database::number(const char* sql, Values values) {
  std::int64_t number = 0;
  bool first = true;
  TRY(each(sql, values, [&](const SqlRow& row) {
    if (first) number = row.number(0);
    first = false;
  }));
  return number;
}

std::int64_t Database::last_row_id() const {
  return sqlite3_last_insert_rowid(connection_);
}

Result<ByteVector> Database::image() {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> bytes(
      sqlite3_serialize(connection_, "main", &size, 0), sqlite3_free);
  if (bytes == nullptr) return fail(error("serialize"));
  return copy_of(std::as_bytes(std::span(bytes.get(), static_cast<std::size_t>(size))));
}

// Immediate: a transaction that reads first and then writes must not find that another wrote.
Result<void> Database::begin() {
  TRY(run("BEGIN IMMEDIATE"));
  in_transaction_ = true;
  return {};
}

Result<void> Database::end(bool commit) {
  in_transaction_ = false;
  if (commit) {
    const auto committed = run("COMMIT");
    if (!committed) static_cast<void>(run("ROLLBACK"));
    return committed;
  }
  // What failed is told by the caller; SQLite may have rolled back by itself.
  static_cast<void>(run("ROLLBACK"));
  return {};
}

}  // namespace ebb::control
