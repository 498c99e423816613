// SPDX-License-Identifier: Apache-2.0
#include "tests/wire/agent/raw_peer.h"

#include <kj/exception.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>

#include "wire/bytes.h"

namespace ebb::test {

namespace {

namespace rpc = capnp::rpc;

constexpr timeval send_patience{2, 0};
constexpr timeval read_patience{100, 0};

}  // namespace

RawPeer::RawPeer(const std::string& socket)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd_ = UniqueFd();
    return;
  }
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &send_patience, sizeof send_patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &read_patience, sizeof read_patience);
}

bool RawPeer::send(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawPeer::send(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  return send(bytes_from(words.asBytes()));
}

bool RawPeer::is_hung_up() {
  std::byte room[65536];
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), room, sizeof room, 0);
    if (got == 0) return true;
    if (got < 0 && errno != EINTR) return errno != EAGAIN;
  }
}

bool RawPeer::bootstrap() {
  if (agent_) return true;
  agent_ = next_question_++;
  capnp::MallocMessageBuilder message;
  message.initRoot<rpc::Message>().initBootstrap().setQuestionId(*agent_);
  return send(message);
}

void RawPeer::begin_call(capnp::MessageBuilder& message, std::uint64_t interface,
                         std::uint16_t method, const Fill& fill) {
  auto call = message.initRoot<rpc::Message>().initCall();
  call.setQuestionId(next_question_++);
  call.setInterfaceId(interface);
  call.setMethodId(method);
  fill(call.initParams().getContent());
}

bool RawPeer::call_agent(std::uint16_t method, const Fill& fill) {
  if (!bootstrap()) return false;
  capnp::MallocMessageBuilder message;
  begin_call(message, capnp::typeId<wire::StorageAgent>(), method, fill);
  message.getRoot<rpc::Message>().getCall().initTarget().initPromisedAnswer().setQuestionId(
      *agent_);
  return send(message);
}

bool RawPeer::call_repository(std::uint16_t method, const Fill& fill) {
  capnp::MallocMessageBuilder message;
  begin_call(message, capnp::typeId<wire::Repository>(), method, fill);
  message.getRoot<rpc::Message>().getCall().initTarget().setImportedCap(*repository_);
  return send(message);
}

RawPeer::Answer RawPeer::answer_to(std::uint32_t question) {
  try {
    for (;;) {
      auto reader = std::make_unique<capnp::StreamFdMessageReader>(fd_.get());
      const auto message = reader->getRoot<rpc::Message>();
      if (message.isReturn() && message.getReturn().getAnswerId() == question) return reader;
    }
  } catch (const kj::Exception&) {
    return nullptr;
  }
}

bool RawPeer::open() {
  if (!call_agent(open_method, opening())) return false;
  const Answer answer = answer_to(last_question());
  if (answer == nullptr) return false;
  const auto returned = answer->getRoot<rpc::Message>().getReturn();
  if (!returned.isResults()) return false;
  for (const auto capability : returned.getResults().getCapTable()) {
    if (capability.isSenderHosted()) repository_ = capability.getSenderHosted();
  }
  return repository_.has_value();
}

bool RawPeer::finish(std::uint32_t question) {
  capnp::MallocMessageBuilder message;
  auto finish = message.initRoot<rpc::Message>().initFinish();
  finish.setQuestionId(question);
  finish.setReleaseResultCaps(true);
  return send(message);
}

ByteVector RawPeer::read_call(const std::string& name) {
  capnp::MallocMessageBuilder message;
  begin_call(message, capnp::typeId<wire::Repository>(), read_method, reading(name));
  message.getRoot<rpc::Message>().getCall().initTarget().setImportedCap(repository_.value_or(0));
  const auto words = capnp::messageToFlatArray(message);
  return copy_of(bytes_from(words.asBytes()));
}

RawPeer::Fill reading(const std::string& name) {
  return [name](capnp::AnyPointer::Builder params) {
    params.initAs<wire::Repository::ReadParams>().setName(name.c_str());
  };
}

RawPeer::Fill fetching(Bytes pack, std::uint64_t at, std::uint32_t length) {
  return [pack, at, length](capnp::AnyPointer::Builder params) {
    auto fetch = params.initAs<wire::Repository::FetchParams>();
    fetch.setPack(kj_bytes(pack));
    fetch.setAt(at);
    fetch.setLength(length);
  };
}

RawPeer::Fill opening() {
  return [](capnp::AnyPointer::Builder params) {
    auto open = params.initAs<wire::StorageAgent::OpenParams>();
    open.initHello().setVersion(wire::PROTOCOL_VERSION);
    open.getHello().setOldest(wire::PROTOCOL_VERSION);
    open.setRepository("disks");
  };
}

}  // namespace ebb::test
