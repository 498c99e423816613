// SPDX-License-Identifier: Apache-2.0
// Any bytes as a ticket, as they are and with a right signature: it opens or does not, and one that
// opens is signed again into the same bytes.
#include "devmap/core/check.h"
#include "wire/control/ticket.h"
#include "wire/link/openssl.h"

namespace {

using namespace ebb;

ByteVector signed_as_ticket(Bytes bytes, const TicketSigningKey& seed) {
  const ossl::Key key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, ossl::raw(seed.reveal()), seed.size));
  const ossl::MdContext context(EVP_MD_CTX_new());
  EBB_OSSL_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  ByteVector message = copy_of(bytes_of("ebb ticket 1"));
  append(message, bytes);
  std::array<std::byte, 64> signature{};
  std::size_t size = signature.size();
  EBB_OSSL_CHECK(EVP_DigestSign(context.get(), ossl::raw_room(signature), &size, ossl::raw(message),
                                message.size()));
  ByteVector whole = copy_of(bytes);
  append(whole, signature);
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TicketSigningKey key;
  static const TicketVerifyKey verifier = ticket_verify_key(key);
  const Bytes bytes = std::as_bytes(std::span(data, size));
  (void)open_ticket(bytes, verifier);
  const ByteVector whole = signed_as_ticket(bytes, key);
  const auto ticket = open_ticket(whole, verifier);
  if (!ticket) return 0;
  EBB_CHECK(same_bytes(sign_ticket(*ticket, key), whole), "a ticket is not its bytes");
  (void)check_ticket(*ticket, ticket->holder, ticket->repository, ticket->storage, {});
  (void)ticket->verbs.text();
  const TicketVolume none{};
  (void)permits(*ticket, Verb::add, &none);
  return 0;
}
