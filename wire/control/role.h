// SPDX-License-Identifier: Apache-2.0
// role.h - what a party is to the manager, which decides what it may ask for.
#pragma once

#include <optional>
#include <string_view>

namespace ebb::control {

enum class Role { storage, source, operator_ };

constexpr std::string_view name_of(Role role) {
  switch (role) {
    case Role::storage: return "storage";
    case Role::source: return "source";
    case Role::operator_: return "operator";
  }
  return "unknown";
}

constexpr std::optional<Role> role_named(std::string_view name) {
  for (const Role role : {Role::storage, Role::source, Role::operator_}) {
    if (name_of(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace ebb::control
