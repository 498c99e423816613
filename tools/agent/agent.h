// SPDX-License-Identifier: Apache-2.0
// agent.h - the daemon: begins what is due, ends what has ended, until it is told to end.
//
// One thread decides and keeps the books; each run has a thread that waits for its processes; one
// more talks to the manager. Nothing here decides when (schedule.h) or what (find_volumes.h). A
// backup that crashes is a process that ended; the daemon goes on.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "devmap/core/unique_fd.h"
#include "tools/agent/kept_state.h"
#include "tools/agent/manager_talk.h"
#include "tools/agent/schedule.h"
#include "tools/agent/volume_looks.h"
#include "tools/agent/volume_run.h"
#include "tools/common/outside.h"
#include "tools/common/periodic.h"

namespace ebb {

struct AgentSettings {
  std::string state_folder;
  std::string program;  // ebb
  std::chrono::seconds poll{60};
  unsigned runs = 2;  // Backups at once.
  bool may_run_hooks = true;
};

class Agent {
 public:
  // `absent` when this host is not enrolled, `busy` when another agent has the folder. `outside`
  // outlives it.
  static Result<std::unique_ptr<Agent>> make(AgentSettings settings, Outside& outside);
  // Until `outside.stop` is raised; then all that it began has ended.
  void run();

 private:
  struct Active {
    control::JobToReport job;
    std::string volume;
    UniqueFd lock;
    RunWish wish;
    RunEnd end;
    std::atomic<bool> has_ended = false;
    std::thread thread;
  };
  // An --after hook that a former agent owes.
  struct Mending {
    std::string volume;
    UniqueFd lock;
    std::string trouble;
    std::atomic<bool> has_ended = false;
    std::thread thread;
  };
  // What was seen of a policy.
  struct Known {
    control::PolicyOrder policy;  // As it was then.
    std::vector<Target> targets;
    std::int64_t since = 0;      // When it was seen first.
    control::PolicyOrder asked;  // What was looked for last, and when, by the steady clock.
    double asked_at = 0;
    bool said_that_it_hangs = false;
  };
  struct Choice {
    const control::PolicyOrder* policy;
    const Target* target;
    std::uint64_t number;  // Of the request; 0: by schedule.
  };

  Agent(AgentSettings settings, Outside& outside, std::shared_ptr<HostIdentity> identity,
        UniqueFd lock);
  void look_for_volumes();
  const Known* known_of(const AgentState& state, const std::string& name) const;
  void begin_owed();
  void end_owed();
  void begin_requests();
  void begin_due();
  std::vector<Choice> candidates(const AgentState& state, std::vector<Due>& due) const;
  void begin(const AgentState& now, const Choice& choice);
  std::string why_not(const Choice& choice) const;
  void note_begun(const Choice& choice, const control::JobToReport& job, bool runs);
  // A backup's own end, before its --after hook: it is not forgotten whatever becomes of that.
  void note_backed_up(control::JobToReport job, const RunEnd& end);
  void end_ended();
  void finish(const std::string& volume, control::JobToReport job, const RunEnd& end);
  control::JobToReport job_for(const Choice& choice) const;
  void log(std::string_view line);

  const AgentSettings settings_;
  Outside& outside_;
  const HolderId host_;
  const std::string host_name_;
  const UniqueFd lock_;
  std::mutex log_mutex_;
  KeptState state_;
  BusyRepositories busy_;
  ManagerTalk talk_;
  // Of the deciding thread alone.
  VolumeLooks looks_;
  std::map<std::string, Known> known_;  // By the policy's name.
  std::vector<std::unique_ptr<Active>> active_;
  std::vector<std::unique_ptr<Mending>> mending_;
  std::unique_ptr<Periodic> polls_;
};

}  // namespace ebb
