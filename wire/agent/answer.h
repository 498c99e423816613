// SPDX-License-Identifier: Apache-2.0
// answer.h - a call of a peer, answered by a story in a fiber: what it returns as an error is the
// answer's refusal.
#pragma once

#include <capnp/capability.h>

#include "wire/agent/peer_link.h"
#include "wire/error_bridge.h"

namespace ebb {

// What most answers have at most.
inline constexpr ByteCount small_answer = 4_KiB;

// `story` takes the call's context and returns Result<void>; its answer has at most `most` bytes,
// for which there is room before it begins. A peer that has too many calls gets no fiber for it.
template <class Context, class Story>
kj::Promise<void> answer(RingInKj& kj, std::shared_ptr<PeerLink> link, Context context,
                         ByteCount most, Story story) {
  auto call = kj::heap<PeerLink::Call>(link);
  if (link->is_over_bound()) return to_exception(Error::busy("too many calls at once"));
  return kj.in_fiber([link = std::move(link), call = kj::mv(call), context, story = kj::mv(story),
                      most]() mutable {
    const PeerLink::Room room(*link, most);
    const Result<void> done = link->is_closed()
                                  ? Result<void>(fail(Error::lost("the connection ended")))
                                  : story(context);
    if (!done) put_refusal(done.error(), context.getResults().initRefused());
    link->answered(context.getResults().asReader().totalSize().wordCount * sizeof(capnp::word));
  });
}

template <class Context, class Story>
kj::Promise<void> answer(RingInKj& kj, std::shared_ptr<PeerLink> link, Context context,
                         Story story) {
  return answer(kj, std::move(link), kj::mv(context), small_answer, kj::mv(story));
}

// A name of so many bytes; invalid when the peer sent another number.
template <class N>
Result<N> name_from(capnp::Data::Reader bytes) {
  const auto name = N::of(std::as_bytes(std::span(bytes.begin(), bytes.size())));
  if (!name) return fail(Error::invalid("a name of {} bytes, not {}", bytes.size(), N::size));
  return *name;
}

}  // namespace ebb
