// SPDX-License-Identifier: Apache-2.0
// network_of_hosts.h - hosts with network stacks of their own, each with one link to one switch.
//
// A host is a network namespace without a name: only a descriptor of this process and the programs
// that run in it hold it, and those are killed when this process ends. So nothing is left behind,
// however a test ends. Links can be cut, slowed, delayed and made lossy while programs run.
//
// One thread uses it, and it does not end before the programs that it started.
// Needs root (CAP_NET_ADMIN), ip and tc; a test that uses it begins with EBB_NEEDS_NETWORKS().
#pragma once

#include <gtest/gtest.h>

#include <chrono>

#include "devmap/core/units.h"
#include "tests/support/hosts.h"

namespace ebb::test {

// What a link does to what is sent over it, both ways. As made: nothing.
struct LinkQuality {
  ByteCount per_second{};  // 0: as fast as it can.
  unsigned lost_percent = 0;
  std::chrono::milliseconds delay{};  // Only where can_delay().
};

class NetworkOfHosts final : public Hosts {
 public:
  // Stops the test program when it cannot be made.
  explicit NetworkOfHosts(const std::vector<std::string>& hosts);

  std::string address(const std::string& host) const override;
  std::unique_ptr<StartedProgram> start(
      const std::string& host, const std::vector<std::string>& arguments,
      const std::map<std::string, std::string>& settings) override;

  // Unplugs the host from the switch, and plugs it in again.
  void cut(const std::string& host);
  void mend(const std::string& host);
  void set(const std::string& host, const LinkQuality& quality);
  // Whether this kernel has netem.
  bool can_delay() const;
  // Ends the host's TCP connections as a firewall does that forgets them; nothing where the kernel
  // cannot.
  void reset_connections(const std::string& host);
  // Received and sent at the host's own interface, since it was made.
  ByteCount bytes(const std::string& host) const;

 private:
  struct Host {
    unsigned number;  // Of its address, and of its port at the switch.
    UniqueFd network;
  };
  const Host& host(const std::string& name) const;
  void set_one_way(const UniqueFd& network, const std::string& interface,
                   const LinkQuality& quality);

  UniqueFd switch_;
  std::map<std::string, Host> hosts_;
};

// Empty when networks can be made here, else why not.
std::string why_no_networks();

}  // namespace ebb::test

#define EBB_NEEDS_NETWORKS()                                                                       \
  do {                                                                                             \
    if (const std::string why = ::ebb::test::why_no_networks(); !why.empty()) GTEST_SKIP() << why; \
  } while (false)
