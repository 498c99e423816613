// SPDX-License-Identifier: Apache-2.0
// embedded_object.h - a small object as a record of a difference file: its type, the place in a
// repository where it belongs, and its body.
#pragma once

#include <string>

#include "engine/repo/object_frame.h"
#include "engine/repo/pack_format.h"

namespace ebb {

struct EmbeddedObject {
  ObjectType type = ObjectType::repository;
  std::string path;
  ByteVector body;
};
ByteVector pack_embedded(const EmbeddedObject& object);
// Refuses a path that is not exactly of its type's form: it comes from a file.
Result<EmbeddedObject> unpack_embedded(Bytes payload);

// Which data key sealed which block record of the same pack.
struct DataKeyEntry {
  RecordName name;
  DataKeyId key;
};
inline constexpr std::size_t max_data_key_entries = 21845;
ByteVector pack_data_key_table(std::span<const DataKeyEntry> entries);
Result<std::vector<DataKeyEntry>> unpack_data_key_table(Bytes body);

}  // namespace ebb
