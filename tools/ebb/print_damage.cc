// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/print_damage.h"

#include <ostream>

namespace ebb {

namespace {

constexpr std::size_t most_shown = 20;

}  // namespace

nlohmann::json json_of(const Damage& damage) {
  nlohmann::json json = {{"what", damage.what},
                         {"first_block", damage.blocks.begin.value()},
                         {"blocks", damage.blocks.length().value()}};
  if (damage.place) {
    json["pack"] = damage.place->pack.hex();
    json["at"] = damage.place->at;
  }
  return json;
}

nlohmann::json json_of(const std::vector<Damage>& damages, const KnownPoint& of) {
  nlohmann::json list = nlohmann::json::array();
  for (const Damage& damage : damages) {
    nlohmann::json json = json_of(damage);
    json["volume"] = of.about.volume_name;
    json["point"] = of.point.id.hex();
    list.push_back(std::move(json));
  }
  return list;
}

void print_damages(Outside& outside, const std::vector<Damage>& damages, const KnownPoint& of) {
  for (std::size_t i = 0; i < damages.size() && i < most_shown; ++i) {
    const Damage& damage = damages[i];
    outside.out << fmt::format(
        "damaged: volume {}, point {}, blocks {} to {}: {}{}\n", of.about.volume_name,
        of.point.id.hex().substr(0, 12), damage.blocks.begin.value(), damage.blocks.end.value() - 1,
        damage.what,
        damage.place ? fmt::format(" (pack {} at {})", damage.place->pack.hex(), damage.place->at)
                     : "");
  }
  if (damages.size() > most_shown) {
    outside.out << fmt::format("... and {} more; --json lists all\n", damages.size() - most_shown);
  }
}

}  // namespace ebb
