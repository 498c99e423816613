// SPDX-License-Identifier: Apache-2.0
// raw_peer.h - a peer that speaks RPC by hand over a blocking socket, so that it can also say what
// no RPC library would: any bytes, calls without end, answers that nobody reads or finishes.
//
// Nothing blocks for ever: a peer that takes or gives nothing for some seconds counts as gone.
// Source of the protocol: capnp/rpc.capnp of 0.9.
#pragma once

#include <capnp/rpc.capnp.h>
#include <capnp/serialize.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "devmap/core/bytes.h"
#include "devmap/core/unique_fd.h"
#include "wire/schema/repository.capnp.h"

namespace ebb::test {

class RawPeer {
 public:
  using Fill = std::function<void(capnp::AnyPointer::Builder params)>;
  using Answer = std::unique_ptr<capnp::StreamFdMessageReader>;

  explicit RawPeer(const std::string& socket);

  bool connected() const { return fd_.is_open(); }
  // False when the other side takes no more, now or ever.
  bool send(Bytes bytes);
  bool send(capnp::MessageBuilder& message);
  // True when the other side has hung up, or does so within a while.
  bool is_hung_up();

  // Opens the repository "disks", reading the answers; false when that fails.
  bool open();
  // A call of the bootstrap object or the opened repository. Gives no thought to the answer.
  bool call_agent(std::uint16_t method, const Fill& fill);
  bool call_repository(std::uint16_t method, const Fill& fill);
  std::uint32_t last_question() const { return next_question_ - 1; }
  // Reads until the answer to this question; null when there is none.
  Answer answer_to(std::uint32_t question);
  bool finish(std::uint32_t question);

  // Of one message, for whoever wants to spoil it.
  ByteVector read_call(const std::string& name);

 private:
  bool bootstrap();
  void begin_call(capnp::MessageBuilder& message, std::uint64_t interface, std::uint16_t method,
                  const Fill& fill);

  UniqueFd fd_;
  std::uint32_t next_question_ = 0;
  std::optional<std::uint32_t> agent_;  // The question whose answer it is.
  std::optional<std::uint32_t> repository_;
};

// Fills in what a call takes.
RawPeer::Fill reading(const std::string& name);
RawPeer::Fill fetching(Bytes pack, std::uint64_t at, std::uint32_t length);
RawPeer::Fill opening();

inline constexpr std::uint16_t open_method = 0;
inline constexpr std::uint16_t read_method = 0;
inline constexpr std::uint16_t fetch_method = 10;

}  // namespace ebb::test
