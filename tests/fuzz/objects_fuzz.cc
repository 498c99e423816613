// SPDX-License-Identifier: Apache-2.0
// Any bytes as a small object: the parsers never crash, and what one accepts it packs again into
// the bytes that it read.
//
// Input: one byte that chooses the parser, then a body. The frame is tried on the bytes as they
// are, and around the body with its checksum right.
#include "devmap/core/check.h"
#include "engine/repo/envelope.h"
#include "engine/repo/members.h"
#include "engine/repo/object_frame.h"
#include "engine/repo/point.h"
#include "engine/repo/source_key.h"

namespace {

using namespace ebb;

void try_frame(Bytes bytes) {
  for (std::uint16_t type = 0; type < 12; ++type) {
    const auto object = unframe_object(static_cast<ObjectType>(type), bytes);
    if (!object) continue;
    EBB_CHECK(!object->both_sound ||
                  same_bytes(frame_object(static_cast<ObjectType>(type), object->body), bytes),
              "a sound file is not what framing its body gives");
  }
  const auto framed = unframe_object(ObjectType::point, frame_object(ObjectType::point, bytes));
  EBB_CHECK(framed && framed->both_sound && same_bytes(framed->body, bytes), "a frame loses bytes");
}

void try_point(Bytes bytes) {
  const auto point = unpack_point(bytes);
  if (!point) return;
  EBB_CHECK(same_bytes(point->body, bytes), "a point is not its bytes");
  (void)signature_is_right(*point);
  (void)point->point.root();
  (void)point->point.created.text();
  (void)name_of(point->point.found_by);
  EBB_CHECK(!open_about(point->point, IdKey{}) || point->point.about.sealed.size() > 16,
            "a label without a tag opens");
}

void try_slot(Bytes bytes) {
  const auto slot = unpack_slot(bytes);
  if (!slot) return;
  EBB_CHECK(same_bytes(pack_slot(*slot), bytes), "a slot is packed into other bytes");
  // Anything that costs little to derive may be tried.
  if (slot->kind == SlotKind::paper || slot->cost.memory_kib > 256 || slot->cost.passes > 2) {
    (void)check(slot->cost);
  } else {
    EBB_CHECK(!open_slot(*slot, {}, bytes_of("passphrase")), "a made-up slot opens");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 7) {
    case 0: try_frame(bytes); break;
    case 1: try_point(bytes); break;
    case 2: try_slot(bytes); break;
    case 3:
      if (const auto envelope = unpack_envelope(bytes)) {
        EBB_CHECK(same_bytes(pack_envelope(*envelope), bytes), "an envelope changes");
      }
      break;
    case 4: EBB_CHECK(!open_members(bytes, {}, {}, nullptr), "unsigned members open"); break;
    case 5:
      if (const auto key = unpack_source_key(bytes)) {
        EBB_CHECK(same_bytes(pack_source_key(*key), bytes), "a source key changes");
      }
      break;
    case 6: EBB_CHECK(!open_keyring(bytes, {}, {}), "a made-up keyring opens"); break;
  }
  if (const auto paper = paper_key_of(text_of(bytes))) {
    EBB_CHECK(paper_key_of(paper_key_text(*paper)), "a paper key does not read its own text");
  }
  return 0;
}
