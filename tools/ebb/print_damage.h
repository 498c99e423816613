// SPDX-License-Identifier: Apache-2.0
// print_damage.h - damages for people and for programs.
#pragma once

#include "engine/flow/damage.h"
#include "tools/ebb/find_point.h"

namespace ebb {

nlohmann::json json_of(const Damage& damage);
// The same, with the point and volume that it belongs to.
nlohmann::json json_of(const std::vector<Damage>& damages, const KnownPoint& of);
void print_damages(Outside& outside, const std::vector<Damage>& damages, const KnownPoint& of);

}  // namespace ebb
