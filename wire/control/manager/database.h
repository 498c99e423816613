// SPDX-License-Identifier: Apache-2.0
// database.h - SQLite (sqlite.org/c3ref), with refusals as Results.
//
// One connection, used by one thread. Others, of this process or another, may work on the same
// file: it is in WAL mode, so that readers wait for nobody, and a writer waits up to five seconds
// for another. What is committed is on disk (synchronous = FULL). Knows no tables.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "devmap/core/bytes.h"
#include "devmap/core/clock.h"
#include "devmap/core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ebb::control {

// What takes the place of a '?'. Refers to the caller's bytes.
class SqlValue {
 public:
  SqlValue(std::nullopt_t) {}
  SqlValue(std::int64_t number) : value_(number) {}
  SqlValue(std::uint64_t number) : value_(static_cast<std::int64_t>(number)) {}
  SqlValue(std::uint32_t number) : value_(std::int64_t{number}) {}
  SqlValue(int number) : value_(std::int64_t{number}) {}
  SqlValue(WallTime time) : value_(time.nanoseconds) {}
  SqlValue(const std::string& text) : value_(std::string_view(text)) {}
  SqlValue(std::string_view text) : value_(text) {}
  SqlValue(const char* text) : value_(std::string_view(text)) {}
  SqlValue(Bytes bytes) : value_(bytes) {}
  template <std::size_t N, class Tag>
  SqlValue(const Name<N, Tag>& name) : value_(name.view()) {}
  template <class T>
  SqlValue(const std::optional<T>& value) {
    if (value) *this = SqlValue(*value);
  }

 private:
  friend class Database;
  std::variant<std::monostate, std::int64_t, std::string_view, Bytes> value_;
};

// One row of an answer, as long as its visitor runs.
class SqlRow {
 public:
  explicit SqlRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t number(int column) const;
  std::uint64_t count(int column) const;
  WallTime time(int column) const { return {number(column)}; }
  std::optional<WallTime> maybe_time(int column) const;
  std::string text(int column) const;
  Bytes bytes(int column) const;
  // Zero when the column has another length; the tables' own checks keep that from happening.
  template <class Named>
  Named name(int column) const {
    return Named::of(bytes(column)).value_or(Named{});
  }

 private:
  sqlite3_stmt* statement_;
};

class Database {
 public:
  enum class Missing { make, refuse };  // A file that is not there.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Missing missing);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  using Values = std::initializer_list<SqlValue>;
  // Any number of statements that answer nothing.
  Result<void> run(const std::string& script);
  // One statement; how many rows it changed.
  Result<std::uint64_t> change(const char* sql, Values values);
  Result<void> each(const char* sql, Values values,
                    const std::function<void(const SqlRow&)>& visit);
  // The number in the first column of the first row; 0 when there is none.
  Result<std::int64_t> number(const char* sql, Values values = {});
  std::int64_t last_row_id() const;
  // The file that this database is, or would be.
  Result<ByteVector> image();

  // Runs `work` as one transaction: all of it is committed, or, when it fails, nothing. A
  // transaction in another is part of it.
  template <class Work>
  auto atomically(Work&& work) -> decltype(work()) {
    if (in_transaction_) return work();
    TRY(begin());
    Undo undo(*this);  // A message that makes no sense is an exception.
    auto result = work();
    undo.is_ended = true;
    TRY(end(result.has_value()));
    return result;
  }

 private:
  struct Undo {
    explicit Undo(Database& of) : database(of) {}
    ~Undo() {
      if (!is_ended) static_cast<void>(database.end(false));
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    Database& database;
    bool is_ended = false;
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}
  Error error(const char* sql) const;
  Result<void> begin();
  Result<void> end(bool commit);
  Result<sqlite3_stmt*> prepared(const char* sql, Values values);

  sqlite3* connection_;
  bool in_transaction_ = false;
};

}  // namespace ebb::control
