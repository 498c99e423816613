// SPDX-License-Identifier: Apache-2.0
#include "wire/control/client/identity.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "wire/control/protocol.h"
#include "wire/link/secret_file.h"

namespace ebb::control {

namespace {

constexpr const char* folder_name = "/identity";
constexpr const char* key_file = "key.pem";
constexpr const char* certificate_file = "certificate.pem";
constexpr const char* authority_file = "authority.pem";
constexpr const char* about_file = "about.json";

std::string text_member(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return {};
  return *found->get_ptr<const std::string*>();
}

Result<void> read_about(std::string_view text, Identity& identity) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Error::damaged("{} is not what was written", about_file));
  const auto role = role_named(text_member(json, "role"));
  const auto ticket_key = TicketVerifyKey::from_hex_text(text_member(json, "ticket_key"));
  const auto manager = parse_address(text_member(json, "manager"), control_port);
  if (!role || !ticket_key || !manager) {
    return fail(Error::damaged("{} lacks a role, a ticket key or a manager", about_file));
  }
  identity.role = *role;
  identity.ticket_key = *ticket_key;
  identity.manager = *manager;
  identity.name = text_member(json, "name");
  return {};
}

}  // namespace

Result<IdentityFolder> IdentityFolder::begin(const std::string& state_folder,
                                             const PrivateKey& key) {
  auto folder = NewFolder::begin(state_folder + folder_name);
  if (!folder && folder.error().kind() == ErrorKind::invalid) {
    return fail(
        Error::invalid("this host is enrolled already, in {}{}; move that away to enroll it anew",
                       state_folder, folder_name));
  }
  if (!folder) return fail(folder.error());
  const SecretBuffer pem = key.pem();
  TRY(write_new_file(*folder / key_file, pem.reveal(), Readers::owner));
  return IdentityFolder(std::move(*folder));
}

Result<void> IdentityFolder::publish(const Identity& identity) {
  const nlohmann::json about = {{"manager", identity.manager.text()},
                                {"name", identity.name},
                                {"role", name_of(identity.role)},
                                {"ticket_key", identity.ticket_key.hex()}};
  TRY(write_new_file(folder_ / certificate_file, bytes_of(identity.certificate),
                     Readers::everybody));
  TRY(write_new_file(folder_ / authority_file, bytes_of(identity.authority), Readers::everybody));
  TRY(write_new_file(folder_ / about_file, bytes_of(about.dump(2) + "\n"), Readers::everybody));
  return folder_.publish();
}

Result<Identity> read_identity(const std::string& state_folder) {
  const std::string folder = state_folder + folder_name + "/";
  const auto key = read_identity_file(folder + key_file, Readers::owner);
  if (!key && key.error().kind() == ErrorKind::absent) {
    return fail(
        Error::absent("this host is not enrolled (there is no {}); an operator's token and "
                      "`enroll` do that",
                      folder));
  }
  if (!key) return fail(key.error());
  Identity identity;
  identity.key = TRY(during(PrivateKey::of_pem(key->reveal()), "reading {}{}", folder, key_file));
  const auto text = [&](const char* name) -> Result<std::string> {
    const SecretBuffer content = TRY(read_identity_file(folder + name, Readers::everybody));
    return std::string(text_of(content.reveal()));
  };
  identity.certificate = TRY(text(certificate_file));
  identity.authority = TRY(text(authority_file));
  TRY(during(read_about(TRY(text(about_file)), identity), "reading {}", folder));
  const CertificateFacts facts = TRY(facts_of(identity.certificate));
  if (facts.holder != identity.holder()) {
    return fail(Error::mismatch("the certificate in {} is not that of the key beside it", folder));
  }
  return identity;
}

Result<void> replace_certificate(const std::string& state_folder, const Identity& identity,
                                 const std::string& certificate) {
  if (TRY(facts_of(certificate)).holder != identity.holder()) {
    return fail(Error::mismatch("the new certificate is not that of this host's key"));
  }
  const std::string folder = state_folder + folder_name;
  const std::string building = folder + "/" + certificate_file + ".new";
  ::unlink(building.c_str());  // Of a renewal that was killed.
  TRY(write_new_file(building, bytes_of(certificate), Readers::everybody));
  if (::rename(building.c_str(), (folder + "/" + certificate_file).c_str()) != 0) {
    return fail(Error::from_errno(errno).during("renaming {}", building));
  }
  return sync_entries(folder);
}

}  // namespace ebb::control
