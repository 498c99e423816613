// SPDX-License-Identifier: Apache-2.0
// answer.h - a call of a peer, answered by a story in a fiber: what it returns as an error is the
// answer's refusal.
#pragma once

#include <capnp/capability.h>

#include "wire/agent/peer_link.h"
#include "wire/error_bridge.h"

namespace ebb {

// `story` takes the call's context and returns Result<void>.
template <class Context, class Story>
kj::Promise<void> answer(RingInKj& kj, std::shared_ptr<PeerLink> link, Context context,
                         Story story) {
  return kj.in_fiber([link = std::move(link), context, story = kj::mv(story)]() mutable {
    const PeerLink::Call call(link);
    const Result<void> done = link->wait_until_it_reads()
                                  ? story(context)
                                  : Result<void>(fail(Error::lost("the connection ended")));
    if (!done) put_refusal(done.error(), context.getResults().initRefused());
    link->answered(context.getResults().asReader().totalSize().wordCount * sizeof(capnp::word));
  });
}

// A name of so many bytes; invalid when the peer sent another number.
template <class N>
Result<N> name_from(capnp::Data::Reader bytes) {
  const auto name = N::of(std::as_bytes(std::span(bytes.begin(), bytes.size())));
  if (!name) return fail(Error::invalid("a name of {} bytes, not {}", bytes.size(), N::size));
  return *name;
}

}  // namespace ebb
