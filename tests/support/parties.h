// SPDX-License-Identifier: Apache-2.0
// parties.h - a manager, a storage agent and enrolled hosts, as the real programs, on one machine
// or on a network of hosts.
//
// The manager keeps the repository "main" at the storage agent, whose host is "store" and whose
// state, like every host's, is the folder of its name. Servers are told to end, and waited for,
// when the owner goes.
#pragma once

#include "devmap/core/random.h"
#include "tests/support/ebb_program.h"
#include "tests/support/hosts.h"

namespace ebb::test {

// The programs lie beside ebb.
std::string program_path(const std::string& name);

class Parties {
 public:
  using Words = std::vector<std::string>;
  using Settings = std::map<std::string, std::string>;

  // The others outlive it. Nothing is started.
  Parties(Hosts& hosts, const TemporaryFolder& folder, Random& random)
      : hosts_(hosts), folder_(folder), random_(random) {}
  ~Parties();
  Parties(const Parties&) = delete;
  Parties& operator=(const Parties&) = delete;

  // Makes and starts the manager and the storage agent, enrols the operator "ann" and the sources,
  // who may use the repository, and lets ann make it. Failures are failures of the test.
  void make(const Words& sources);

  // A command of the manager's, on its host.
  EbbRun manager(Words words);
  // As ebb of that host, for a policy or by hand.
  EbbRun ebb(const std::string& host, Words words, const std::string& policy = "");
  std::unique_ptr<StartedProgram> start_ebb(const std::string& host, Words words,
                                            const std::string& policy = "");
  std::unique_ptr<StartedProgram> start_agent(const std::string& host, const Words& more,
                                              Settings settings);
  std::string token(const std::string& role);
  EbbRun enroll_with(const std::string& token, const std::string& program, const std::string& host,
                     const Words& more = {});
  EbbRun enroll(const std::string& role, const std::string& program, const std::string& host,
                const Words& more = {}) {
    return enroll_with(token(role), program, host, more);
  }

  // Again after a kill: at the same ports.
  void start_manager();
  void kill_manager();
  void stop_storage();
  void start_storage(const Words& more = {});  // At the same port, if it ran before.
  std::string repository() const;              // Its address.
  std::string repository_folder() const { return folder_ / "repository"; }
  StartedProgram& storage() { return *storage_; }

 private:
  // Of those that the kernel gives to nobody by itself; it may be in use.
  std::string some_port();

  Hosts& hosts_;
  const TemporaryFolder& folder_;
  Random& random_;
  std::unique_ptr<StartedProgram> manager_;
  std::unique_ptr<StartedProgram> storage_;
  std::string enrolment_port_;
  std::string control_port_;
  std::string storage_port_;
};

}  // namespace ebb::test
