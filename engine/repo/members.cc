// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/members.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "devmap/core/limits.h"
#include "engine/repo/body.h"
#include "engine/repo/label.h"

namespace ebb {

namespace {

constexpr std::uint32_t max_members = 4096;
constexpr std::string_view label_context = "ebb member names 1";

ByteVector signed_bytes(Bytes body) {
  return BodyWriter().raw(bytes_of("ebb members 1")).raw(body).take();
}

}  // namespace

const MemberSource* Members::find(const VerifyKey& key) const {
  const auto found = std::ranges::find(sources, key, &MemberSource::key);
  return found == sources.end() ? nullptr : &*found;
}

ByteVector sign_members(const Members& members, const SigningSeed& authority, const IdKey& id_key,
                        Random& random) {
  BodyWriter body;
  body.raw(members.repository.view()).u64(members.epoch);
  body.u32(static_cast<std::uint32_t>(members.recipients.size()));
  for (const HpkePublicKey& recipient : members.recipients) body.raw(recipient.view());
  body.u32(static_cast<std::uint32_t>(members.sources.size()));
  nlohmann::json names = nlohmann::json::object();
  for (const MemberSource& source : members.sources) {
    body.raw(source.key.view()).u8(source.active ? 1 : 0);
    names[source.key.hex()] = source.name;
  }
  const std::string text = names.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  const SealedLabel label = seal_label(id_key, bytes_of(label_context), bytes_of(text), random);
  body.raw(label.salt).sized(label.sealed);
  const Signature signature = sign(authority, signed_bytes(body.bytes()));
  return body.raw(signature.view()).take();
}

Result<Members> open_members(Bytes body, const RepositoryId& repository, const VerifyKey& authority,
                             const IdKey* id_key) {
  BodyReader reader(body);
  Members members;
  members.repository = TRY(reader.name<RepositoryId>());
  members.epoch = TRY(reader.u64());
  const std::uint32_t recipients = TRY(reader.u32());
  if (recipients == 0 || recipients > max_members) {
    return fail(Error::damaged("a members record with {} recipients", recipients));
  }
  for (std::uint32_t i = 0; i < recipients; ++i) {
    members.recipients.push_back(TRY(reader.name<HpkePublicKey>()));
  }
  const std::uint32_t sources = TRY(reader.u32());
  if (sources > max_members)
    return fail(Error::damaged("a members record with {} sources", sources));
  for (std::uint32_t i = 0; i < sources; ++i) {
    MemberSource source;
    source.key = TRY(reader.name<VerifyKey>());
    source.active = TRY(reader.u8()) == 1;
    members.sources.push_back(std::move(source));
  }
  SealedLabel label;
  std::ranges::copy(TRY(reader.raw(label.salt.size())), label.salt.begin());
  label.sealed = copy_of(TRY(reader.sized(limits::max_small_object.size())));
  const ByteVector message = signed_bytes(reader.so_far());
  const Signature signature = TRY(reader.name<Signature>());
  TRY(reader.end());
  if (members.repository != repository || !verify(authority, message, signature)) {
    return fail(Error::denied("the members record is not signed by this repository's authority"));
  }
  if (id_key != nullptr) {
    const ByteVector text = TRY(open_label(*id_key, bytes_of(label_context), label));
    const auto names = nlohmann::json::parse(text_of(text), nullptr, false);
    for (MemberSource& source : members.sources) {
      const auto name = names.is_object() ? names.find(source.key.hex()) : names.end();
      if (name != names.end() && name->is_string())
        source.name = *name->get_ptr<const std::string*>();
    }
  }
  return members;
}

}  // namespace ebb
