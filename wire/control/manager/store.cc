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
constexpr const char* database_file = "manager.db";

}  // namespace

Result<void> Store::make(const std::string& folder, const Address& address, WallTime now,
                         Random& random) {
  NewFolder building = TRY(NewFolder::begin(folder));
  const CertificateAuthority authority = CertificateAuthority::make(now);
  const SecretBuffer key = authority.key().pem();
  const TicketSigningKey ticket_key = make_ticket_signing_key(random);
  TRY(write_new_file(building / authority_file, bytes_of(authority.certificate()),
                     Readers::everybody));
  TRY(write_new_file(building / authority_key_file, key.reveal(), Readers::owner));
  TRY(write_new_file(building / ticket_key_file, ticket_key.reveal(), Readers::owner));
  {
    // Closed before the folder gets its name, so that its log is in it.
    const auto database = TRY(Database::open(building / database_file, Database::Missing::make));
    TRY(bring_tables_to(*database));
    TRY(database->atomically([&]() -> Result<void> {
      TRY(database->change("INSERT INTO settings VALUES ('address', ?)", {address.text()}));
      const CertificateFacts facts = TRY(facts_of(authority.certificate()));
      return AuditLog(*database).append(now, "manager", "made", address.text(),
                                        "authority " + facts.digest.hex());
    }));
  }
  return building.publish();
}

Result<std::unique_ptr<Store>> Store::open(const std::string& folder) {
  const auto file = [&](const char* name, Readers readers) {
    return read_identity_file(folder + "/" + name, readers);
  };
  const auto certificate = file(authority_file, Readers::everybody);
  if (!certificate && certificate.error().kind() == ErrorKind::absent) {
    return fail(Error::absent("{} is no manager's folder; `ebb-manager init` makes one", folder));
  }
  if (!certificate) return fail(certificate.error());
  const SecretBuffer key = TRY(file(authority_key_file, Readers::owner));
  const SecretBuffer seed = TRY(file(ticket_key_file, Readers::owner));
  if (seed.reveal().size() != TicketSigningKey::size) {
    return fail(Error::damaged("{}/{} is no ticket key", folder, ticket_key_file));
  }
  auto authority = TRY(CertificateAuthority::of(std::string(text_of(certificate->reveal())),
                                                TRY(PrivateKey::of_pem(key.reveal()))));
  auto database = TRY(Database::open(folder + "/" + database_file, Database::Missing::refuse));
  TRY(bring_tables_to(*database));
  std::string address;
  TRY(database->each("SELECT value FROM settings WHERE key = 'address'", {},
                     [&](const SqlRow& row) { address = row.text(0); }));
  const Address parsed = TRY(parse_address(address, control::enrolment_port));
  const CertificateFacts facts = TRY(facts_of(authority.certificate()));
  return std::unique_ptr<Store>(
      new Store(std::move(database), std::move(authority), facts.digest,
                TicketSigningKey(seed.reveal().first<TicketSigningKey::size>()), parsed));
}

Store::Store(std::unique_ptr<Database> database, CertificateAuthority authority,
             CertificateDigest digest, TicketSigningKey ticket_key, Address address)
    : database_(std::move(database)),
      authority_(std::move(authority)),
      authority_digest_(digest),
      ticket_key_(std::move(ticket_key)),
      address_(std::move(address)),
      audit_(*database_),
      hosts_(*database_, audit_),
      policies_(*database_, audit_),
      catalog_(*database_, audit_),
      jobs_(*database_) {}

}  // namespace ebb::control
