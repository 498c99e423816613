// SPDX-License-Identifier: Apache-2.0
#include "wire/control/token.h"

#include <algorithm>
#include <charconv>

#include "wire/link/openssl.h"

namespace ebb::control {

namespace {

constexpr std::string_view prefix = "ebb1-";
constexpr std::size_t check_size = 2;  // So that a slip is told from a wrong secret.
constexpr std::size_t fixed_size = TokenSecret::size + CertificateDigest::size;
constexpr std::size_t max_address = max_server_name_bytes + 8;

// RFC 4648, section 5, without padding.
constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string base64url(Bytes bytes) {
  std::string text;
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const std::byte byte : bytes) {
    held = (held << 8) | std::to_integer<std::uint32_t>(byte);
    for (bits += 8; bits >= 6; bits -= 6) text += digits[(held >> (bits - 6)) & 63];
  }
  if (bits != 0) text += digits[(held << (6 - bits)) & 63];
  return text;
}

std::optional<ByteVector> from_base64url(std::string_view text) {
  ByteVector bytes;
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = (held << 6) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::byte>((held >> bits) & 0xff));
    }
  }
  // What is left over is zero, so that a token has one text.
  if (bits >= 6 || (held & ((1u << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

struct CheckTag;
Bytes check_of(Bytes bytes, Name<32, CheckTag>& room) {
  room = ossl::sha256_name<Name<32, CheckTag>>(bytes);
  return room.view().first(check_size);
}

Error not_whole() {
  return Error::invalid(
      "this is no token, or not all of one; copy the whole line that `ebb-manager token create` "
      "printed");
}

}  // namespace

std::string Address::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Address> parse_address(std::string_view text, std::uint16_t port) {
  const auto wrong = [&] {
    return fail(Error::invalid("\"{}\" is no address; write HOST, HOST:PORT or [IPV6]:PORT", text));
  };
  Address address{"", port};
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong();
    address.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    const bool is_ipv6 = std::ranges::count(text, ':') > 1;
    address.host = is_ipv6 ? text : text.substr(0, colon);
    if (!is_ipv6 && colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (!is_server_name(address.host)) return wrong();
  if (rest.empty()) return address;
  rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), address.port);
  if (error != std::errc{} || end != rest.data() + rest.size()) return wrong();
  return address;
}

Token Token::make(const CertificateDigest& authority, Address manager, Random& random) {
  Token token{{}, authority, std::move(manager)};
  random.fill(token.secret.room());
  return token;
}

TokenDigest digest_of_secret(Bytes secret) {
  return ossl::sha256_name<TokenDigest>(secret);
}

TokenDigest Token::digest() const {
  return digest_of_secret(secret.reveal());
}

std::string Token::text() const {
  ByteVector bytes = copy_of(secret.reveal());
  bytes.reserve(fixed_size + max_address + check_size);  // The secret leaves no copy behind.
  append(bytes, authority.view());
  append(bytes, bytes_of(manager.text()));
  Name<32, CheckTag> digest;
  append(bytes, check_of(bytes, digest));
  std::string text = std::string(prefix) + base64url(bytes);
  ::explicit_bzero(bytes.data(), bytes.size());
  return text;
}

Result<Token> parse_token(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (!text.starts_with(prefix) || text.size() > 2 * (fixed_size + max_address)) {
    return fail(not_whole());
  }
  auto bytes = from_base64url(text.substr(prefix.size()));
  if (!bytes || bytes->size() <= fixed_size + check_size) return fail(not_whole());
  const Bytes whole = Bytes(*bytes).first(bytes->size() - check_size);
  Name<32, CheckTag> digest;
  if (!same_bytes(check_of(whole, digest), Bytes(*bytes).last(check_size))) {
    return fail(not_whole());
  }
  Token token;
  std::memcpy(token.secret.room().data(), whole.data(), TokenSecret::size);
  token.authority =
      *CertificateDigest::of(whole.subspan(TokenSecret::size, CertificateDigest::size));
  const auto address = parse_address(text_of(whole.subspan(fixed_size)), 0);
  ::explicit_bzero(bytes->data(), bytes->size());
  if (!address || address->port == 0) return fail(not_whole());
  token.manager = *address;
  return token;
}

}  // namespace ebb::control
