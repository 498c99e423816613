// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/audit.h"

#include "devmap/core/endian.h"
#include "wire/link/openssl.h"

namespace ebb::control {

namespace {

void append_number(ByteVector& to, std::uint64_t number) {
  append(to, bytes_of_struct(Le64(number)));
}
void append_text(ByteVector& to, std::string_view text) {
  append_number(to, text.size());
  append(to, bytes_of(text));
}

}  // namespace

AuditDigest digest_of(const AuditEntry& entry) {
  ByteVector bytes = copy_of(bytes_of("ebb audit 1"));
  append(bytes, entry.former.view());
  append_number(bytes, entry.number);
  append_number(bytes, static_cast<std::uint64_t>(entry.at.nanoseconds));
  for (const std::string* text : {&entry.actor, &entry.action, &entry.subject, &entry.detail}) {
    append_text(bytes, *text);
  }
  return ossl::sha256_name<AuditDigest>(bytes);
}

Result<void> AuditLog::append(WallTime at, std::string_view actor, std::string_view action,
                              std::string_view subject, std::string_view detail) {
  return database_.atomically([&]() -> Result<void> {
    AuditEntry entry;
    TRY(database_.each("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1", {},
                       [&](const SqlRow& row) {
                         entry.number = row.count(0);
                         entry.former = row.name<AuditDigest>(1);
                       }));
    ++entry.number;
    entry.at = at;
    entry.actor = actor;
    entry.action = action;
    entry.subject = subject;
    entry.detail = detail;
    entry.digest = digest_of(entry);
    TRY(database_.change("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         {entry.number, entry.at, entry.actor, entry.action, entry.subject,
                          entry.detail, entry.former, entry.digest}));
    return {};
  });
}

Result<void> AuditLog::each(const std::function<void(const AuditEntry&)>& visit) {
  return database_.each(
      "SELECT number, at, actor, action, subject, detail, former, digest FROM audit "
      "ORDER BY number",
      {}, [&](const SqlRow& row) {
        visit({row.count(0), row.time(1), row.text(2), row.text(3), row.text(4), row.text(5),
               row.name<AuditDigest>(6), row.name<AuditDigest>(7)});
      });
}

Result<AuditLog::Verified> AuditLog::verify(const std::optional<AuditDigest>& seen) {
  Verified verified;
  std::optional<Error> wrong;
  bool met = !seen || seen->is_zero();
  TRY(each([&](const AuditEntry& entry) {
    if (wrong) return;
    if (entry.number != verified.entries + 1) {
      wrong = Error::damaged("entry {} of the audit log is missing", verified.entries + 1);
    } else if (entry.former != verified.newest) {
      wrong = Error::damaged("entry {} of the audit log does not follow the one before it",
                             entry.number);
    } else if (entry.digest != digest_of(entry)) {
      wrong = Error::damaged("entry {} of the audit log was altered", entry.number);
    }
    verified = {entry.number, entry.digest};
    met = met || entry.digest == *seen;
  }));
  if (wrong) return fail(*wrong);
  if (!met) {
    return fail(
        Error::damaged("no entry of the audit log has the digest {}: the log was cut or written "
                       "anew since that was seen",
                       seen->hex()));
  }
  return verified;
}

}  // namespace ebb::control
