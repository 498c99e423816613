// SPDX-License-Identifier: Apache-2.0
// bodies_fuzz.cc - the parsers of bodies that come from a difference file, a journal, or a folder:
// embedded objects, data key tables, configuration, lost lists, journals, minimum ages, names of
// files.
//
// The first byte chooses the parser. What one accepts, it must write again as the same bytes.
#include <cstdlib>

#include "engine/flow/restore.h"
#include "engine/repo/embedded_object.h"
#include "engine/repo/minimum_age.h"
#include "engine/repo/repository.h"

namespace {

void check(bool same) {
  if (!same) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ebb;
  if (size == 0) return 0;
  const Bytes body = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 7) {
    case 0:
      if (const auto object = unpack_embedded(body))
        check(same_bytes(pack_embedded(*object), body));
      break;
    case 1:
      if (const auto table = unpack_data_key_table(body)) {
        check(same_bytes(pack_data_key_table(*table), body));
      }
      break;
    case 2:
      if (const auto config = unpack_config(body)) check(same_bytes(pack_config(*config), body));
      break;
    case 3:
      if (const auto lost = unpack_lost_records(body)) {
        check(same_bytes(pack_lost_records(*lost), body));
      }
      break;
    case 4:
      if (const auto journal = unpack_journal(body)) {
        check(same_bytes(pack_journal(*journal), body));
      }
      break;
    case 5:
      if (const auto minimum = unpack_minimum_age(body)) {
        check(same_bytes(pack_minimum_age(*minimum), body));
      }
      break;
    default: {
      static_cast<void>(layout::pack_id_of(text_of(body)));
      static_cast<void>(layout::data_key_of_envelope(text_of(body)));
      const auto name = layout::point_name_of(VolumeId{}, text_of(body));
      // The same point by the same name, but for the case of its digits.
      if (name) check(layout::point_name_of(VolumeId{}, name->path().substr(40)) == name);
      break;
    }
  }
  return 0;
}
