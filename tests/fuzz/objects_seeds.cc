// SPDX-License-Identifier: Apache-2.0
// Writes one sound object of each kind for objects_fuzz into the folder given.
#include <filesystem>

#include "engine/repo/envelope.h"
#include "engine/repo/members.h"
#include "engine/repo/object_frame.h"
#include "engine/repo/point.h"
#include "engine/repo/source_key.h"
#include "tests/support/image_file.h"

int main(int argc, char** argv) {
  using namespace ebb;
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto put = [&](const std::string& name, char choice, Bytes body) {
    test::write_text(folder + "/" + name, choice + std::string(text_of(body)));
  };
  const auto random = seeded_random(1);
  const SigningSeed signer = make_signing_seed(*random);
  const Keyring keyring = Keyring::make(*random);
  const KeyringKey key(keyring.id_key.reveal());
  put("frame", 0, frame_object(ObjectType::slot, bytes_of("body")));
  Point point;
  point.about = seal_about({}, point, keyring.id_key, *random);
  put("point", 1, sign_point(point, signer).body);
  put("slot", 2, pack_slot(make_paper_slot({}, key, PaperKey{}, "label", {}, *random)));
  put("envelope", 3, pack_envelope({}));
  put("members", 4,
      sign_members({{}, 1, {{}}, {{{}, true, "name"}}}, signer, keyring.id_key, *random));
  SourceKey source;
  source.name = "host";
  put("source_key", 5, pack_source_key(source));
  put("keyring", 6, seal_keyring(keyring, {}, key, *random));
  put("paper", 0, bytes_of(paper_key_text(PaperKey{})));
  return 0;
}
