// SPDX-License-Identifier: Apache-2.0
// tables.h - the manager's tables, version by version.
//
// SQLite's user_version says which version a file has. A newer program brings an older file up to
// its own version, one step after the other, each in a transaction; an older program refuses a
// newer file. A step that was released is never changed.
#pragma once

#include "wire/control/manager/database.h"

namespace ebb::control {

inline constexpr std::int64_t tables_version = 3;

// To `version`; tests make older files by it.
Result<void> bring_tables_to(Database& database, std::int64_t version = tables_version);

}  // namespace ebb::control
