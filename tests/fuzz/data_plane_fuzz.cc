// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a peer sends to a storage agent, in whatever order and however nested: the
// agent lives, needs no more memory than its bounds allow, lets the peer go, and serves the next
// one.
//
// Input: the bytes of the peer's stream. Who knows the ticket "all" may do everything, and the
// repository's id is the same each time, so that messages reach what lies behind `open`.
#include <sanitizer/allocator_interface.h>

#include <array>

#include "devmap/core/check.h"
#include "tests/wire/agent/hosting.h"

namespace {

using namespace ebb;
using test::Hosting;

constexpr StorageBounds bounds{2, 8, 2, 1, {}};
// A peer's calls under way, their answers, and what a message is unpacked into.
constexpr std::size_t most_memory = 96 << 20;
// What inputs leave in the repository stays there; a new one now and then keeps it small.
constexpr unsigned inputs_for_one = 200;

std::unique_ptr<Hosting> new_hosting() {
  return std::make_unique<Hosting>(bounds, seeded_random(1));
}

// Reads until the agent hangs up.
kj::Promise<void> discard(kj::AsyncIoStream& from, std::array<kj::byte, 4096>& room) {
  return from.tryRead(room.data(), 1, room.size()).then([&](std::size_t got) -> kj::Promise<void> {
    if (got == 0) return kj::READY_NOW;
    return discard(from, room);
  });
}

// A peer that has said everything waits for its answers. One that cannot, for the agent has cut it,
// is gone.
void speak(Hosting& hosting, Bytes bytes) {
  auto stream = hosting.connect_stream();
  std::array<kj::byte, 4096> room{};
  const auto said = catching([&]() -> Result<void> {
    auto all = stream->write(bytes.data(), bytes.size()).then([&] { stream->shutdownWrite(); });
    auto gone = discard(*stream, room);
    auto& timer = hosting.kj().io().provider->getTimer();
    // Where it waits for more of a message, or for answers to be taken, it waits for ever.
    hosting.kj().wait_for(kj::joinPromises(kj::arr(kj::mv(all), kj::mv(gone)))
                              .exclusiveJoin(timer.afterDelay(2 * kj::SECONDS)));
    return {};
  });
  static_cast<void>(said);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<Hosting> hosting = new_hosting();
  static unsigned left = inputs_for_one;
  if (--left == 0) {
    hosting.reset();
    hosting = new_hosting();
    left = inputs_for_one;
  }
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  speak(*hosting, std::as_bytes(std::span(data, size)));
  EBB_CHECK(__sanitizer_get_current_allocated_bytes() < before + most_memory,
            "a peer that is gone still has memory here");
  hosting->kj().wait_for_all();
  const auto other = hosting->open();
  auto request = other->repository().readRequest();
  request.setName("repository");
  EBB_CHECK(hosting->send(request).has_value(), "the next peer is not served");
  return 0;
}
