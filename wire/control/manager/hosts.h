// SPDX-License-Identifier: Apache-2.0
// hosts.h - who belongs to a manager: tokens that admit, hosts and their keys, revocation.
//
// A host is a name; what volumes and repositories belong to is the name. Its key may be another
// after it was revoked and enrolled anew. Everything is in the database before a call returns, with
// its audit entry in the same transaction.
#pragma once

#include <vector>

#include "wire/control/manager/audit.h"
#include "wire/control/role.h"
#include "wire/control/token.h"

namespace ebb::control {

struct Host {
  std::string name;
  Role role = Role::source;
  HolderId holder;  // Of its newest key.
  std::vector<std::string> server_names;
  WallTime enrolled;
  WallTime expires;  // Its certificate.
  std::optional<WallTime> revoked;
  std::optional<WallTime> last_seen;
  std::string address;  // Where clients reach it; of a storage agent that has said so.
};

struct TokenOrder {
  Role role = Role::source;
  std::string host;                       // Empty: any name that nobody ever had.
  std::vector<std::string> server_names;  // Empty: any that nobody has.
  WallTime expires;
};

struct TokenRow {
  TokenDigest digest;
  TokenOrder order;
  WallTime created;
  std::optional<WallTime> used;
};

// What a host says when it shows a token.
struct Applicant {
  TokenDigest token;
  HolderId holder;
  std::string name;
  std::vector<std::string> server_names;
};

struct Revocation {
  std::uint64_t number = 0;
  HolderId holder;
  WallTime at;
};

// 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', not beginning with '.' or '-'.
bool is_host_name(std::string_view name);

class Hosts {
 public:
  Hosts(Database& database, AuditLog& audit) : database_(database), audit_(audit) {}

  Result<void> add_token(const TokenDigest& token, const TokenOrder& order, WallTime now);
  Result<std::vector<TokenRow>> tokens();

  // Uses the token up and makes the host. `denied` in the same words whether the token was used,
  // has expired or never was; `invalid` when the name or a server name is taken or not allowed, and
  // then the token is as it was.
  Result<Host> admit(const Applicant& applicant, WallTime now, WallTime certificate_until);
  // The role that a token would give, before anything is used up; `denied` as above.
  Result<Role> role_of_token(const TokenDigest& token, WallTime now);

  // `denied` when nobody has this key, or it was revoked.
  Result<Host> known(const HolderId& holder);
  // `absent` when there is no such host; a prefix of at least 8 digits of its id will do too.
  Result<Host> named(std::string_view name);
  Result<std::vector<Host>> all();

  // From now on the key is nobody's. `absent` when there is no such host, `invalid` when it has
  // been revoked.
  Result<HolderId> revoke(std::string_view name, WallTime now);
  // At most `most`, with numbers above that of `last`, who must be the one that it numbers;
  // otherwise whoever has heard of it heard it from another database, and gets all of them.
  Result<std::vector<Revocation>> revocations(const Revocation& last, std::size_t most);

  Result<void> renewed(const Host& host, WallTime until, WallTime now);
  Result<void> seen(const Host& host, WallTime now);
  Result<void> set_address(const Host& host, const std::string& address);

 private:
  Result<void> check_name(const TokenOrder& order, const Applicant& applicant);
  Result<void> check_server_names(const TokenOrder& order, const Applicant& applicant);
  Result<TokenOrder> usable_token(const TokenDigest& token, WallTime now);
  Result<std::vector<Host>> select(const char* where, Database::Values values);

  Database& database_;
  AuditLog& audit_;
};

// Lists in one column: one a line.
std::string lines(const std::vector<std::string>& texts);
std::vector<std::string> texts_of(std::string_view lines);

}  // namespace ebb::control
