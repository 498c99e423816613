// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/policies.h"

#include <algorithm>

#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

constexpr const char* by_hand = "manager";
constexpr std::int64_t run_request_seconds = 7 * seconds_in_day;

std::string in_words(const Policy& policy) {
  std::string volumes;
  for (const std::string& pattern : policy.volumes) volumes += " " + pattern;
  std::string settings;
  for (const std::string& setting : policy.settings) settings += " " + setting;
  return fmt::format(
      "repository {}, every {}, keep {} last {} hourly {} daily {} weekly {} monthly {} yearly, "
      "{} B/s, window {}, before \"{}\", after \"{}\", settings{}, volumes{}",
      policy.repository, seconds_text(policy.every_seconds), policy.keep.last, policy.keep.hourly,
      policy.keep.daily, policy.keep.weekly, policy.keep.monthly, policy.keep.yearly,
      policy.bytes_per_second, window_text(policy.window), policy.before, policy.after,
      settings.empty() ? " none" : settings, volumes);
}

// As messages to hosts hold them, with lengths and pointers.
std::size_t texts_bytes(const Policy& policy) {
  std::size_t bytes = 256 + policy.before.size() + policy.after.size();
  for (const auto* texts : {&policy.volumes, &policy.settings}) {
    for (const std::string& text : *texts) bytes += text.size() + 16;
  }
  return bytes;
}

}  // namespace

Result<void> Policies::set(const Policy& policy, WallTime now) {
  TRY(validate(policy));
  return database_.atomically([&]() -> Result<void> {
    if (TRY(database_.number("SELECT count(*) FROM repositories WHERE name = ?",
                             {policy.repository})) == 0) {
      return fail(
          Error::absent("there is no repository \"{}\"; make it first (`ebb-manager "
                        "repository create`)",
                        policy.repository));
    }
    if (TRY(database_.number("SELECT count(*) FROM policies WHERE name != ?", {policy.name})) >=
        static_cast<std::int64_t>(control::max_policies)) {
      return fail(Error::invalid("there are {} policies, the most", control::max_policies));
    }
    std::size_t bytes = texts_bytes(policy);
    for (const Policy& other : TRY(all())) {
      if (other.name != policy.name) bytes += texts_bytes(other);
    }
    if (bytes > control::max_policies_bytes) {
      return fail(
          Error::invalid("the patterns and commands of all policies together have {} bytes, at "
                         "most {} reach a host; put commands into files",
                         bytes, control::max_policies_bytes));
    }
    TRY(database_.change(
        "INSERT INTO policies (name, repository, volumes, every_seconds, keep_last, keep_hourly, "
        "keep_daily, keep_weekly, keep_monthly, keep_yearly, bytes_per_second, window_begin, "
        "window_end, before, after, settings) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
        "ON CONFLICT (name) DO UPDATE SET repository = excluded.repository, "
        "volumes = excluded.volumes, every_seconds = excluded.every_seconds, "
        "keep_last = excluded.keep_last, keep_hourly = excluded.keep_hourly, "
        "keep_daily = excluded.keep_daily, keep_weekly = excluded.keep_weekly, "
        "keep_monthly = excluded.keep_monthly, keep_yearly = excluded.keep_yearly, "
        "bytes_per_second = excluded.bytes_per_second, window_begin = excluded.window_begin, "
        "window_end = excluded.window_end, before = excluded.before, after = excluded.after, "
        "settings = excluded.settings",
        {policy.name, policy.repository, lines(policy.volumes), policy.every_seconds,
         policy.keep.last, policy.keep.hourly, policy.keep.daily, policy.keep.weekly,
         policy.keep.monthly, policy.keep.yearly, policy.bytes_per_second, int{policy.window.begin},
         int{policy.window.end}, policy.before, policy.after, lines(policy.settings)}));
    return audit_.append(now, by_hand, "policy set", policy.name, in_words(policy));
  });
}

Result<void> Policies::remove(const std::string& name, WallTime now) {
  return database_.atomically([&]() -> Result<void> {
    if (TRY(database_.change("DELETE FROM policies WHERE name = ?", {name})) == 0) {
      return fail(Error::absent("there is no policy \"{}\"", name));
    }
    return audit_.append(now, by_hand, "policy removed", name, "");
  });
}

Result<bool> Policies::are_unconfirmed() {
  return TRY(database_.number("SELECT count(*) FROM settings WHERE key = 'unconfirmed'")) != 0;
}

Result<void> Policies::confirm(WallTime now) {
  return database_.atomically([&]() -> Result<void> {
    if (TRY(database_.change("DELETE FROM settings WHERE key = 'unconfirmed'", {})) == 0) return {};
    return audit_.append(now, by_hand, "policies confirmed", "", "");
  });
}

Result<std::vector<Policy>> Policies::all() {
  std::vector<Policy> policies;
  const auto small = [](const SqlRow& row, int column) {
    return static_cast<std::uint32_t>(row.number(column));
  };
  TRY(database_.each(
      "SELECT name, repository, volumes, every_seconds, keep_last, keep_hourly, keep_daily, "
      "keep_weekly, keep_monthly, keep_yearly, bytes_per_second, window_begin, window_end, "
      "before, after, settings FROM policies ORDER BY name",
      {}, [&](const SqlRow& row) {
        policies.push_back({row.text(0),
                            row.text(1),
                            texts_of(row.text(2)),
                            row.count(3),
                            {small(row, 4), small(row, 5), small(row, 6), small(row, 7),
                             small(row, 8), small(row, 9)},
                            row.count(10),
                            {static_cast<std::uint16_t>(row.number(11)),
                             static_cast<std::uint16_t>(row.number(12))},
                            row.text(13),
                            row.text(14),
                            texts_of(row.text(15))});
      }));
  return policies;
}

Result<Policy> Policies::named(const std::string& name) {
  for (Policy& policy : TRY(all())) {
    if (policy.name == name) return std::move(policy);
  }
  return fail(Error::absent("there is no policy \"{}\"", name));
}

Result<std::vector<Policy>> Policies::concerning(const std::string& host) {
  std::vector<Policy> policies = TRY(all());
  std::erase_if(policies, [&](const Policy& policy) { return patterns_for(policy, host).empty(); });
  return policies;
}

Result<std::uint64_t> Policies::request_run(const std::string& name, WallTime now) {
  return database_.atomically([&]() -> Result<std::uint64_t> {
    const Policy policy = TRY(named(name));
    std::uint64_t hosts = 0;
    TRY(database_.each(
        "SELECT name FROM hosts JOIN identities ON host = name "
        "WHERE role = 'source' AND revoked IS NULL",
        {},
        [&](const SqlRow& row) { hosts += patterns_for(policy, row.text(0)).empty() ? 0 : 1; }));
    if (hosts == 0) {
      return fail(
          Error::invalid("no host that is enrolled has volumes of the policy \"{}\"", name));
    }
    TRY(database_.change("INSERT INTO run_requests (policy, at) VALUES (?, ?)", {name, now}));
    TRY(audit_.append(now, by_hand, "run asked for", name, fmt::format("of {} hosts", hosts)));
    return hosts;
  });
}

Result<std::vector<RunRequestRow>> Policies::open_runs(const std::string& host, WallTime now) {
  std::vector<RunRequestRow> open;
  std::vector<Policy> here = TRY(concerning(host));
  TRY(database_.each(
      "SELECT number, policy FROM run_requests WHERE at > ? AND NOT EXISTS (SELECT 1 FROM "
      "run_answers WHERE run_answers.number = run_requests.number AND host = ?) "
      "ORDER BY number DESC",
      {now.nanoseconds - run_request_seconds * 1'000'000'000, host}, [&](const SqlRow& row) {
        const RunRequestRow request{row.count(0), row.text(1)};
        const bool is_here = std::ranges::any_of(
            here, [&](const Policy& policy) { return policy.name == request.policy; });
        if (is_here && open.size() < control::max_runs) open.push_back(request);
      }));
  std::ranges::reverse(open);
  return open;
}

// A number that was never given out, or of another's policy, changes nothing for anybody.
Result<void> Policies::answer_run(std::uint64_t number, const std::string& host) {
  TRY(database_.change(
      "INSERT INTO run_answers (number, host) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM "
      "run_requests WHERE number = ?1) ON CONFLICT DO NOTHING",
      {number, host}));
  return {};
}

}  // namespace ebb::control
