// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/embedded_object.h"

#include "engine/repo/body.h"
#include "engine/repo/layout.h"

namespace ebb {

namespace {

constexpr std::size_t max_path = 255;

bool all_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && from_hex(text).has_value() &&
         text.find_first_of("ABCDEF") == std::string_view::npos;
}

// What follows `start`, if the path begins with it.
std::optional<std::string_view> after(std::string_view path, std::string_view start) {
  if (!path.starts_with(start)) return std::nullopt;
  return path.substr(start.size());
}

// "HEX-HEX" with so many digits.
bool is_pair(std::string_view text, std::size_t first, std::size_t second) {
  return text.size() == first + 1 + second && text[first] == '-' &&
         all_hex(text.substr(0, first), first) && all_hex(text.substr(first + 1), second);
}

bool path_fits(ObjectType type, std::string_view path) {
  constexpr std::size_t number = 16;
  switch (type) {
    case ObjectType::repository: return path == layout::config;
    case ObjectType::members: {
      const auto rest = after(path, "members/");
      return rest && all_hex(*rest, number);
    }
    case ObjectType::keyring:
    case ObjectType::slot: {
      const auto rest = after(path, "keys/");
      if (!rest || rest->size() <= number || !all_hex(rest->substr(0, number), number))
        return false;
      const std::string_view file = rest->substr(number);
      if (type == ObjectType::keyring) return file == "/keyring";
      const auto slot = after(file, "/slot-");
      return slot && all_hex(*slot, 2 * SlotId::size);
    }
    case ObjectType::envelope: {
      const auto rest = after(path, "envelopes/");
      return rest && is_pair(*rest, 2 * DataKeyId::size, 16);
    }
    case ObjectType::point: {
      const auto rest = after(path, "points/");
      constexpr std::size_t volume = 2 * VolumeId::size;
      return rest && rest->size() > volume && all_hex(rest->substr(0, volume), volume) &&
             (*rest)[volume] == '/' && is_pair(rest->substr(volume + 1), number, 2 * PointId::size);
    }
    case ObjectType::data_key_table: return path.empty();
    case ObjectType::lost:
    case ObjectType::source_key:
    case ObjectType::restore_journal:
    case ObjectType::minimum_age: return false;
  }
  return false;
}

}  // namespace

ByteVector pack_embedded(const EmbeddedObject& object) {
  const Le16 type(static_cast<std::uint16_t>(object.type));
  const Le16 length(static_cast<std::uint16_t>(object.path.size()));
  return BodyWriter()
      .raw(bytes_of_struct(type))
      .raw(bytes_of_struct(length))
      .raw(bytes_of(object.path))
      .raw(object.body)
      .take();
}

Result<EmbeddedObject> unpack_embedded(Bytes payload) {
  BodyReader reader(payload);
  EmbeddedObject object;
  object.type = static_cast<ObjectType>(TRY(reader.integer<std::uint16_t>()));
  const std::uint16_t length = TRY(reader.integer<std::uint16_t>());
  if (length > max_path) return fail(Error::damaged("a path of {} bytes in the file", length));
  object.path = std::string(text_of(TRY(reader.raw(length))));
  object.body = copy_of(payload.subspan(reader.so_far().size()));
  if (object.body.size() > limits::max_small_object.size() ||
      !path_fits(object.type, object.path)) {
    return fail(Error::damaged("the file holds an object that belongs nowhere"));
  }
  return object;
}

ByteVector pack_data_key_table(std::span<const DataKeyEntry> entries) {
  BodyWriter body;
  for (const DataKeyEntry& entry : entries) body.raw(entry.name.view()).raw(entry.key.view());
  return body.take();
}

Result<std::vector<DataKeyEntry>> unpack_data_key_table(Bytes body) {
  constexpr std::size_t entry_size = RecordName::size + DataKeyId::size;
  if (body.size() % entry_size != 0) return fail(Error::damaged("a data key table is cut short"));
  BodyReader reader(body);
  std::vector<DataKeyEntry> entries;
  for (std::size_t i = 0; i < body.size() / entry_size; ++i) {
    DataKeyEntry entry;
    entry.name = TRY(reader.name<RecordName>());
    entry.key = TRY(reader.name<DataKeyId>());
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace ebb
