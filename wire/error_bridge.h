// SPDX-License-Identifier: Apache-2.0
// error_bridge.h - between exceptions, by which KJ and Cap'n Proto speak, and Error.
//
// The only place where one becomes the other. What a peer refuses travels as a Refusal in the
// answer, not as an exception; exceptions tell of connections that ended and of peers that do not
// know a call.
#pragma once

#include <kj/async.h>
#include <kj/exception.h>

#include "devmap/core/result.h"
#include "wire/schema/refusal.capnp.h"

namespace ebb {

// DISCONNECTED is lost, OVERLOADED busy, UNIMPLEMENTED mismatch (the peer is older), FAILED
// invalid.
Error to_error(const kj::Exception& exception);
kj::Exception to_exception(const Error& error);

// Text from a peer is cut to a bound and keeps no control characters: it ends up on terminals.
std::string printable(kj::StringPtr text);
Error to_error(wire::Refusal::Reader refusal);
void put_refusal(const Error& error, wire::Refusal::Builder refusal);

template <class T>
concept HasError = requires(T& value) {
  value.error();
};

// Runs what may throw. The value is what `work` returned: a T, or a Result<T> as it is.
template <class Work>
auto catching(Work&& work) {
  using Value = decltype(work());
  if constexpr (HasError<Value>) {
    try {
      return work();
    } catch (const kj::Exception& exception) {
      return Value(fail(to_error(exception)));
    }
  } else {
    try {
      if constexpr (std::is_void_v<Value>) {
        work();
        return Result<void>();
      } else {
        return Result<Value>(work());
      }
    } catch (const kj::Exception& exception) {
      return Result<Value>(fail(to_error(exception)));
    }
  }
}

}  // namespace ebb
