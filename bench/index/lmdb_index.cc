// SPDX-License-Identifier: Apache-2.0
// lmdb_index.cc - the index in LMDB: one copy-on-write B+tree in a file that is mapped.
//
// A transaction a pack, synced: without a sync, a power loss can leave a tree whose pages are of
// different ages, and no checksum would tell. 'R' records, 'P' packs, "W".
#include <lmdb.h>

#include <filesystem>

#include "bench/index/engines.h"

namespace ebb::bench {

namespace {

constexpr std::size_t largest_map = std::size_t{1} << 40;
constexpr mode_t owner_only = 0600;

Result<void> checked(int code) {
  if (code == 0) return {};
  return fail(Error::lost("LMDB: {}", mdb_strerror(code)));
}

MDB_val value_of(Bytes bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};
}

template <class N>
std::string key_of(char kind, const N& name) {
  std::string key(1, kind);
  key += text_of(name.view());
  return key;
}

class Transaction {
 public:
  static Result<Transaction> begin(MDB_env* env, unsigned flags) {
    MDB_txn* txn = nullptr;
    TRY(checked(mdb_txn_begin(env, nullptr, flags, &txn)));
    return Transaction(txn);
  }
  Transaction(Transaction&& other) noexcept : txn_(std::exchange(other.txn_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  MDB_txn* get() { return txn_; }
  Result<void> commit() { return checked(mdb_txn_commit(std::exchange(txn_, nullptr))); }

 private:
  explicit Transaction(MDB_txn* txn) : txn_(txn) {}
  MDB_txn* txn_;
};

class LmdbIndex final : public RecordIndex {
 public:
  LmdbIndex() = default;
  ~LmdbIndex() override { mdb_env_close(env_); }

  Result<void> open(const std::string& path, IndexAccess access) {
    const bool follows = access == IndexAccess::follow;
    TRY(checked(mdb_env_create(&env_)));
    TRY(checked(mdb_env_set_mapsize(env_, largest_map)));
    TRY(checked(mdb_env_open(env_, path.c_str(),
                             follows ? MDB_RDONLY | MDB_NORDAHEAD : MDB_NORDAHEAD, owner_only)));
    Transaction begun = TRY(Transaction::begin(env_, follows ? MDB_RDONLY : 0));
    TRY(checked(mdb_dbi_open(begun.get(), nullptr, 0, &records_)));
    return begun.commit();
  }

  Result<void> add_pack(const PackId& pack, std::span<const TableEntry> entries) override {
    Transaction writing = TRY(Transaction::begin(env_, 0));
    for (const TableEntry& entry : entries) {
      const PlaceOnDisk place = to_disk(pack, entry);
      TRY(put(writing, key_of('R', entry.name), bytes_of_struct(place)));
    }
    const Le32 count(static_cast<std::uint32_t>(entries.size()));
    TRY(put(writing, key_of('P', pack), bytes_of_struct(count)));
    return writing.commit();
  }
  Result<void> forget_pack(const PackId& pack) override { return remove(key_of('P', pack)); }

  Result<std::vector<PackId>> packs() override {
    std::vector<PackId> all;
    Transaction reading = TRY(Transaction::begin(env_, MDB_RDONLY));
    MDB_cursor* at = nullptr;
    TRY(checked(mdb_cursor_open(reading.get(), records_, &at)));
    const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closing(at, mdb_cursor_close);
    const std::string prefix = "P";
    MDB_val key = value_of(bytes_of(prefix));
    MDB_val value;
    int code = mdb_cursor_get(at, &key, &value, MDB_SET_RANGE);
    for (; code == 0; code = mdb_cursor_get(at, &key, &value, MDB_NEXT)) {
      const Bytes bytes(static_cast<const std::byte*>(key.mv_data), key.mv_size);
      if (bytes.empty() || bytes[0] != std::byte{'P'}) break;
      if (const auto pack = PackId::of(bytes.subspan(1))) all.push_back(*pack);
    }
    if (code != 0 && code != MDB_NOTFOUND) TRY(checked(code));
    return all;
  }

  Result<void> look_up(std::span<const RecordName> names,
                       std::span<std::optional<RecordPlace>> places) override {
    Transaction reading = TRY(Transaction::begin(env_, MDB_RDONLY));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string text = key_of('R', names[i]);
      MDB_val key = value_of(bytes_of(text));
      MDB_val value;
      const int code = mdb_get(reading.get(), records_, &key, &value);
      places[i].reset();
      if (code == MDB_NOTFOUND) continue;
      TRY(checked(code));
      places[i] = place_of(value.mv_data);
    }
    return {};
  }

  Result<bool> whole() override {
    Transaction reading = TRY(Transaction::begin(env_, MDB_RDONLY));
    const std::string text = "W";
    MDB_val key = value_of(bytes_of(text));
    MDB_val value;
    return mdb_get(reading.get(), records_, &key, &value) == 0;
  }
  Result<void> set_whole(bool whole) override {
    if (!whole) return remove("W");
    Transaction writing = TRY(Transaction::begin(env_, 0));
    TRY(put(writing, "W", bytes_of(std::string_view("1"))));
    return writing.commit();
  }

 private:
  Result<void> put(Transaction& writing, const std::string& text, Bytes bytes) {
    MDB_val key = value_of(bytes_of(text));
    MDB_val value = value_of(bytes);
    return checked(mdb_put(writing.get(), records_, &key, &value, 0));
  }
  Result<void> remove(const std::string& text) {
    Transaction writing = TRY(Transaction::begin(env_, 0));
    MDB_val key = value_of(bytes_of(text));
    const int code = mdb_del(writing.get(), records_, &key, nullptr);
    if (code != MDB_NOTFOUND) TRY(checked(code));
    return writing.commit();
  }

  MDB_env* env_ = nullptr;
  MDB_dbi records_ = 0;
};

}  // namespace

Result<std::unique_ptr<RecordIndex>> open_lmdb(const std::string& path, IndexAccess access) {
  std::error_code ignored;
  std::filesystem::create_directories(path, ignored);
  auto index = std::make_unique<LmdbIndex>();
  TRY(index->open(path, access));
  return index;
}

}  // namespace ebb::bench
