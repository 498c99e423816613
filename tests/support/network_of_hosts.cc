// SPDX-License-Identifier: Apache-2.0
#include "tests/support/network_of_hosts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>

#include "devmap/core/check.h"
#include "tests/support/run_program.h"

namespace ebb::test {

namespace {

constexpr const char* own_network = "/proc/thread-self/ns/net";

UniqueFd open_own_network() {
  UniqueFd fd(::open(own_network, O_RDONLY | O_CLOEXEC));
  EBB_CHECK(fd.is_open(), "a thread has a network");
  return fd;
}

// This thread, and what it starts, is in that network until the end of the scope.
class Inside {
 public:
  explicit Inside(const UniqueFd& network) : before_(open_own_network()) {
    EBB_CHECK(::setns(network.get(), CLONE_NEWNET) == 0,
              "a network of this process can be entered");
  }
  ~Inside() { EBB_CHECK(::setns(before_.get(), CLONE_NEWNET) == 0, "and left"); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  UniqueFd before_;
};

// Closed when there is no permission to.
UniqueFd make_network() {
  const UniqueFd before = open_own_network();
  if (::unshare(CLONE_NEWNET) != 0) return UniqueFd();
  UniqueFd made = open_own_network();
  EBB_CHECK(::setns(before.get(), CLONE_NEWNET) == 0, "a thread can go back");
  return made;
}

ProgramResult run_in(const UniqueFd& network, const std::vector<std::string>& arguments) {
  const Inside inside(network);
  return run_program(arguments);
}

void must_run(const UniqueFd& network, const std::vector<std::string>& arguments) {
  const ProgramResult result = run_in(network, arguments);
  EBB_CHECK(result.ok(), fmt::format("{}: {}", fmt::join(arguments, " "), result.output));
}

std::string port_of(unsigned number) {
  return fmt::format("port{}", number);
}

constexpr const char* interface_of_host = "eth0";

// For tc's `bpf bytecode`: drops a packet when a random number of 32 bits is below the threshold.
std::string dropping(unsigned percent) {
  const std::uint64_t threshold = (std::uint64_t{1} << 32) * percent / 100;
  return fmt::format("4,32 0 0 4294963256,53 1 0 {},6 0 0 2,6 0 0 0", threshold);
}

}  // namespace

NetworkOfHosts::NetworkOfHosts(const std::vector<std::string>& hosts) : switch_(make_network()) {
  EBB_CHECK(switch_.is_open(), "a network can be made");
  must_run(switch_, {"ip", "link", "add", "switch", "type", "bridge"});
  must_run(switch_, {"ip", "link", "set", "switch", "up"});
  for (const std::string& name : hosts) {
    const unsigned number = static_cast<unsigned>(hosts_.size()) + 1;
    const auto added = hosts_.emplace(name, Host{number, make_network()});
    const UniqueFd& network = added.first->second.network;
    const std::string port = port_of(number);
    must_run(switch_, {"ip", "link", "add", port, "type", "veth", "peer", "name", interface_of_host,
                       "netns", fmt::format("/proc/{}/fd/{}", ::getpid(), network.get())});
    must_run(switch_, {"ip", "link", "set", port, "master", "switch", "up"});
    must_run(network, {"ip", "link", "set", "lo", "up"});
    must_run(network, {"ip", "address", "add", address(name) + "/24", "dev", interface_of_host});
    must_run(network, {"ip", "link", "set", interface_of_host, "up"});
  }
}

const NetworkOfHosts::Host& NetworkOfHosts::host(const std::string& name) const {
  const auto found = hosts_.find(name);
  EBB_CHECK(found != hosts_.end(), name + " is no host of this network");
  return found->second;
}

std::string NetworkOfHosts::address(const std::string& name) const {
  return fmt::format("10.7.0.{}", host(name).number);
}

std::unique_ptr<StartedProgram> NetworkOfHosts::start(
    const std::string& name, const std::vector<std::string>& arguments,
    const std::map<std::string, std::string>& settings) {
  const Inside inside(host(name).network);
  // Killed with the thread that started it, or it would keep the network.
  std::vector<std::string> words{find_program("setpriv"), "--pdeathsig", "KILL", "--"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return StartedProgram::start(words, settings);
}

void NetworkOfHosts::cut(const std::string& name) {
  must_run(switch_, {"ip", "link", "set", port_of(host(name).number), "down"});
}

void NetworkOfHosts::mend(const std::string& name) {
  must_run(switch_, {"ip", "link", "set", port_of(host(name).number), "up"});
}

void NetworkOfHosts::set(const std::string& name, const LinkQuality& quality) {
  set_one_way(host(name).network, interface_of_host, quality);
  set_one_way(switch_, port_of(host(name).number), quality);
}

// Loss by a filter, not by netem, which not every kernel has.
void NetworkOfHosts::set_one_way(const UniqueFd& network, const std::string& interface,
                                 const LinkQuality& quality) {
  run_in(network, {"tc", "qdisc", "del", "dev", interface, "root"});  // Where there was one.
  run_in(network, {"tc", "qdisc", "del", "dev", interface, "clsact"});
  const std::string rate = fmt::format("{}bps", quality.per_second.value());  // Bytes, to tc.
  if (quality.delay.count() > 0) {
    std::vector<std::string> words{"tc",
                                   "qdisc",
                                   "add",
                                   "dev",
                                   interface,
                                   "root",
                                   "netem",
                                   "limit",
                                   "10000",
                                   "delay",
                                   fmt::format("{}ms", quality.delay.count())};
    if (quality.per_second.value() > 0) words.insert(words.end(), {"rate", rate});
    must_run(network, words);
  } else if (quality.per_second.value() > 0) {
    must_run(network, {"tc", "qdisc", "add", "dev", interface, "root", "tbf", "rate", rate, "burst",
                       "128kb", "latency", "50ms"});
  }
  if (quality.lost_percent == 0) return;
  must_run(network, {"tc", "qdisc", "add", "dev", interface, "clsact"});
  must_run(network, {"tc", "filter", "add", "dev", interface, "egress", "bpf", "direct-action",
                     "bytecode", dropping(quality.lost_percent)});
}

bool NetworkOfHosts::can_delay() const {
  const UniqueFd other = make_network();
  return run_in(other, {"tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"}).ok();
}

void NetworkOfHosts::reset_connections(const std::string& name) {
  run_in(host(name).network, {"ss", "--kill", "--tcp", "state", "established"});
}

ByteCount NetworkOfHosts::bytes(const std::string& name) const {
  const Inside inside(host(name).network);
  std::ifstream lines("/proc/thread-self/net/dev");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(std::string(interface_of_host) + ":");
    if (at == std::string::npos) continue;
    // Received: bytes and seven other numbers; then sent.
    std::istringstream numbers(line.substr(line.find(':') + 1));
    std::uint64_t received = 0;
    std::uint64_t other = 0;
    std::uint64_t sent = 0;
    numbers >> received;
    for (int i = 0; i < 7; ++i) numbers >> other;
    numbers >> sent;
    return ByteCount(received) + ByteCount(sent);
  }
  EBB_CHECK(false, "a host has an interface");
}

std::string why_no_networks() {
  for (const char* program : {"ip", "tc", "setpriv"}) {
    if (find_program(program).empty()) return fmt::format("no {}", program);
  }
  const UniqueFd network = make_network();
  if (!network.is_open()) return "network namespaces cannot be made here";
  const ProgramResult made =
      run_in(network, {"ip", "link", "add", "a1", "type", "veth", "peer", "name", "a2"});
  return made.ok() ? "" : "no veth here: " + made.output;
}

}  // namespace ebb::test
