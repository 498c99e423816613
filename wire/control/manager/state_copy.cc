// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/state_copy.h"

#include <capnp/serialize.h>
#include <zstd.h>

#include "devmap/core/paper_text.h"
#include "wire/control/bounded.h"
#include "wire/control/manager/tables.h"
#include "wire/control/protocol.h"
#include "wire/error_bridge.h"
#include "wire/link/openssl.h"
#include "wire/schema/control.capnp.h"

namespace ebb::control {

namespace {

constexpr std::string_view magic = "EBBMCPY1";
constexpr std::size_t max_database = std::size_t{1} << 30;

struct ChecksumTag;

KeyOnPaper with_checksum(const RecoveryKey& key) {
  KeyOnPaper whole;
  std::memcpy(whole.room().data(), key.reveal().data(), RecoveryKey::size);
  ByteVector named = copy_of(bytes_of("ebb recovery key"));
  append(named, key.reveal());
  const auto digest = ossl::sha256_name<Name<32, ChecksumTag>>(named);
  ::explicit_bzero(named.data(), named.size());
  std::memcpy(whole.room().data() + RecoveryKey::size, digest.bytes.data(),
              KeyOnPaper::size - RecoveryKey::size);
  return whole;
}

ByteVector compressed(Bytes bytes) {
  ByteVector room(ZSTD_compressBound(bytes.size()));
  const std::size_t size =
      ZSTD_compress(room.data(), room.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  EBB_CHECK(ZSTD_isError(size) == 0, "zstd has room enough");
  room.resize(size);
  return room;
}

Result<ByteVector> decompressed(Bytes bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size > max_database) return fail(Error::damaged("the database in it has no sensible size"));
  ByteVector room(size);
  if (ZSTD_decompress(room.data(), room.size(), bytes.data(), bytes.size()) != size) {
    return fail(Error::damaged("the database in it does not unpack"));
  }
  return room;
}

SecretBuffer secret_of(capnp::Data::Reader data) {
  SecretBuffer secret(data.size());
  std::memcpy(secret.room().data(), data.begin(), data.size());
  return secret;
}

}  // namespace

std::string recovery_key_text(const RecoveryKey& key) {
  return text_on_paper(with_checksum(key));
}

std::optional<RecoveryKey> recovery_key_of(std::string_view text) {
  const auto read = key_on_paper(text);
  if (!read) return std::nullopt;
  RecoveryKey key(read->reveal().first<RecoveryKey::size>());
  if (!same_bytes(with_checksum(key).reveal(), read->reveal())) return std::nullopt;
  return key;
}

std::vector<std::string> kept_tables() {
  return {"settings", "identities", "revocations",  "repositories", "allowed_hosts",
          "volumes",  "policies",   "run_requests", "run_answers",  "audit"};
}

std::vector<std::string> left_out_tables() {
  return {"tokens", "points", "listings", "jobs", "traffic"};
}

Result<ByteVector> kept_database(const std::string& path) {
  const auto copy = TRY(Database::open(":memory:", Database::Missing::make));
  TRY(bring_tables_to(*copy));
  TRY(copy->change("ATTACH ? AS live", {path}));
  // Deferred, so that it is one look at the live database and no lock on it.
  std::string script =
      "BEGIN; INSERT INTO main.hosts SELECT name, role, address, NULL FROM live.hosts;";
  for (const std::string& table : kept_tables()) {
    script += fmt::format("INSERT INTO main.{0} SELECT * FROM live.{0};", table);
  }
  // Whoever lists points finds that this catalog has none. Numbers go on where they were, also
  // those of rows that are gone.
  script +=
      "UPDATE main.repositories SET listing = NULL, told = NULL;"
      "DELETE FROM main.sqlite_sequence;"
      "INSERT INTO main.sqlite_sequence SELECT name, seq FROM live.sqlite_sequence "
      "WHERE name IN ('revocations', 'run_requests');";
  TRY(copy->run(script + "COMMIT; DETACH live"));
  return copy->image();
}

Result<ByteVector> seal_state(const ManagerState& state, const RecoveryKey& key) {
  if (state.database.size() > max_database) {
    return fail(Error(ErrorKind::full,
                      fmt::format("the manager's state has {} bytes, at most {} are copied",
                                  state.database.size(), max_database)));
  }
  capnp::MallocMessageBuilder message;
  auto copy = message.initRoot<wire::ManagerCopy>();
  copy.setAuthority(state.authority.c_str());
  copy.setAuthorityKey(as_data(state.authority_key.reveal()));
  copy.setTicketKey(as_data(state.ticket_key.reveal()));
  copy.setDatabase(as_data(compressed(state.database)));
  auto words = capnp::messageToFlatArray(message);
  ByteVector sealed = seal_file(magic, key, std::as_bytes(std::span(words.begin(), words.size())));
  ::explicit_bzero(words.begin(), words.asBytes().size());
  if (sealed.size() > max_copy_bytes) {
    return fail(
        Error(ErrorKind::full, fmt::format("a copy of this manager's state has {} bytes, at most "
                                           "{} are kept",
                                           sealed.size(), max_copy_bytes)));
  }
  return sealed;
}

Result<ManagerState> open_state(Bytes bytes, const RecoveryKey& key) {
  const SecretBuffer plain = TRY(open_file(magic, key, bytes));
  if (plain.reveal().size() % sizeof(capnp::word) != 0) {
    return fail(Error::damaged("what is in it has an odd length"));
  }
  auto words = kj::heapArray<capnp::word>(plain.reveal().size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), plain.reveal().data(), plain.reveal().size());
  auto opened = catching([&]() -> Result<ManagerState> {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.size() * 2 + 64;
    capnp::FlatArrayMessageReader message(words, options);
    const auto copy = message.getRoot<wire::ManagerCopy>();
    return ManagerState{copy.getAuthority().cStr(), secret_of(copy.getAuthorityKey()),
                        secret_of(copy.getTicketKey()),
                        TRY(decompressed(bytes_in(copy.getDatabase())))};
  });
  ::explicit_bzero(words.begin(), words.asBytes().size());
  return opened;
}

}  // namespace ebb::control
