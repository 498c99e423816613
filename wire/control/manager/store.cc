// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/store.h"

#include "wire/control/manager/tables.h"
#include "wire/control/protocol.h"
#include "wire/link/new_folder.h"
#include "wire/link/secret_file.h"

namespace ebb::control {

namespace {

constexpr const char* authority_file = "authority.pem";
constexpr const char* authority_key_file = "authority.key";
constexpr const char* ticket_key_file = "ticket.key";
constexpr const char* recovery_key_file = "recovery.key";
constexpr const char* database_file = "manager.db";
constexpr const char* by_hand = "manager";

Result<void> write_keys(const NewFolder& folder, std::string_view authority, Bytes authority_key,
                        Bytes ticket_key, const RecoveryKey& recovery) {
  TRY(write_new_file(folder / authority_file, bytes_of(authority), Readers::everybody));
  TRY(write_new_file(folder / authority_key_file, authority_key, Readers::owner));
  TRY(write_new_file(folder / ticket_key_file, ticket_key, Readers::owner));
  return write_new_file(folder / recovery_key_file, recovery.reveal(), Readers::owner);
}

Result<void> set_address(Database& database, const Address& address) {
  TRY(database.change("INSERT OR REPLACE INTO settings VALUES ('address', ?)", {address.text()}));
  return {};
}

Result<SecretBuffer> key_file(const std::string& folder, const char* name, std::size_t size) {
  SecretBuffer key = TRY(read_identity_file(folder + "/" + name, Readers::owner));
  if (key.reveal().size() == size) return key;
  return fail(
      Error::damaged("{}/{} has {} bytes, not {}", folder, name, key.reveal().size(), size));
}

}  // namespace

struct Store::Keys {
  CertificateAuthority authority;
  CertificateDigest authority_digest;
  TicketSigningKey ticket;
  RecoveryKey recovery;
};

Result<void> Store::make(const std::string& folder, const Address& address, WallTime now,
                         Random& random) {
  NewFolder building = TRY(NewFolder::begin(folder));
  const CertificateAuthority authority = CertificateAuthority::make(now);
  const SecretBuffer key = authority.key().pem();
  const TicketSigningKey ticket_key = make_ticket_signing_key(random);
  RecoveryKey recovery;
  random.fill(recovery.room());
  TRY(write_keys(building, authority.certificate(), key.reveal(), ticket_key.reveal(), recovery));
  {
    // Closed before the folder gets its name, so that its log is in it.
    const auto database = TRY(Database::open(building / database_file, Database::Missing::make));
    TRY(bring_tables_to(*database));
    TRY(database->atomically([&]() -> Result<void> {
      TRY(set_address(*database, address));
      const CertificateFacts facts = TRY(facts_of(authority.certificate()));
      return AuditLog(*database).append(now, by_hand, "made", address.text(),
                                        "authority " + facts.digest.hex());
    }));
  }
  return building.publish();
}

Result<Store::Rebuilt> Store::rebuild(const std::string& folder, Bytes copy, const RecoveryKey& key,
                                      const std::optional<Address>& address, WallTime now) {
  Rebuilt rebuilt;
  const ManagerState state = TRY(open_state(copy, key));
  NewFolder building = TRY(NewFolder::begin(folder));
  TRY(write_keys(building, state.authority, state.authority_key.reveal(), state.ticket_key.reveal(),
                 key));
  TRY(write_new_file(building / database_file, state.database, Readers::owner));
  {
    const auto database = TRY(Database::open(building / database_file, Database::Missing::refuse));
    TRY(bring_tables_to(*database));
    AuditLog audit(*database);
    if (const auto verified = audit.verify(); !verified) rebuilt.log_trouble = verified.error();
    TRY(audit.each([&](const AuditEntry& entry) { rebuilt.last_entry = entry.at; }));
    TRY(database->atomically([&]() -> Result<void> {
      if (address) TRY(set_address(*database, *address));
      TRY(database->run("INSERT OR REPLACE INTO settings VALUES ('unconfirmed', 'policies')"));
      // What was numbered after the copy was made is not numbered again.
      TRY(database->run("UPDATE sqlite_sequence SET seq = seq + 1000000"));
      return audit.append(now, by_hand, "rebuilt", "of a copy", "");
    }));
  }
  TRY(building.publish());
  return rebuilt;
}

Result<void> Store::make_recovery_key(const std::string& folder) {
  RecoveryKey key;
  system_random().fill(key.room());
  const auto written =
      write_new_file(folder + "/" + recovery_key_file, key.reveal(), Readers::owner);
  // Another process may have been first.
  if (!written && written.error().kind() != ErrorKind::invalid) return written;
  return sync_entries(folder);
}

Result<Store::Keys> Store::read_keys(const std::string& folder) {
  const auto certificate = read_identity_file(folder + "/" + authority_file, Readers::everybody);
  if (!certificate && certificate.error().kind() == ErrorKind::absent) {
    return fail(Error::absent("{} is no manager's folder; `ebb-manager init` makes one", folder));
  }
  if (!certificate) return fail(certificate.error());
  const SecretBuffer key =
      TRY(read_identity_file(folder + "/" + authority_key_file, Readers::owner));
  const SecretBuffer seed = TRY(key_file(folder, ticket_key_file, TicketSigningKey::size));
  auto recovery = key_file(folder, recovery_key_file, RecoveryKey::size);
  if (!recovery && recovery.error().kind() == ErrorKind::absent) {
    TRY(make_recovery_key(folder));
    recovery = key_file(folder, recovery_key_file, RecoveryKey::size);
  }
  if (!recovery) return fail(recovery.error());
  auto authority = TRY(CertificateAuthority::of(std::string(text_of(certificate->reveal())),
                                                TRY(PrivateKey::of_pem(key.reveal()))));
  const CertificateFacts facts = TRY(facts_of(authority.certificate()));
  return Keys{std::move(authority), facts.digest,
              TicketSigningKey(seed.reveal().first<TicketSigningKey::size>()),
              RecoveryKey(recovery->reveal().first<RecoveryKey::size>())};
}

Result<std::unique_ptr<Store>> Store::open(const std::string& folder) {
  Keys keys = TRY(read_keys(folder));
  auto database = TRY(Database::open(folder + "/" + database_file, Database::Missing::refuse));
  TRY(bring_tables_to(*database));
  std::string address;
  TRY(database->each("SELECT value FROM settings WHERE key = 'address'", {},
                     [&](const SqlRow& row) { address = row.text(0); }));
  const Address parsed = TRY(parse_address(address, control::enrolment_port));
  return std::unique_ptr<Store>(new Store(folder, std::move(database), std::move(keys), parsed));
}

Store::Store(std::string folder, std::unique_ptr<Database> database, Keys keys, Address address)
    : folder_(std::move(folder)),
      database_(std::move(database)),
      authority_(std::move(keys.authority)),
      authority_digest_(keys.authority_digest),
      ticket_key_(std::move(keys.ticket)),
      recovery_key_(std::move(keys.recovery)),
      address_(std::move(address)),
      audit_(*database_),
      hosts_(*database_, audit_),
      policies_(*database_, audit_),
      catalog_(*database_, audit_),
      jobs_(*database_) {}

Result<ByteVector> Store::copy() const {
  ManagerState state{authority_.certificate(), authority_.key().pem(),
                     SecretBuffer(TicketSigningKey::size),
                     TRY(kept_database(folder_ + "/" + database_file))};
  std::memcpy(state.ticket_key.room().data(), ticket_key_.reveal().data(), TicketSigningKey::size);
  return seal_state(state, recovery_key_);
}

}  // namespace ebb::control
