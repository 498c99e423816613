// SPDX-License-Identifier: Apache-2.0
#include "bench/index/engines.h"

namespace ebb::bench {

std::optional<Engine> engine_of(std::string_view name) {
  if (name == "rocksdb") return Engine::rocksdb;
  if (name == "lmdb") return Engine::lmdb;
  if (name == "sqlite") return Engine::sqlite;
  return std::nullopt;
}

Result<std::unique_ptr<RecordIndex>> open_engine(Engine engine, const std::string& path,
                                                 IndexAccess access) {
  switch (engine) {
    case Engine::rocksdb: return open_index(path, access);
    case Engine::lmdb: return open_lmdb(path, access);
    case Engine::sqlite: return open_sqlite(path, access);
  }
  EBB_CHECK(false, "an engine that nobody knows");
}

}  // namespace ebb::bench
