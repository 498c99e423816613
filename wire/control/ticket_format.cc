// SPDX-License-Identifier: Apache-2.0
// ticket_format.cc - a ticket in bytes, and its signature. docs/format/ticket.md.
//
// unpack() is the only parser. The signature is checked before anything but the version and the
// length is looked at.
#include <algorithm>

#include "devmap/core/endian.h"
#include "wire/control/ticket.h"
#include "wire/link/openssl.h"

namespace ebb {

namespace {

constexpr std::array<char, 8> magic{'E', 'B', 'B', 'T', 'I', 'C', 'K', 'T'};
constexpr std::uint32_t version = 1;
constexpr std::uint32_t flag_all_volumes = 1;
constexpr std::size_t signature_size = 64;
// A signature over this and the ticket is never one over something else.
constexpr std::string_view signed_words = "ebb ticket 1";

struct TicketOnDisk {
  std::array<char, 8> magic;
  Le32 version;
  Le32 flags;
  std::array<std::byte, 16> id;
  std::array<std::byte, 32> holder;
  std::array<std::byte, 32> storage;
  std::array<char, max_repository_name> repository;  // Ends in zeroes.
  Le32 verbs;
  Le32 volumes;     // How many of 16 bytes follow; then the signature.
  Le64 not_before;  // Two's complement.
  Le64 not_after;
  Le64 bytes_per_second;
  std::array<std::uint8_t, 32> reserved;
};
static_assert(sizeof(TicketOnDisk) == 224 && alignof(TicketOnDisk) == 1);
static_assert(offsetof(TicketOnDisk, repository) == 96);
static_assert(offsetof(TicketOnDisk, not_before) == 168);

ByteVector words_and(Bytes bytes) {
  ByteVector message = copy_of(bytes_of(signed_words));
  append(message, bytes);
  return message;
}

ossl::Key private_key(const TicketSigningKey& key) {
  ossl::Key made(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, ossl::raw(key.reveal()), key.size));
  EBB_CHECK(made, "any 32 bytes are an Ed25519 seed");
  return made;
}

void append_signature(ByteVector& bytes, const TicketSigningKey& key) {
  const ossl::Key signer = private_key(key);
  const ossl::MdContext context(EVP_MD_CTX_new());
  EBB_CHECK(context, "out of memory");
  EBB_OSSL_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, signer.get()));
  const ByteVector message = words_and(bytes);
  std::array<std::byte, signature_size> signature{};
  std::size_t size = signature.size();
  EBB_OSSL_CHECK(EVP_DigestSign(context.get(), ossl::raw_room(signature), &size, ossl::raw(message),
                                message.size()));
  EBB_CHECK(size == signature.size(), "an Ed25519 signature has 64 bytes");
  append(bytes, signature);
}

bool signature_is_right(Bytes signed_bytes, Bytes signature, const TicketVerifyKey& key) {
  const ossl::Key verifier(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, ossl::raw(key.view()), key.size));
  const ossl::MdContext context(EVP_MD_CTX_new());
  EBB_CHECK(context, "out of memory");
  if (!verifier ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, verifier.get()) != 1) {
    ERR_clear_error();
    return false;
  }
  const ByteVector message = words_and(signed_bytes);
  const bool right = EVP_DigestVerify(context.get(), ossl::raw(signature), signature.size(),
                                      ossl::raw(message), message.size()) == 1;
  ERR_clear_error();
  return right;
}

Error no_ticket(std::string_view why) {
  return Error::invalid("these bytes are no ticket: {}", why);
}

Result<TicketOnDisk> header_of(Bytes bytes) {
  if (bytes.size() < sizeof(TicketOnDisk) + signature_size) {
    return fail(no_ticket("there are too few"));
  }
  TicketOnDisk header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != magic) return fail(no_ticket("they do not begin as one"));
  if (header.version.value() != version) {
    return fail(
        Error::mismatch("a ticket of version {}; this ebb knows version {}: the manager is newer, "
                        "upgrade this host",
                        header.version.value(), version));
  }
  if (header.volumes.value() > max_ticket_volumes) return fail(no_ticket("too many volumes"));
  if (bytes.size() !=
      sizeof header + header.volumes.value() * sizeof(TicketVolume) + signature_size) {
    return fail(no_ticket("its length is not the one that it says"));
  }
  return header;
}

// The name up to the zeroes; nothing when something follows them.
std::optional<std::string> name_in(const std::array<char, max_repository_name>& field) {
  const auto end = std::ranges::find(field, '\0');
  if (!std::all_of(end, field.end(), [](char c) { return c == '\0'; })) return std::nullopt;
  std::string name(field.begin(), end);
  if (!is_repository_name(name)) return std::nullopt;
  return name;
}

Result<Ticket> unpack(const TicketOnDisk& header, Bytes volumes) {
  const auto verbs = Verbs::of_bits(header.verbs.value());
  const auto repository = name_in(header.repository);
  Ticket ticket;
  ticket.all_volumes = header.flags.value() == flag_all_volumes;
  ticket.not_before.nanoseconds = static_cast<std::int64_t>(header.not_before.value());
  ticket.not_after.nanoseconds = static_cast<std::int64_t>(header.not_after.value());
  if (!verbs || verbs->empty()) return fail(no_ticket("its verbs are not known"));
  if (!repository) return fail(no_ticket("its repository has no proper name"));
  if ((header.flags.value() & ~flag_all_volumes) != 0) return fail(no_ticket("unknown flags"));
  if (!std::ranges::all_of(header.reserved, [](std::uint8_t b) { return b == 0; })) {
    return fail(no_ticket("reserved bytes are not zero"));
  }
  if (ticket.all_volumes && !volumes.empty()) {
    return fail(no_ticket("it is for all volumes and names some"));
  }
  if (ticket.not_before > ticket.not_after) return fail(no_ticket("it ends before it begins"));
  ticket.id.bytes = header.id;
  ticket.holder.bytes = header.holder;
  ticket.storage.bytes = header.storage;
  ticket.repository = *repository;
  ticket.verbs = *verbs;
  ticket.bytes_per_second = header.bytes_per_second.value();
  ticket.volumes.resize(volumes.size() / sizeof(TicketVolume));
  if (!volumes.empty()) std::memcpy(ticket.volumes.data(), volumes.data(), volumes.size());
  return ticket;
}

}  // namespace

TicketSigningKey make_ticket_signing_key(Random& random) {
  TicketSigningKey key;
  random.fill(key.room());
  return key;
}

TicketVerifyKey ticket_verify_key(const TicketSigningKey& key) {
  TicketVerifyKey made;
  std::size_t size = made.size;
  EBB_OSSL_CHECK(
      EVP_PKEY_get_raw_public_key(private_key(key).get(), ossl::raw_room(made.bytes), &size));
  return made;
}

ByteVector sign_ticket(const Ticket& ticket, const TicketSigningKey& key) {
  EBB_CHECK(is_repository_name(ticket.repository), "a ticket for a repository without a name");
  EBB_CHECK(ticket.volumes.size() <= max_ticket_volumes, "more volumes than a ticket may name");
  EBB_CHECK(!ticket.verbs.empty(), "a ticket that allows nothing");
  EBB_CHECK(!ticket.all_volumes || ticket.volumes.empty(), "all volumes, and some of them");
  EBB_CHECK(ticket.not_before <= ticket.not_after, "a ticket that ends before it begins");
  TicketOnDisk header{};
  header.magic = magic;
  header.version = Le32(version);
  header.flags = Le32(ticket.all_volumes ? flag_all_volumes : 0);
  header.id = ticket.id.bytes;
  header.holder = ticket.holder.bytes;
  header.storage = ticket.storage.bytes;
  std::ranges::copy(ticket.repository, header.repository.begin());
  header.verbs = Le32(ticket.verbs.bits());
  header.volumes = Le32(static_cast<std::uint32_t>(ticket.volumes.size()));
  header.not_before = Le64(static_cast<std::uint64_t>(ticket.not_before.nanoseconds));
  header.not_after = Le64(static_cast<std::uint64_t>(ticket.not_after.nanoseconds));
  header.bytes_per_second = Le64(ticket.bytes_per_second);
  ByteVector bytes = copy_of(bytes_of_struct(header));
  for (const TicketVolume& volume : ticket.volumes) append(bytes, volume);
  append_signature(bytes, key);
  return bytes;
}

Result<Ticket> open_ticket(Bytes bytes, const TicketVerifyKey& key) {
  const TicketOnDisk header = TRY(header_of(bytes));
  const Bytes signed_bytes = bytes.first(bytes.size() - signature_size);
  if (!signature_is_right(signed_bytes, bytes.last(signature_size), key)) {
    return fail(
        Error::denied("the ticket's signature is not that of this manager: it was altered, or "
                      "another manager made it; ask the manager for a new one"));
  }
  return unpack(header, signed_bytes.subspan(sizeof header));
}

}  // namespace ebb
