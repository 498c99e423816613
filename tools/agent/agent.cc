// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/agent.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ostream>
#include <utility>

#include "devmap/core/version.h"
#include "engine/crypto/digest.h"
#include "tools/common/service_notice.h"

namespace ebb {

namespace {

constexpr std::chrono::milliseconds look_every{200};
constexpr std::int64_t nanoseconds = 1'000'000'000;
constexpr double hangs_after_seconds = 120;

std::int64_t seconds_of(WallTime time) {
  return time.nanoseconds / nanoseconds;
}

// Nothing when somebody else has it. Goes with its descriptor, and so with the last process that
// has it.
Result<std::optional<UniqueFd>> try_lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional<UniqueFd>(std::move(fd));
  if (errno == EWOULDBLOCK) return std::optional<UniqueFd>();
  return fail(Error::from_errno(errno).during("locking {}", path));
}

std::string folder_of(const std::string& state_folder) {
  return state_folder + "/agent";
}

void put_end(control::JobToReport& job, const RunEnd& end, WallTime now) {
  job.ended = now;
  job.outcome = end.outcome;
  job.message = end.message;
  job.bytes_read = end.bytes_read;
  job.bytes_stored = end.bytes_stored;
  job.point = end.point;
}

// A name may be longer than a file's, and may hold anything.
std::string lock_of(const std::string& state_folder, const std::string& volume) {
  return folder_of(state_folder) + "/locks/" + sha256(bytes_of(volume)).hex().substr(0, 32);
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::make(AgentSettings settings, Outside& outside) {
  auto identity = TRY(HostIdentity::read(settings.state_folder, outside.clock, version_text));
  if (identity->identity().role != control::Role::source) {
    return fail(Error::denied("this host is enrolled as {}, not as source",
                              name_of(identity->identity().role)));
  }
  const std::string folder = folder_of(settings.state_folder);
  std::error_code error;
  std::filesystem::create_directories(folder + "/locks", error);
  if (error) return fail(Error::from_errno(error.value()).during("making {}", folder));
  auto lock = TRY(try_lock(folder + "/lock"));
  if (!lock) return fail(Error::busy("another ebb-agent works with {}", settings.state_folder));
  return std::unique_ptr<Agent>(
      new Agent(std::move(settings), outside, std::move(identity), std::move(*lock)));
}

Agent::Agent(AgentSettings settings, Outside& outside, std::shared_ptr<HostIdentity> identity,
             UniqueFd lock)
    : settings_(std::move(settings)),
      outside_(outside),
      host_(identity->identity().holder()),
      host_name_(identity->identity().name),
      lock_(std::move(lock)),
      state_(folder_of(settings_.state_folder) + "/state.json",
             [this](std::string_view line) { log(line); }),
      talk_({state_, busy_, settings_.state_folder, outside_.clock,
             [this](std::string_view line) { log(line); }},
            std::move(identity)),
      looks_(host_name_) {
  state_.change([&](AgentState& state) { state.end_what_ran(outside_.clock.wall()); });
}

void Agent::log(std::string_view line) {
  const std::lock_guard lock(log_mutex_);
  outside_.err << line << std::endl;
}

void Agent::run() {
  polls_ = std::make_unique<Periodic>(settings_.poll, [this] { talk_.talk(); });
  tell_service_manager(outside_, service_is_ready);
  while (!outside_.stop.raised()) {
    end_ended();
    end_owed();
    begin_owed();
    look_for_volumes();
    begin_requests();
    begin_due();
    std::this_thread::sleep_for(look_every);
  }
  tell_service_manager(outside_, service_is_stopping);
  // The runs see the flag themselves.
  while (!active_.empty() || !mending_.empty()) {
    end_ended();
    end_owed();
    std::this_thread::sleep_for(look_every);
  }
  polls_.reset();
}

// Devices come and go; and policies change.
void Agent::look_for_volumes() {
  for (VolumeLooks::Seen& seen : looks_.take()) {
    Known& known = known_[seen.policy.name];
    if (known.since == 0) known.since = seconds_of(outside_.clock.wall());
    known.policy = std::move(seen.policy);
    known.targets = std::move(seen.targets);
    known.said_that_it_hangs = false;
  }
  const auto policies = state_.read([](const AgentState& state) { return state.policies; });
  std::erase_if(known_, [&](const auto& known) {
    return std::none_of(policies.begin(), policies.end(),
                        [&](const auto& policy) { return policy.name == known.first; });
  });
  const double now = outside_.clock.steady_seconds();
  const double poll = std::chrono::duration<double>(settings_.poll).count();
  for (const control::PolicyOrder& policy : policies) {
    Known& known = known_[policy.name];
    if (known.asked == policy && now - known.asked_at < poll) continue;
    if (looks_.begin(policy)) {
      known.asked = policy;
      known.asked_at = now;
    } else if (now - known.asked_at > hangs_after_seconds &&
               !std::exchange(known.said_that_it_hangs, true)) {
      log(
          fmt::format("policy={}: looking for its volumes does not end: a device does not answer; "
                      "going on with what was seen before",
                      policy.name));
    }
  }
}

// What was seen of a policy as it is now; nothing while that is being looked for.
const Agent::Known* Agent::known_of(const AgentState& state, const std::string& name) const {
  const auto known = known_.find(name);
  const control::PolicyOrder* const policy = state.policy(name);
  if (known == known_.end() || policy == nullptr || !(known->second.policy == *policy)) {
    return nullptr;
  }
  return &known->second;
}

// A request is for the volumes that are there when it is first seen.
void Agent::begin_requests() {
  const auto waits = [](const AgentState& state) {
    return std::any_of(state.runs.begin(), state.runs.end(),
                       [](const auto& run) { return !run.second.is_begun; });
  };
  if (!state_.read(waits)) return;
  state_.change([&](AgentState& state) {
    for (auto& [number, run] : state.runs) {
      const Known* const known = known_of(state, run.policy);
      if (run.is_begun || known == nullptr) continue;
      run.is_begun = true;
      for (const Target& target : known->targets) run.left.insert(target.volume);
    }
  });
}

std::vector<Agent::Choice> Agent::candidates(const AgentState& state, std::vector<Due>& due) const {
  std::vector<Choice> choices;
  const Moment now = moment_of(outside_.clock.wall());
  for (const auto& seen : known_) {
    const Known* const known = known_of(state, seen.first);
    if (known == nullptr) continue;
    const control::PolicyOrder& policy = known->policy;
    // Until the manager has said where the repository is.
    if (!state.addresses.contains(policy.repository)) continue;
    // Its ticket is being renewed: in a moment.
    if (busy_.renewing.contains(policy.repository)) continue;
    const Rule rule{policy.every_seconds,
                    {policy.window_begin, policy.window_end},
                    offset_of(host_, policy.every_seconds)};
    for (const Target& target : known->targets) {
      for (const auto& [number, run] : state.runs) {
        if (run.policy != policy.name || !run.left.contains(target.volume)) continue;
        due.push_back({target.volume, static_cast<std::int64_t>(number), true});
        choices.push_back({&policy, &target, number});
      }
      History history{known->since, std::nullopt};
      if (const auto volumes = state.ended.find(policy.name); volumes != state.ended.end()) {
        const auto ended = volumes->second.find(target.volume);
        if (ended != volumes->second.end()) history.last_end = ended->second;
      }
      if (const auto since = due_since(rule, history, now)) {
        due.push_back({target.volume, *since, false});
        choices.push_back({&policy, &target, 0});
      }
    }
  }
  return choices;
}

void Agent::begin_due() {
  if (active_.size() >= settings_.runs) return;
  const std::lock_guard lock(busy_.mutex);
  const auto state = state_.read([](const AgentState& now) { return now; });
  std::vector<Due> due;
  const std::vector<Choice> choices = candidates(state, due);
  std::set<std::string> running;
  for (const auto& active : active_) running.insert(active->volume);
  // What is owed comes first.
  for (const auto& [volume, hook] : state.owed) {
    if (settings_.may_run_hooks) running.insert(volume);
  }
  // One that cannot begin now keeps none of the others from it.
  for (const std::size_t i : choose(due, running, due.size())) {
    if (active_.size() >= settings_.runs) break;
    begin(state, choices[i]);
  }
}

control::JobToReport Agent::job_for(const Choice& choice) const {
  control::JobToReport job;
  job.id = outside_.random.name<control::WireJobId>();
  job.kind = "backup";
  job.policy = choice.policy->name;
  job.run = choice.number;
  job.repository = choice.policy->repository;
  job.label = last_line_of(choice.target->path);
  job.started = outside_.clock.wall();
  return job;
}

std::string Agent::why_not(const Choice& choice) const {
  if (!choice.target->problem.empty()) return choice.target->problem;
  const bool has_hooks = !choice.policy->before.empty() || !choice.policy->after.empty();
  if (has_hooks && !settings_.may_run_hooks) {
    return "the policy has hooks, and this host's ebb-agent runs none (--no-hooks)";
  }
  return {};
}

void Agent::begin(const AgentState& now, const Choice& choice) {
  const std::string& volume = choice.target->volume;
  control::JobToReport job = job_for(choice);
  RunEnd refused;
  refused.message = why_not(choice);
  auto lock = try_lock(lock_of(settings_.state_folder, volume));
  if (!lock) refused.message = lock.error().text();
  // A backup of a former agent still runs: later.
  if (refused.message.empty() && !*lock) return;
  note_begun(choice, job, refused.message.empty());
  if (!refused.message.empty()) return finish(volume, std::move(job), refused);

  log(fmt::format("began policy={} volume={} path={}", job.policy, volume, job.label));
  auto active = std::make_unique<Active>();
  active->job = std::move(job);
  active->volume = volume;
  active->lock = std::move(**lock);
  active->wish = {
      settings_.program, settings_.state_folder, now.addresses.at(choice.policy->repository),
      *choice.policy,    *choice.target,         active->lock.get()};
  busy_.names.insert(active->wish.policy.repository);
  Active& self = *active;
  active->thread = std::thread([this, &self, &stop = outside_.stop] {
    self.end =
        run_volume(self.wish, stop, [&](const RunEnd& end) { note_backed_up(self.job, end); });
    self.has_ended = true;
  });
  active_.push_back(std::move(active));
  polls_->wake();
}

void Agent::note_begun(const Choice& choice, const control::JobToReport& job, bool runs) {
  state_.change([&](AgentState& state) {
    state.put(job);
    if (choice.number != 0) state.runs[choice.number].left.erase(choice.target->volume);
    if (runs && !choice.policy->after.empty()) {
      state.owed[choice.target->volume] = {choice.policy->name, choice.target->path,
                                           choice.policy->after};
    }
  });
}

// What was owed when this agent began; what it owes itself it is at.
void Agent::begin_owed() {
  if (!settings_.may_run_hooks || outside_.stop.raised()) return;
  const auto owed = state_.read([](const AgentState& state) { return state.owed; });
  for (const auto& [volume, hook] : owed) {
    const auto is_of = [&](const auto& other) { return other->volume == volume; };
    if (std::any_of(active_.begin(), active_.end(), is_of) ||
        std::any_of(mending_.begin(), mending_.end(), is_of)) {
      continue;
    }
    auto lock = try_lock(lock_of(settings_.state_folder, volume));
    if (!lock || !*lock) continue;  // The former agent's backup still runs: later.
    log(fmt::format("owed volume={} policy={}: running the hook that comes after", volume,
                    hook.policy));
    auto mending = std::make_unique<Mending>();
    mending->volume = volume;
    mending->lock = std::move(**lock);
    Mending& self = *mending;
    mending->thread = std::thread([this, &self, hook = hook] {
      self.trouble = run_owed_hook(self.volume, hook, outside_.stop);
      self.has_ended = true;
    });
    mending_.push_back(std::move(mending));
  }
}

void Agent::end_owed() {
  for (const auto& mending : mending_) {
    if (!mending->has_ended) continue;
    mending->thread.join();
    if (!mending->trouble.empty()) {
      log(fmt::format("owed volume={}: --after failed: {}", mending->volume, mending->trouble));
    }
    // One that was cut short by this agent's end is owed by the next.
    if (!mending->trouble.empty() && outside_.stop.raised()) continue;
    state_.change([&](AgentState& state) { state.owed.erase(mending->volume); });
  }
  std::erase_if(mending_, [](const auto& mending) { return !mending->thread.joinable(); });
}

void Agent::end_ended() {
  for (const auto& active : active_) {
    if (!active->has_ended) continue;
    active->thread.join();
    {
      const std::lock_guard lock(busy_.mutex);
      busy_.names.extract(active->wish.policy.repository);
    }
    finish(active->volume, active->job, active->end);
    if (active->end.owes_its_hook) continue;
    state_.change([&](AgentState& state) { state.owed.erase(active->volume); });
  }
  // Not those that ended while others were seen to: their turn comes.
  std::erase_if(active_, [](const auto& active) { return !active->thread.joinable(); });
}

void Agent::note_backed_up(control::JobToReport job, const RunEnd& end) {
  put_end(job, end, outside_.clock.wall());
  state_.change([&](AgentState& state) { state.put(std::move(job)); });
}

void Agent::finish(const std::string& volume, control::JobToReport job, const RunEnd& end) {
  put_end(job, end, outside_.clock.wall());
  log(fmt::format("ended policy={} volume={} outcome={} point={}{}{}", job.policy, volume,
                  word_for(job.outcome), job.point ? job.point->hex().substr(0, 12) : "none",
                  job.message.empty() ? "" : ": ", job.message));
  state_.change([&](AgentState& state) {
    // What the agent's own end cut short is due again when it is back.
    if (!end.was_stopped) state.ended[job.policy][volume] = seconds_of(*job.ended);
    state.put(job);
  });
  polls_->wake();
}

}  // namespace ebb
