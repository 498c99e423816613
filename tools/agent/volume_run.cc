// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/volume_run.h"

#include <nlohmann/json.hpp>

#include "tools/common/exit_code.h"
#include "wire/control/backup_setting.h"

namespace ebb {

namespace {

using Environment = std::map<std::string, std::string>;

// A backup ends at the next step; one that is stuck in the kernel is not waited for any longer.
constexpr std::chrono::seconds backup_patience{60};

// Why a child did not end well, in words.
std::string why_failed(const ChildEnd& end) {
  const std::string line = last_line_of(end.err);
  const std::string said = line.empty() ? "" : ": " + line;
  if (end.hangs) return "it cannot be ended, and hangs in the kernel" + said;
  switch (end.why) {
    case ChildEnd::Why::time_over: return "its time was over" + said;
    case ChildEnd::Why::stopped: return "ebb-agent was told to end" + said;
    case ChildEnd::Why::by_itself: break;
  }
  return fmt::format("it ended with {}{}", end.exit_code, said);
}

bool is_well(const ChildEnd& end) {
  return end.why == ChildEnd::Why::by_itself && end.exit_code == 0;
}

// Nothing when it went well, or why not. What puts something back is not ended because the agent
// is, but has less time from then on.
enum class Hook { before, after };
std::string run_hook(Hook hook, const std::string& command, const Environment& environment,
                     const StopFlag& stop) {
  ChildWish wish;
  wish.arguments = {"/bin/sh", "-c", command};
  wish.environment = environment;
  wish.time_limit = hook_seconds;
  (hook == Hook::before ? wish.stop : wish.hurry) = &stop;
  wish.hurried_limit = last_hook_seconds;
  const auto end = run_child(wish);
  if (!end) return end.error().text();
  return is_well(*end) ? "" : why_failed(*end);
}

void take_report(const std::string& out, RunEnd& run) {
  const auto json = nlohmann::json::parse(last_line_of(out), nullptr, false);
  if (!json.is_object()) return;
  const auto number = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  run.bytes_read = number("bytes_read");
  run.bytes_stored = number("bytes_stored");
  const auto point = json.find("point");
  if (point != json.end() && point->is_string()) {
    run.point = control::WirePointId::from_hex_text(point->get<std::string>());
  }
}

RunEnd back_up(const RunWish& wish, Environment environment, const StopFlag& stop) {
  environment["EBB_STATE"] = wish.state_folder;
  ChildWish child;
  child.arguments = {wish.program,
                     "backup",
                     wish.target.path,
                     "--repo",
                     fmt::format("ebb://{}/{}", wish.address, wish.policy.repository),
                     "--volume",
                     wish.target.volume,
                     "--json",
                     "--quiet"};
  RunEnd run;
  for (const std::string& text : wish.policy.settings) {
    const auto setting = control::parse_backup_setting(text);
    if (!setting) {
      run.message = "a setting of the policy: " + setting.error().text();
      return run;
    }
    child.arguments.push_back(setting->option());
  }
  child.environment = std::move(environment);
  child.patience = backup_patience;
  child.stop = &stop;
  child.inherited = wish.lock;
  const auto end = run_child(child);
  if (!end) {
    run.message = end.error().text();
    return run;
  }
  take_report(end->out, run);
  const bool is_done = end->exit_code == static_cast<int>(ExitCode::done);
  const bool is_incomplete = end->exit_code == static_cast<int>(ExitCode::incomplete);
  if ((is_done || is_incomplete) && run.point) {
    run.outcome = is_done ? control::Outcome::done : control::Outcome::incomplete;
    run.message = last_line_of(end->err);
    return run;
  }
  run.was_stopped = end->why == ChildEnd::Why::stopped;
  const std::string line = last_line_of(end->err);
  run.message = line.empty() || run.was_stopped ? "the backup: " + why_failed(*end) : line;
  return run;
}

}  // namespace

const char* word_for(control::Outcome outcome) {
  switch (outcome) {
    case control::Outcome::done: return "done";
    case control::Outcome::incomplete: return "incomplete";
    case control::Outcome::running:
    case control::Outcome::failed: return "failed";
  }
  return "failed";
}

std::string run_owed_hook(const std::string& volume, const OwedHook& hook, const StopFlag& stop) {
  return run_hook(Hook::after, hook.command,
                  {{"EBB_VOLUME", volume},
                   {"EBB_DEVICE", hook.device},
                   {"EBB_POLICY", hook.policy},
                   {"EBB_OUTCOME", word_for(control::Outcome::failed)}},
                  stop);
}

RunEnd run_volume(const RunWish& wish, const StopFlag& stop,
                  const std::function<void(const RunEnd&)>& backed_up) {
  Environment environment = {{"EBB_VOLUME", wish.target.volume},
                             {"EBB_DEVICE", wish.target.path},
                             {"EBB_POLICY", wish.policy.name}};
  RunEnd run;
  const std::string not_ready = wish.policy.before.empty()
                                    ? ""
                                    : run_hook(Hook::before, wish.policy.before, environment, stop);
  if (not_ready.empty()) {
    run = back_up(wish, environment, stop);
    if (run.point) backed_up(run);
  } else {
    run.message = "not backed up, --before failed: " + not_ready;
    run.was_stopped = stop.raised();
  }
  if (wish.policy.after.empty()) return run;
  environment["EBB_OUTCOME"] = word_for(run.outcome);
  const std::string not_after = run_hook(Hook::after, wish.policy.after, environment, stop);
  run.owes_its_hook = !not_after.empty() && stop.raised();
  if (!not_after.empty()) {
    run.message += (run.message.empty() ? "" : "; ") + ("--after failed: " + not_after);
  }
  return run;
}

}  // namespace ebb
