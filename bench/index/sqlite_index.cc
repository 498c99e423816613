// SPDX-License-Identifier: Apache-2.0
// sqlite_index.cc - the index in SQLite: a table WITHOUT ROWID, which is one B-tree of the keys.
//
// A write-ahead log and synchronous=NORMAL: a power loss takes the newest packs and harms nothing.
// The page cache is as large as the block cache that RocksDB has.
#include <sqlite3.h>

#include <filesystem>

#include "bench/index/engines.h"

namespace ebb::bench {

namespace {

constexpr const char* settings =
    "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "PRAGMA cache_size=-24576; PRAGMA busy_timeout=10000;";
constexpr const char* tables =
    "CREATE TABLE IF NOT EXISTS records(name BLOB PRIMARY KEY, place BLOB) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS packs(pack BLOB PRIMARY KEY, count INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS notes(note TEXT PRIMARY KEY) WITHOUT ROWID;";

struct Statement {
  sqlite3_stmt* handle = nullptr;
  Statement() = default;
  ~Statement() { sqlite3_finalize(handle); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int at, Bytes bytes) {
    sqlite3_bind_blob(handle, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
};

class SqliteIndex final : public RecordIndex {
 public:
  SqliteIndex() = default;
  ~SqliteIndex() override {
    sqlite3_finalize(std::exchange(insert_.handle, nullptr));
    sqlite3_finalize(std::exchange(select_.handle, nullptr));
    sqlite3_close(db_);
  }

  Result<void> open(const std::string& path, IndexAccess access) {
    const bool follows = access == IndexAccess::follow;
    TRY(checked(sqlite3_open_v2(
        (path + "/index.sqlite").c_str(), &db_,
        follows ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr)));
    TRY(run(settings));
    if (!follows) TRY(run(tables));
    TRY(prepare(insert_, "INSERT OR REPLACE INTO records VALUES(?1,?2)"));
    return prepare(select_, "SELECT place FROM records WHERE name=?1");
  }

  Result<void> add_pack(const PackId& pack, std::span<const TableEntry> entries) override {
    TRY(run("BEGIN IMMEDIATE"));
    for (const TableEntry& entry : entries) {
      const PlaceOnDisk place = to_disk(pack, entry);
      insert_.bind(1, entry.name.view());
      insert_.bind(2, bytes_of_struct(place));
      TRY(step(insert_.handle, SQLITE_DONE));
      sqlite3_reset(insert_.handle);
    }
    Statement mark;
    TRY(prepare(mark, "INSERT OR REPLACE INTO packs VALUES(?1,?2)"));
    mark.bind(1, pack.view());
    sqlite3_bind_int64(mark.handle, 2, static_cast<sqlite3_int64>(entries.size()));
    TRY(step(mark.handle, SQLITE_DONE));
    return run("COMMIT");
  }
  Result<void> forget_pack(const PackId& pack) override {
    Statement forget;
    TRY(prepare(forget, "DELETE FROM packs WHERE pack=?1"));
    forget.bind(1, pack.view());
    return step(forget.handle, SQLITE_DONE);
  }

  Result<std::vector<PackId>> packs() override {
    std::vector<PackId> all;
    Statement list;
    TRY(prepare(list, "SELECT pack FROM packs"));
    while (sqlite3_step(list.handle) == SQLITE_ROW) {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(list.handle, 0));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(list.handle, 0));
      if (const auto pack = PackId::of(Bytes(bytes, size))) all.push_back(*pack);
    }
    return all;
  }

  Result<void> look_up(std::span<const RecordName> names,
                       std::span<std::optional<RecordPlace>> places) override {
    TRY(run("BEGIN"));
    for (std::size_t i = 0; i < names.size(); ++i) {
      select_.bind(1, names[i].view());
      const int code = sqlite3_step(select_.handle);
      places[i].reset();
      if (code == SQLITE_ROW) places[i] = place_of(sqlite3_column_blob(select_.handle, 0));
      if (code != SQLITE_ROW && code != SQLITE_DONE) TRY(checked(code));
      sqlite3_reset(select_.handle);
    }
    return run("COMMIT");
  }

  Result<bool> whole() override {
    Statement ask;
    TRY(prepare(ask, "SELECT note FROM notes WHERE note='whole'"));
    return sqlite3_step(ask.handle) == SQLITE_ROW;
  }
  Result<void> set_whole(bool whole) override {
    return run(whole ? "INSERT OR REPLACE INTO notes VALUES('whole')" : "DELETE FROM notes");
  }

 private:
  Result<void> checked(int code) {
    if (code == SQLITE_OK) return {};
    return fail(Error::lost("SQLite: {}", db_ != nullptr ? sqlite3_errmsg(db_) : "no memory"));
  }
  Result<void> run(const char* text) {
    return checked(sqlite3_exec(db_, text, nullptr, nullptr, nullptr));
  }
  Result<void> prepare(Statement& statement, const char* text) {
    return checked(sqlite3_prepare_v2(db_, text, -1, &statement.handle, nullptr));
  }
  Result<void> step(sqlite3_stmt* statement, int expected) {
    const int code = sqlite3_step(statement);
    return code == expected ? Result<void>() : checked(code);
  }

  sqlite3* db_ = nullptr;
  Statement insert_;
  Statement select_;
};

}  // namespace

Result<std::unique_ptr<RecordIndex>> open_sqlite(const std::string& path, IndexAccess access) {
  std::error_code ignored;
  std::filesystem::create_directories(path, ignored);
  auto index = std::make_unique<SqliteIndex>();
  TRY(index->open(path, access));
  return index;
}

}  // namespace ebb::bench
