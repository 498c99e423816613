// SPDX-License-Identifier: Apache-2.0
#include "wire/error_bridge.h"

#include <algorithm>
#include <array>

namespace ebb {

namespace {

constexpr std::size_t max_text = 2000;

struct Pair {
  ErrorKind kind;
  wire::Refusal::Kind wire;
};
constexpr std::array<Pair, 8> kinds = {{
    {ErrorKind::invalid, wire::Refusal::Kind::INVALID},
    {ErrorKind::mismatch, wire::Refusal::Kind::MISMATCH},
    {ErrorKind::damaged, wire::Refusal::Kind::DAMAGED},
    {ErrorKind::lost, wire::Refusal::Kind::LOST},
    {ErrorKind::busy, wire::Refusal::Kind::BUSY},
    {ErrorKind::full, wire::Refusal::Kind::FULL},
    {ErrorKind::absent, wire::Refusal::Kind::ABSENT},
    {ErrorKind::denied, wire::Refusal::Kind::DENIED},
}};

}  // namespace

std::string printable(kj::StringPtr text) {
  std::string kept(text.begin(), std::min(text.size(), max_text));
  std::ranges::replace_if(
      kept, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return kept;
}

Error to_error(const kj::Exception& exception) {
  const std::string text = printable(exception.getDescription());
  switch (exception.getType()) {
    case kj::Exception::Type::DISCONNECTED: return Error::lost("the connection ended: {}", text);
    case kj::Exception::Type::OVERLOADED: return Error::busy("the peer is overloaded: {}", text);
    case kj::Exception::Type::UNIMPLEMENTED:
      return Error::mismatch("the peer does not know this call; is it older than this ebb? ({})",
                             text);
    case kj::Exception::Type::FAILED: break;
  }
  return Error::invalid("{}", text);
}

kj::Exception to_exception(const Error& error) {
  const auto type = [&] {
    switch (error.kind()) {
      case ErrorKind::lost: return kj::Exception::Type::DISCONNECTED;
      case ErrorKind::busy: return kj::Exception::Type::OVERLOADED;
      default: return kj::Exception::Type::FAILED;
    }
  }();
  return kj::Exception(type, __FILE__, __LINE__, kj::heapString(error.text().c_str()));
}

Error to_error(wire::Refusal::Reader refusal) {
  const auto pair = std::ranges::find(kinds, refusal.getKind(), &Pair::wire);
  const ErrorKind kind = pair == kinds.end() ? ErrorKind::invalid : pair->kind;
  return Error(kind, printable(refusal.getText()));
}

void put_refusal(const Error& error, wire::Refusal::Builder refusal) {
  const auto pair = std::ranges::find(kinds, error.kind(), &Pair::kind);
  refusal.setKind(pair->wire);
  refusal.setText(error.text().substr(0, max_text).c_str());
}

}  // namespace ebb
