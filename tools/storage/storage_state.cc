// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/storage_state.h"

#include "tools/common/json_parts.h"

namespace ebb {

namespace {

using nlohmann::json;

constexpr std::pair<const char*, std::uint32_t KeepRule::*> parts[] = {
    {"last", &KeepRule::last},     {"hourly", &KeepRule::hourly},   {"daily", &KeepRule::daily},
    {"weekly", &KeepRule::weekly}, {"monthly", &KeepRule::monthly}, {"yearly", &KeepRule::yearly}};

json json_of(const KeepRule& rule) {
  json to = json::object();
  for (const auto& [name, part] : parts) {
    if (rule.*part != 0) to[name] = rule.*part;
  }
  return to;
}

// Nothing when a part of it is not what it should be: half a rule would remove too much.
std::optional<KeepRule> rule_of(const json& from) {
  if (!from.is_object()) return std::nullopt;
  KeepRule rule;
  std::size_t known = 0;
  for (const auto& [name, part] : parts) {
    const json& value = part_of(from, name);
    if (value.is_null()) continue;
    if (!value.is_number_unsigned()) return std::nullopt;
    rule.*part = value.get<std::uint32_t>();
    ++known;
  }
  if (known != from.size()) return std::nullopt;
  return rule;
}

// Only as a whole: with a name less, all of them are to be told again.
void take_revocations(const json& all, StorageState& state) {
  const auto names = strings_in<std::vector<std::string>>(all, "revoked");
  for (const std::string& name : names) {
    if (const auto holder = HolderId::from_hex_text(name)) state.revoked.insert(*holder);
  }
  const json& heard = part_of(all, "heard");
  const auto last = HolderId::from_hex_text(text_in(heard, "last"));
  if (last && state.revoked.size() == names.size()) {
    state.heard = {number_in(heard, "number"), last, {number_in<std::int64_t>(heard, "at")}};
  }
}

}  // namespace

void StorageState::take(const control::StorageOrders& orders) {
  revoked.insert(orders.revoked.begin(), orders.revoked.end());
  heard = orders.heard;
  if (orders.rules_are_old) return;
  keep.clear();
  for (const control::StoredRepository& repository : orders.repositories) {
    Rules& rules = keep[repository.name];
    for (const control::KeepOrder& order : repository.keep) {
      rules[VolumeId{order.volume.bytes}] = {order.last,   order.hourly,  order.daily,
                                             order.weekly, order.monthly, order.yearly};
    }
  }
}

std::string to_text(const StorageState& state) {
  json keep = json::object();
  for (const auto& [repository, rules] : state.keep) {
    json& list = keep[repository] = json::object();
    for (const auto& [volume, rule] : rules) list[volume.hex()] = json_of(rule);
  }
  json jobs = json::array();
  for (const KeptJob& kept : state.jobs) jobs.push_back(json_of(kept));
  json revoked = json::array();
  for (const HolderId& holder : state.revoked) revoked.push_back(holder.hex());
  json all = {{"keep", keep}, {"ended", state.ended}, {"jobs", jobs}, {"revoked", revoked}};
  if (state.heard.last) {
    all["heard"] = {{"number", state.heard.number},
                    {"last", state.heard.last->hex()},
                    {"at", state.heard.at.nanoseconds}};
  }
  return all.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

StorageState storage_state_of(const std::string& text) {
  StorageState state;
  const json all = json::parse(text, nullptr, false);
  const auto each = [](const json& of, auto visit) {
    if (!of.is_object()) return;
    for (const auto& [name, value] : of.items()) visit(name, value);
  };
  each(part_of(all, "keep"), [&](const std::string& repository, const json& rules) {
    each(rules, [&](const std::string& name, const json& value) {
      const auto volume = VolumeId::from_hex_text(name);
      const auto rule = rule_of(value);
      if (volume && rule) state.keep[repository][*volume] = *rule;
    });
  });
  each(part_of(all, "ended"), [&](const std::string& repository, const json& times) {
    each(times, [&](const std::string& what, const json& value) {
      if (value.is_number_integer()) state.ended[repository][what] = value.get<std::int64_t>();
    });
  });
  const json& jobs = part_of(all, "jobs");
  for (const json& item : jobs.is_array() ? jobs : json::array()) {
    if (auto kept = job_of(item)) state.jobs.push_back(std::move(*kept));
  }
  take_revocations(all, state);
  return state;
}

}  // namespace ebb
