// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cutting_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "devmap/core/check.h"

namespace ebb::test {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EBB_CHECK(path.size() < sizeof address.sun_path, "the path of a socket is too long");
  path.copy(address.sun_path, path.size());
  return address;
}

UniqueFd new_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EBB_CHECK(fd.is_open(), "a test can make sockets");
  return fd;
}

}  // namespace

struct CuttingProxy::Pipe {
  UniqueFd client;
  UniqueFd server;
  std::uint64_t left;  // Until it is cut.
};

CuttingProxy::CuttingProxy(std::string socket, std::string server, std::uint64_t seed,
                           const Wishes& wishes)
    : socket_(std::move(socket)),
      server_(std::move(server)),
      wishes_(wishes),
      random_(seeded_random(seed)),
      listener_(new_socket()) {
  const sockaddr_un address = address_of(socket_);
  EBB_CHECK(
      ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
          ::listen(listener_.get(), 64) == 0,
      "a proxy can listen");
  thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  thread_.join();
  ::unlink(socket_.c_str());
}

void CuttingProxy::accept_one() {
  UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client.is_open()) return;
  UniqueFd server = new_socket();
  const sockaddr_un address = address_of(server_);
  // Nobody is there: the client finds its connection closed.
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return;
  }
  const std::uint64_t half = wishes_.most_bytes / 2;
  pipes_.push_back(std::make_unique<Pipe>(
      Pipe{std::move(client), std::move(server), half + random_->below(half + 1)}));
}

bool CuttingProxy::forward(Pipe& pipe, bool to_server) {
  const int from = (to_server ? pipe.client : pipe.server).get();
  const int to = (to_server ? pipe.server : pipe.client).get();
  char room[65536];
  const ssize_t got = ::recv(from, room, sizeof room, 0);
  if (got <= 0) return false;
  auto size = static_cast<std::uint64_t>(got);
  if (wishes_.stalls_one_in != 0 && random_->below(wishes_.stalls_one_in) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random_->below(20)));
  }
  const bool cut = cuts_ < wishes_.cuts && size >= pipe.left;
  if (cut) size = pipe.left;  // In the middle of whatever it is.
  pipe.left -= std::min(pipe.left, size);
  for (std::uint64_t sent = 0; sent < size;) {
    const ssize_t n = ::send(to, room + sent, size - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::uint64_t>(n);
  }
  if (to_server) bytes_ += size;
  if (cut) ++cuts_;
  return !cut;
}

void CuttingProxy::run() {
  while (!stop_) {
    std::vector<pollfd> waiting{{listener_.get(), POLLIN, 0}};
    for (const auto& pipe : pipes_) {
      // A side that does not take what the other sends holds only that one back.
      const auto wanted = [](const UniqueFd& from, const UniqueFd& to) {
        pollfd ready{to.get(), POLLOUT, 0};
        ::poll(&ready, 1, 0);
        const short events = (ready.revents & POLLOUT) != 0 ? POLLIN : 0;
        return pollfd{from.get(), events, 0};
      };
      waiting.push_back(wanted(pipe->client, pipe->server));
      waiting.push_back(wanted(pipe->server, pipe->client));
    }
    ::poll(waiting.data(), waiting.size(), 1);
    for (std::size_t i = 0; i < pipes_.size(); ++i) {
      const short any = POLLIN | POLLHUP | POLLERR;
      bool goes_on = true;
      if (waiting[1 + 2 * i].revents & any) goes_on = forward(*pipes_[i], true);
      if (goes_on && (waiting[2 + 2 * i].revents & any)) goes_on = forward(*pipes_[i], false);
      if (!goes_on) pipes_[i].reset();
    }
    std::erase(pipes_, nullptr);
    if (waiting[0].revents & POLLIN) accept_one();
  }
  pipes_.clear();
}

}  // namespace ebb::test
