// SPDX-License-Identifier: Apache-2.0
// agent_state_json.cc - the state as JSON, and back; what is of another type is taken as not there.
#include <nlohmann/json.hpp>

#include "tools/agent/agent_state.h"
#include "tools/common/json_parts.h"

namespace ebb {

namespace {

using nlohmann::json;

json json_of(const control::PolicyOrder& policy) {
  return {{"name", policy.name},
          {"repository", policy.repository},
          {"volumes", policy.volumes},
          {"every_seconds", policy.every_seconds},
          {"bytes_per_second", policy.bytes_per_second},
          {"window", {{"begin", policy.window_begin}, {"end", policy.window_end}}},
          {"before", policy.before},
          {"after", policy.after},
          {"settings", policy.settings}};
}
control::PolicyOrder policy_of(const json& from) {
  control::PolicyOrder policy;
  policy.name = text_in(from, "name");
  policy.repository = text_in(from, "repository");
  policy.volumes = strings_in<std::vector<std::string>>(from, "volumes");
  policy.every_seconds = number_in(from, "every_seconds");
  policy.bytes_per_second = number_in(from, "bytes_per_second");
  policy.window_begin = number_in<std::uint16_t>(part_of(from, "window"), "begin");
  policy.window_end = number_in<std::uint16_t>(part_of(from, "window"), "end");
  policy.before = text_in(from, "before");
  policy.after = text_in(from, "after");
  policy.settings = strings_in<std::vector<std::string>>(from, "settings");
  return policy;
}

}  // namespace

std::string to_text(const AgentState& state) {
  json policies = json::array();
  for (const auto& policy : state.policies) policies.push_back(json_of(policy));
  json runs = json::array();
  for (const auto& [number, run] : state.runs) {
    runs.push_back(
        {{"number", number}, {"policy", run.policy}, {"begun", run.is_begun}, {"left", run.left}});
  }
  json owed = json::object();
  for (const auto& [volume, hook] : state.owed) {
    owed[volume] = {{"policy", hook.policy}, {"device", hook.device}, {"command", hook.command}};
  }
  json jobs = json::array();
  for (const KeptJob& kept : state.jobs) jobs.push_back(json_of(kept));
  const json all = {{"policies", policies}, {"addresses", state.addresses},
                    {"runs", runs},         {"ended", state.ended},
                    {"owed", owed},         {"jobs", jobs}};
  return all.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

AgentState agent_state_of(const std::string& text) {
  AgentState state;
  const json all = json::parse(text, nullptr, false);
  const auto each = [&](const char* key, auto visit) {
    const json& list = part_of(all, key);
    if (!list.is_array()) return;
    for (const json& item : list) visit(item);
  };
  each("policies", [&](const json& item) { state.policies.push_back(policy_of(item)); });
  each("runs", [&](const json& item) {
    state.runs[number_in(item, "number")] = {text_in(item, "policy"), is_set(item, "begun"),
                                             strings_in<std::set<std::string>>(item, "left")};
  });
  each("jobs", [&](const json& item) {
    if (auto kept = job_of(item)) state.jobs.push_back(std::move(*kept));
  });
  const json& addresses = part_of(all, "addresses");
  if (addresses.is_object()) {
    for (const auto& [name, value] : addresses.items()) state.addresses[name] = text_of_json(value);
  }
  const json& owed = part_of(all, "owed");
  if (owed.is_object()) {
    for (const auto& [volume, hook] : owed.items()) {
      state.owed[volume] = {text_in(hook, "policy"), text_in(hook, "device"),
                            text_in(hook, "command")};
    }
  }
  const json& ended = part_of(all, "ended");
  if (!ended.is_object()) return state;
  for (const auto& [policy, volumes] : ended.items()) {
    if (!volumes.is_object()) continue;
    for (const auto& [volume, value] : volumes.items()) {
      if (value.is_number_integer()) state.ended[policy][volume] = value.get<std::int64_t>();
    }
  }
  return state;
}

}  // namespace ebb
