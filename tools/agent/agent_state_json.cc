// SPDX-License-Identifier: Apache-2.0
// agent_state_json.cc - the state as JSON, and back; what is of another type is taken as not there.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tools/agent/agent_state.h"

namespace ebb {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<control::Outcome, const char*>, 4> outcomes{
    {{control::Outcome::running, "running"},
     {control::Outcome::done, "done"},
     {control::Outcome::incomplete, "incomplete"},
     {control::Outcome::failed, "failed"}}};

const json& part_of(const json& from, const char* key) {
  static const json nothing;
  if (!from.is_object()) return nothing;
  const auto found = from.find(key);
  return found == from.end() ? nothing : *found;
}
std::string text_of_json(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::string text_in(const json& from, const char* key) {
  return text_of_json(part_of(from, key));
}
template <class Number = std::uint64_t>
Number number_in(const json& from, const char* key) {
  const json& value = part_of(from, key);
  return value.is_number_integer() ? value.get<Number>() : Number{0};
}
bool is_set(const json& from, const char* key) {
  const json& value = part_of(from, key);
  return value.is_boolean() && value.get<bool>();
}
template <class Strings>
Strings strings_in(const json& from, const char* key) {
  Strings strings;
  const json& list = part_of(from, key);
  if (!list.is_array()) return strings;
  for (const json& value : list) strings.insert(strings.end(), text_of_json(value));
  return strings;
}

json json_of(const control::PolicyOrder& policy) {
  return {{"name", policy.name},
          {"repository", policy.repository},
          {"volumes", policy.volumes},
          {"every_seconds", policy.every_seconds},
          {"bytes_per_second", policy.bytes_per_second},
          {"window", {{"begin", policy.window_begin}, {"end", policy.window_end}}},
          {"before", policy.before},
          {"after", policy.after}};
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
  return policy;
}

json json_of(const KeptJob& kept) {
  const control::JobToReport& job = kept.job;
  const auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                    [&](const auto& pair) { return pair.first == job.outcome; });
  json to = {{"id", job.id.hex()},
             {"kind", job.kind},
             {"policy", job.policy},
             {"run", job.run},
             {"repository", job.repository},
             {"label", job.label},
             {"started", job.started.nanoseconds},
             {"outcome", outcome->second},
             {"message", job.message},
             {"bytes_read", job.bytes_read},
             {"bytes_stored", job.bytes_stored},
             {"told", kept.is_told}};
  if (job.ended) to["ended"] = job.ended->nanoseconds;
  if (job.point) to["point"] = job.point->hex();
  return to;
}
std::optional<KeptJob> job_of(const json& from) {
  const auto id = control::WireJobId::from_hex_text(text_in(from, "id"));
  const std::string word = text_in(from, "outcome");
  const auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                    [&](const auto& pair) { return word == pair.second; });
  if (!id || outcome == outcomes.end()) return std::nullopt;
  KeptJob kept;
  control::JobToReport& job = kept.job;
  job.id = *id;
  job.kind = text_in(from, "kind");
  job.policy = text_in(from, "policy");
  job.run = number_in(from, "run");
  job.repository = text_in(from, "repository");
  job.label = text_in(from, "label");
  job.started.nanoseconds = number_in<std::int64_t>(from, "started");
  if (const auto ended = number_in<std::int64_t>(from, "ended")) job.ended = WallTime{ended};
  job.outcome = outcome->first;
  job.message = text_in(from, "message");
  job.bytes_read = number_in(from, "bytes_read");
  job.bytes_stored = number_in(from, "bytes_stored");
  job.point = control::WirePointId::from_hex_text(text_in(from, "point"));
  kept.is_told = is_set(from, "told");
  return kept;
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
  json jobs = json::array();
  for (const KeptJob& kept : state.jobs) jobs.push_back(json_of(kept));
  const json all = {{"policies", policies},
                    {"addresses", state.addresses},
                    {"runs", runs},
                    {"ended", state.ended},
                    {"jobs", jobs}};
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
