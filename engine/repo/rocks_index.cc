// SPDX-License-Identifier: Apache-2.0
// rocks_index.cc - the index in RocksDB.
//
// Chosen because every block of its files carries a checksum (a flipped bit is an error, never a
// wrong place), because its memory is bounded, and because a reader can follow beside a writer
// (docs/decisions/). Keys: 'R' and a record's name; 'P' and a pack's id; "W".
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <optional>

#include "devmap/core/endian.h"
#include "engine/file/scratch_folder.h"
#include "engine/repo/record_index.h"

namespace ebb {

namespace {

constexpr ByteCount block_cache = 24_MiB;
constexpr ByteCount write_buffer = 8_MiB;
constexpr ByteCount table_file = 256_MiB;  // Some 26 files for 10^8 entries, by calculation.
constexpr std::size_t records_in_one_batch = 4096;
// Sorted runs that a look-up may have to ask: merged from the first number on, writes are slowed
// from the second and wait from the third, so that a merge of many gigabytes stops nobody.
constexpr int runs_to_merge = 8;
constexpr int runs_to_slow = 40;
constexpr int runs_to_stop = 60;

struct PlaceOnDisk {
  std::array<std::byte, 16> pack;
  Le32 at;
  Le32 stored_length;
};
static_assert(sizeof(PlaceOnDisk) == 24 && alignof(PlaceOnDisk) == 1);

rocksdb::Slice slice(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class N>
std::string key_of(char kind, const N& name) {
  std::string key(1, kind);
  key += text_of(name.view());
  return key;
}

// RocksDB has one kind for all that open(2) and its like refuse; the words tell them apart. They
// come before the path, which may hold any word.
Error error_of(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsCorruption()) return Error::damaged("{}", text);
  if (status.IsNoSpace()) return {ErrorKind::full, text};
  if (text.starts_with("IO error: While lock file") ||
      text.starts_with("IO error: lock hold by current process")) {
    return Error::busy("{}", text);
  }
  if (status.IsPathNotFound() || status.IsNotFound() ||
      text.starts_with("IO error: No such file or directory")) {
    return Error::absent("{}", text);
  }
  return Error::lost("{}", text);
}

Result<void> checked(const rocksdb::Status& status) {
  if (status.ok()) return {};
  return fail(error_of(status).during("the fingerprint index"));
}

rocksdb::Options make_options() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(block_cache.size());
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.cache_index_and_filter_blocks = true;  // Or they would grow with the repository.
  table.partition_filters = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.pin_top_level_index_and_filter = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = write_buffer.size();
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 3;  // A flush, a large merge, and small ones beside it.
  // Keys are random, so in levels every flush would be merged into all of the next level; runs of
  // like size cost half as many writes.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.level0_file_num_compaction_trigger = runs_to_merge;
  options.level0_slowdown_writes_trigger = runs_to_slow;
  options.level0_stop_writes_trigger = runs_to_stop;
  options.compression = rocksdb::kNoCompression;  // Fingerprints do not compress.
  options.paranoid_checks = true;
  options.keep_log_file_num = 1;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.target_file_size_base = table_file.size();
  // All stay open: a follower's must, and a table that is opened when it is needed reads all its
  // filters first.
  options.max_open_files = -1;
  return options;
}

class RocksIndex final : public RecordIndex {
 public:
  RocksIndex(std::optional<ScratchFolder> scratch, std::unique_ptr<rocksdb::DB> db)
      : scratch_(std::move(scratch)), db_(std::move(db)) {}

  Result<void> add_pack(const PackId& pack, std::span<const TableEntry> entries) override {
    rocksdb::WriteBatch batch;
    for (const TableEntry& entry : entries) {
      const PlaceOnDisk place{pack.bytes, Le32(entry.at), Le32(entry.stored_length)};
      batch.Put(key_of('R', entry.name), slice(bytes_of_struct(place)));
      if (static_cast<std::size_t>(batch.Count()) >= records_in_one_batch) {
        TRY(checked(db_->Write({}, &batch)));
        batch.Clear();
      }
    }
    // The pack's own mark comes last: with it, all its records are in.
    const Le32 count(static_cast<std::uint32_t>(entries.size()));
    batch.Put(key_of('P', pack), slice(bytes_of_struct(count)));
    return checked(db_->Write({}, &batch));
  }

  Result<void> forget_pack(const PackId& pack) override {
    return checked(db_->Delete({}, key_of('P', pack)));
  }

  Result<void> forget_records(const PackId& pack, std::span<const RecordName> names) override {
    rocksdb::WriteBatch batch;
    for (const RecordName& name : names) {
      const auto place = TRY(place_of(name));
      if (place && place->pack == pack) batch.Delete(key_of('R', name));
    }
    return checked(db_->Write({}, &batch));
  }

  Result<std::vector<PackId>> packs() override {
    std::vector<PackId> all;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek("P"); at->Valid() && at->key().starts_with("P"); at->Next()) {
      const auto pack = PackId::of(bytes_of(at->key().ToStringView()).subspan(1));
      if (pack) all.push_back(*pack);
    }
    TRY(checked(at->status()));
    return all;
  }

  // One after the other: a MultiGet of 16 names was no quicker, it pins a block for each name until
  // the last one is there, and in RocksDB 7.8 a follower's reads freed memory.
  Result<void> look_up(std::span<const RecordName> names,
                       std::span<std::optional<RecordPlace>> places) override {
    for (std::size_t i = 0; i < names.size(); ++i) places[i] = TRY(place_of(names[i]));
    return {};
  }

  Result<bool> whole() override {
    std::string value;
    const auto status = db_->Get({}, "W", &value);
    if (status.IsNotFound()) return false;
    TRY(checked(status));
    return value == "1";
  }
  Result<void> set_whole(bool whole) override {
    rocksdb::WriteOptions durable;
    durable.sync = true;  // Less than whole must be remembered before anything relies on it.
    return checked(whole ? db_->Put(durable, "W", "1") : db_->Delete(durable, "W"));
  }

 private:
  Result<std::optional<RecordPlace>> place_of(const RecordName& name) {
    rocksdb::PinnableSlice value;
    const auto status = db_->Get({}, db_->DefaultColumnFamily(), key_of('R', name), &value);
    if (status.IsNotFound()) return std::nullopt;
    TRY(checked(status));
    if (value.size() != sizeof(PlaceOnDisk)) {
      return fail(Error::damaged("the fingerprint index holds a value of wrong length"));
    }
    PlaceOnDisk place;
    std::memcpy(&place, value.data(), sizeof place);
    return RecordPlace{PackId{place.pack}, place.at.value(), place.stored_length.value()};
  }

  // Goes last. Of a follower: its own log files; else the index itself, or nothing.
  std::optional<ScratchFolder> scratch_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

Result<std::unique_ptr<RecordIndex>> open_index(const std::string& path, IndexAccess access) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Options options = make_options();
  std::optional<ScratchFolder> logs;
  if (access == IndexAccess::follow) {
    logs.emplace(TRY(ScratchFolder::make()));
    TRY(checked(rocksdb::DB::OpenAsSecondary(options, path, logs->path(), &db)));
  } else {
    TRY(checked(rocksdb::DB::Open(options, path, &db)));
  }
  return std::make_unique<RocksIndex>(std::move(logs), std::unique_ptr<rocksdb::DB>(db));
}

Result<std::unique_ptr<RecordIndex>> open_scratch_index() {
  auto folder = TRY(ScratchFolder::make());
  rocksdb::DB* db = nullptr;
  const rocksdb::Options options = make_options();
  TRY(checked(rocksdb::DB::Open(options, folder.path() + "/index", &db)));
  return std::make_unique<RocksIndex>(std::move(folder), std::unique_ptr<rocksdb::DB>(db));
}

Result<void> delete_index(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail(Error::from_errno(error.value()).during("deleting {}", path));
  return {};
}

}  // namespace ebb
