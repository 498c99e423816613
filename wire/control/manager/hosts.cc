// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/hosts.h"

#include <algorithm>

#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

constexpr const char* by_hand = "manager";

}  // namespace

std::string lines(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += text + "\n";
  return joined;
}

std::vector<std::string> texts_of(std::string_view lines) {
  std::vector<std::string> texts;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    texts.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(lines.size(), end + 1));
  }
  return texts;
}

bool is_host_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, allowed);
}

Result<void> Hosts::add_token(const TokenDigest& token, const TokenOrder& order, WallTime now) {
  if (!order.host.empty() && !is_host_name(order.host)) {
    return fail(Error::invalid("\"{}\" is no name of a host", order.host));
  }
  if (order.role != Role::storage && !order.server_names.empty()) {
    return fail(Error::invalid("only storage agents have server names"));
  }
  if (!std::ranges::all_of(order.server_names, is_server_name) ||
      order.server_names.size() > max_server_names) {
    return fail(Error::invalid("a server name is no host name or address, or there are too many"));
  }
  return database_.atomically([&]() -> Result<void> {
    TRY(database_.change(
        "INSERT INTO tokens (digest, role, host, server_names, created, expires) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        {token, name_of(order.role), order.host, lines(order.server_names), now, order.expires}));
    return audit_.append(
        now, by_hand, "token created", name_of(order.role),
        fmt::format("{}expires {}", order.host.empty() ? "" : "for " + order.host + ", ",
                    order.expires.text()));
  });
}

Result<std::vector<TokenRow>> Hosts::tokens() {
  std::vector<TokenRow> rows;
  TRY(
      database_.each("SELECT digest, role, host, server_names, created, expires, used FROM tokens "
                     "ORDER BY created",
                     {}, [&](const SqlRow& row) {
                       rows.push_back({row.name<TokenDigest>(0),
                                       {role_named(row.text(1)).value_or(Role::source), row.text(2),
                                        texts_of(row.text(3)), row.time(5)},
                                       row.time(4),
                                       row.maybe_time(6)});
                     }));
  return rows;
}

Result<TokenOrder> Hosts::usable_token(const TokenDigest& token, WallTime now) {
  std::optional<TokenOrder> order;
  TRY(
      database_.each("SELECT role, host, server_names, expires FROM tokens "
                     "WHERE digest = ? AND used IS NULL AND expires > ?",
                     {token, now}, [&](const SqlRow& row) {
                       order = {role_named(row.text(0)).value_or(Role::source), row.text(1),
                                texts_of(row.text(2)), row.time(3)};
                     }));
  if (!order) {
    return fail(
        Error::denied("this token is not valid: it was used already, it has expired, or it is of "
                      "another manager; `ebb-manager token create` makes a new one"));
  }
  return *order;
}

Result<Role> Hosts::role_of_token(const TokenDigest& token, WallTime now) {
  return TRY(usable_token(token, now)).role;
}

Result<void> Hosts::check_name(const TokenOrder& order, const Applicant& applicant) {
  if (!is_host_name(applicant.name)) {
    return fail(Error::invalid(
        "\"{}\" is no name for a host: 1 to 64 letters, digits, '.', '_' and '-'", applicant.name));
  }
  if (!order.host.empty() && order.host != applicant.name) {
    return fail(
        Error::invalid("this token is for the host \"{}\"; enroll by that name", order.host));
  }
  bool current = false;
  std::optional<Role> former;
  TRY(database_.each(
      "SELECT role, EXISTS (SELECT 1 FROM identities WHERE host = name AND revoked IS NULL) "
      "FROM hosts WHERE name = ?",
      {applicant.name}, [&](const SqlRow& row) {
        former = role_named(row.text(0));
        current = row.number(1) != 0;
      }));
  if (current) {
    return fail(
        Error::invalid("there is a host \"{}\" already; choose another name, or revoke that one "
                       "first (`ebb-manager revoke {}`)",
                       applicant.name, applicant.name));
  }
  // Volumes belong to names, so a name that was somebody's is not for just any token.
  if (former && order.host.empty()) {
    return fail(
        Error::invalid("\"{}\" was the name of a host that was revoked; to give its volumes to "
                       "this one, make a token for it (`ebb-manager token create --host {}`)",
                       applicant.name, applicant.name));
  }
  if (former && *former != order.role) {
    return fail(Error::invalid("\"{}\" was the name of a {}; choose another", applicant.name,
                               name_of(*former)));
  }
  return {};
}

Result<void> Hosts::check_server_names(const TokenOrder& order, const Applicant& applicant) {
  if (order.role != Role::storage) {
    if (applicant.server_names.empty()) return {};
    return fail(Error::invalid("a {} is no server and has no server names", name_of(order.role)));
  }
  if (applicant.server_names.empty()) {
    return fail(Error::invalid("a storage agent needs a name or address that clients dial"));
  }
  std::vector<std::string> taken;
  TRY(database_.each("SELECT server_names FROM identities WHERE revoked IS NULL", {},
                     [&](const SqlRow& row) {
                       for (std::string& name : texts_of(row.text(0))) taken.push_back(name);
                     }));
  for (const std::string& name : applicant.server_names) {
    if (!is_server_name(name)) return fail(Error::invalid("\"{}\" is no host name", name));
    if (name == control::manager_server_name || std::ranges::count(taken, name) != 0) {
      return fail(Error::invalid("the server name \"{}\" is somebody else's", name));
    }
    if (!order.server_names.empty() && std::ranges::count(order.server_names, name) == 0) {
      return fail(Error::invalid("this token does not allow the server name \"{}\"", name));
    }
  }
  return {};
}

Result<Host> Hosts::admit(const Applicant& applicant, WallTime now, WallTime until) {
  return database_.atomically([&]() -> Result<Host> {
    const TokenOrder order = TRY(usable_token(applicant.token, now));
    TRY(check_name(order, applicant));
    TRY(check_server_names(order, applicant));
    if (TRY(database_.number("SELECT count(*) FROM identities WHERE holder = ?",
                             {applicant.holder})) != 0) {
      return fail(Error::denied("this key was enrolled before; make a new one"));
    }
    TRY(database_.change("UPDATE tokens SET used = ?, used_by = ? WHERE digest = ?",
                         {now, applicant.holder, applicant.token}));
    TRY(database_.change(
        "INSERT INTO hosts (name, role) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        {applicant.name, name_of(order.role)}));
    TRY(database_.change(
        "INSERT INTO identities (holder, host, server_names, enrolled, expires) "
        "VALUES (?, ?, ?, ?, ?)",
        {applicant.holder, applicant.name, lines(applicant.server_names), now, until}));
    TRY(audit_.append(now, applicant.name, "enrolled", applicant.holder.hex(),
                      name_of(order.role)));
    return known(applicant.holder);
  });
}

Result<std::vector<Host>> Hosts::select(const char* where, Database::Values values) {
  // Of each host the key that it has, else the one that it had last.
  const std::string sql = fmt::format(
      "SELECT name, role, holder, server_names, enrolled, expires, revoked, last_seen, address "
      "FROM identities JOIN hosts ON host = name WHERE {} ORDER BY name, enrolled",
      where);
  std::vector<Host> hosts;
  TRY(database_.each(sql.c_str(), values, [&](const SqlRow& row) {
    Host host{row.text(0),
              role_named(row.text(1)).value_or(Role::source),
              row.name<HolderId>(2),
              texts_of(row.text(3)),
              row.time(4),
              row.time(5),
              row.maybe_time(6),
              row.maybe_time(7),
              row.text(8)};
    if (!hosts.empty() && hosts.back().name == host.name) hosts.pop_back();
    hosts.push_back(std::move(host));
  }));
  return hosts;
}

Result<Host> Hosts::known(const HolderId& holder) {
  const std::vector<Host> found = TRY(select("holder = ?", {holder}));
  if (found.empty()) {
    return fail(Error::denied("this manager does not know {}; enroll with a token first",
                              short_text(holder)));
  }
  if (found.front().revoked) {
    return fail(
        Error::denied("{} ({}) was revoked at {}; an operator can let it in again with a "
                      "new token",
                      found.front().name, short_text(holder), found.front().revoked->text()));
  }
  return found.front();
}

Result<Host> Hosts::named(std::string_view name) {
  std::vector<Host> found = TRY(select("name = ?", {name}));
  if (found.empty() && name.size() >= 8) {
    found = TRY(select("substr(lower(hex(holder)), 1, length(?1)) = ?1", {name}));
  }
  if (found.empty()) return fail(Error::absent("there is no host \"{}\"", name));
  if (found.size() > 1) return fail(Error::invalid("\"{}\" names several hosts", name));
  return found.front();
}

Result<std::vector<Host>> Hosts::all() {
  return select("true", {});
}

Result<HolderId> Hosts::revoke(std::string_view name, WallTime now) {
  return database_.atomically([&]() -> Result<HolderId> {
    const Host host = TRY(named(name));
    if (host.revoked) {
      return fail(Error::invalid("{} was revoked at {}", host.name, host.revoked->text()));
    }
    TRY(database_.change("UPDATE identities SET revoked = ? WHERE holder = ?", {now, host.holder}));
    TRY(database_.change("INSERT INTO revocations (holder, at) VALUES (?, ?)", {host.holder, now}));
    TRY(audit_.append(now, by_hand, "revoked", host.name, host.holder.hex()));
    return host.holder;
  });
}

Result<std::vector<Revocation>> Hosts::revocations(const Revocation& last, std::size_t most) {
  const bool is_ours =
      TRY(database_.number(
          "SELECT count(*) FROM revocations WHERE number = ? AND holder = ? AND at = ?",
          {last.number, last.holder, last.at})) != 0;
  const std::uint64_t since = is_ours ? last.number : 0;
  std::vector<Revocation> revocations;
  TRY(database_.each(
      "SELECT number, holder, at FROM revocations WHERE number > ? ORDER BY number LIMIT ?",
      {since, std::uint64_t{most}}, [&](const SqlRow& row) {
        revocations.push_back({row.count(0), row.name<HolderId>(1), row.time(2)});
      }));
  return revocations;
}

Result<void> Hosts::renewed(const Host& host, WallTime until, WallTime now) {
  return database_.atomically([&]() -> Result<void> {
    TRY(database_.change("UPDATE identities SET expires = ? WHERE holder = ?",
                         {until, host.holder}));
    return audit_.append(now, host.name, "renewed", host.holder.hex(), "until " + until.text());
  });
}

Result<void> Hosts::seen(const Host& host, WallTime now) {
  TRY(database_.change("UPDATE hosts SET last_seen = ? WHERE name = ?", {now, host.name}));
  return {};
}

Result<void> Hosts::set_address(const Host& host, const std::string& address) {
  TRY(database_.change("UPDATE hosts SET address = ?1 WHERE name = ?2 AND address != ?1",
                       {address, host.name}));
  return {};
}

}  // namespace ebb::control
