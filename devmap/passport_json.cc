// SPDX-License-Identifier: Apache-2.0
// passport_json.cc - passports as JSON, there and back.
//
// The writer is trusted with a passport; the reader trusts nothing: types, lengths, counts and the
// relations that the rest of ebb relies on (runs forwards, sectors a power of two) are checked, so
// that a passport that was read is as good as one that was probed.
#include <bit>
#include <nlohmann/json.hpp>

#include "devmap/core/limits.h"
#include "devmap/passport.h"

namespace ebb {

namespace {

using nlohmann::json;

constexpr std::uint64_t version = 1;
constexpr std::size_t max_string = 4096;
constexpr std::size_t max_list = 16384;
// A passport nests four deep. What lies deeper is dropped as it is read, for a text of four million
// brackets would take hundreds of megabytes.
constexpr int max_depth = 8;
// Ends of devices and partitions stay far from wrapping.
constexpr std::uint64_t max_byte = 1ull << 62;

// The length of the well-formed UTF-8 sequence that `text` begins with; 0 when there is none.
std::size_t sequence_at(std::string_view text) {
  const auto unit = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = unit(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((unit(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies past U+10FFFF.
  const unsigned second = unit(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

std::string utf8(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = sequence_at(text);
    const std::string_view part = length == 0 ? "\xef\xbf\xbd" : text.substr(0, length);
    if (clean.size() + part.size() > max_string) break;  // The reader would refuse it.
    clean += part;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

json list_of(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const std::string& text : texts) list.push_back(utf8(text));
  return list;
}

json json_of(ByteRun run) {
  return {{"begin", run.begin.value()}, {"end", run.end.value()}};
}

json json_of(const Partition& partition) {
  return {{"number", partition.number},
          {"bytes", json_of(partition.bytes)},
          {"type", utf8(partition.type)},
          {"uuid", utf8(partition.uuid)},
          {"name", utf8(partition.name)}};
}

json json_of(const PartitionTable& table) {
  json partitions = json::array();
  for (const Partition& partition : table.partitions) partitions.push_back(json_of(partition));
  json areas = json::array();
  for (const ByteRun& run : table.own_areas) areas.push_back(json_of(run));
  return {{"kind", name_of(table.kind)},
          {"id", utf8(table.id)},
          {"sector", table.sector.value()},
          {"partitions", std::move(partitions)},
          {"problems", list_of(table.problems)},
          {"own_areas", std::move(areas)},
          {"foreign_sector", table.foreign_sector.value()}};
}

// Reads the fields of one object and remembers the first fault, so that a reader is a list of
// fields. An absent field keeps its default, for later versions of the writer may know more.
class Fields {
 public:
  Fields(const json& object, std::string_view what, std::string& fault)
      : object_(object), what_(what), fault_(fault) {
    if (!object.is_object()) complain("", "is no object");
  }

  void take(const char* key, std::string& value) {
    const json* field = find(key);
    if (field == nullptr) return;
    if (!field->is_string()) return complain(key, "is no string");
    const auto& text = field->get_ref<const std::string&>();
    if (text.size() > max_string) return complain(key, "is too long");
    value = text;
  }
  void take(const char* key, bool& value) {
    const json* field = find(key);
    if (field == nullptr) return;
    if (!field->is_boolean()) return complain(key, "is neither true nor false");
    value = field->get<bool>();
  }
  void take(const char* key, std::uint64_t& value, std::uint64_t most = max_byte) {
    const json* field = find(key);
    if (field == nullptr) return;
    if (!field->is_number_unsigned()) return complain(key, "is no whole number");
    const auto number = field->get<std::uint64_t>();
    if (number > most) return complain(key, "is too large");
    value = number;
  }
  void take(const char* key, ByteCount& value) {
    std::uint64_t number = value.value();
    take(key, number);
    value = ByteCount(number);
  }
  void take(const char* key, ByteIndex& value) {
    std::uint64_t number = value.value();
    take(key, number);
    value = ByteIndex(number);
  }
  void take(const char* key, unsigned& value) {
    std::uint64_t number = value;
    take(key, number, UINT32_MAX);
    value = static_cast<unsigned>(number);
  }
  void take(const char* key, std::vector<std::string>& texts) {
    each(key, [&](const json& item) {
      if (!item.is_string() || item.get_ref<const std::string&>().size() > max_string) {
        return complain(key, "holds something else than a short string");
      }
      texts.push_back(item.get<std::string>());
    });
  }
  // Calls `take_item` with each item of a list.
  template <class TakeItem>
  void each(const char* key, TakeItem take_item) {
    const json* field = find(key);
    if (field == nullptr) return;
    if (!field->is_array()) return complain(key, "is no list");
    if (field->size() > max_list) return complain(key, "is too long");
    for (const json& item : *field) {
      if (!fault_.empty()) return;
      take_item(item);
    }
  }
  const json* find(const char* key) const {
    if (!fault_.empty() || !object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  void require(const char* key) {
    if (fault_.empty() && find(key) == nullptr) complain(key, "is missing");
  }
  void complain(const char* key, std::string_view why) {
    if (!fault_.empty()) return;
    fault_ = fmt::format("{}{}{} {}", what_, *key == '\0' ? "" : ".", key, why);
  }

 private:
  const json& object_;
  std::string_view what_;
  std::string& fault_;
};

// nlohmann's arrays and objects are exception-free to read as long as types are asked first.

void take_run(const json& from, ByteRun& run, std::string& fault) {
  Fields fields(from, "run", fault);
  fields.take("begin", run.begin);
  fields.take("end", run.end);
  if (fault.empty() && run.end <= run.begin) fields.complain("end", "is not past its begin");
}

void take_partition(const json& from, Partition& partition, std::string& fault) {
  Fields fields(from, "partition", fault);
  fields.require("bytes");
  fields.take("number", partition.number);
  if (const json* bytes = fields.find("bytes")) take_run(*bytes, partition.bytes, fault);
  fields.take("type", partition.type);
  fields.take("uuid", partition.uuid);
  fields.take("name", partition.name);
}

bool is_sector_size(ByteCount size, ByteCount most) {
  return std::has_single_bit(size.value()) && size >= limits::min_sector_size && size <= most;
}

void take_table(const json& from, PartitionTable& table, std::string& fault) {
  Fields fields(from, "table", fault);
  std::string kind = "none";
  fields.take("kind", kind);
  if (kind == "mbr") {
    table.kind = TableKind::mbr;
  } else if (kind == "gpt") {
    table.kind = TableKind::gpt;
  } else if (kind != "none") {
    fields.complain("kind", "is not known");
  }
  fields.take("id", table.id);
  fields.take("sector", table.sector);
  if (!table.sector.none() && !is_sector_size(table.sector, limits::max_sector_size)) {
    fields.complain("sector", "is no sector size");
  }
  fields.each("partitions", [&](const json& item) {
    take_partition(item, table.partitions.emplace_back(), fault);
  });
  fields.take("problems", table.problems);
  fields.each("own_areas",
              [&](const json& item) { take_run(item, table.own_areas.emplace_back(), fault); });
  fields.take("foreign_sector", table.foreign_sector);
}

void take_shape(const json& from, Shape& shape, std::string& fault) {
  Fields fields(from, "shape", fault);
  fields.require("size");
  fields.require("logical_sector");
  fields.take("size", shape.size);
  fields.take("logical_sector", shape.logical_sector);
  fields.take("physical_sector", shape.physical_sector);
  if (!is_sector_size(shape.logical_sector, limits::max_sector_size)) {
    fields.complain("logical_sector", "is no sector size");
  }
  if (!is_sector_size(shape.physical_sector, 1_GiB)) {
    fields.complain("physical_sector", "is no sector size");
  }
}

// Every plain field, once, for both directions: `visit(name, field)`.
template <class P, class Visit>
void each_plain_field(P& p, Visit visit) {
  visit("path", p.path);
  visit("kind", p.kind);
  visit("alignment_offset", p.alignment_offset);
  visit("minimum_io", p.minimum_io);
  visit("optimal_io", p.optimal_io);
  visit("discard_granularity", p.discard_granularity);
  visit("discard_zeroes", p.discard_zeroes);
  visit("rotational", p.rotational);
  visit("read_only", p.read_only);
  visit("removable", p.removable);
  visit("model", p.model);
  visit("vendor", p.vendor);
  visit("serial", p.serial);
  visit("wwn", p.wwn);
  visit("dm_name", p.dm_name);
  visit("dm_uuid", p.dm_uuid);
  visit("md_uuid", p.md_uuid);
  visit("partition_uuid", p.partition_uuid);
  visit("partition_number", p.partition_number);
  visit("backing_file", p.backing_file);
  visit("backing_offset", p.backing_offset);
  visit("backing_filesystem", p.backing_filesystem);
  visit("content_type", p.content_type);
  visit("content_uuid", p.content_uuid);
  visit("content_label", p.content_label);
  visit("content_version", p.content_version);
  visit("last_used", p.last_used);
  visit("kernel_boot_id", p.kernel_boot_id);
  visit("host", p.host);
  visit("notes", p.notes);
}

json plain(const std::string& text) {
  return utf8(text);
}
json plain(bool value) {
  return value;
}
json plain(unsigned value) {
  return value;
}
json plain(ByteCount value) {
  return value.value();
}
json plain(ByteIndex value) {
  return value.value();
}
json plain(const std::vector<std::string>& texts) {
  return list_of(texts);
}

}  // namespace

nlohmann::json to_json(const Passport& passport) {
  json object = {{"passport", version},
                 {"shape",
                  {{"size", passport.shape.size.value()},
                   {"logical_sector", passport.shape.logical_sector.value()},
                   {"physical_sector", passport.shape.physical_sector.value()}}},
                 {"table", json_of(passport.table)}};
  each_plain_field(passport,
                   [&](const char* key, const auto& value) { object[key] = plain(value); });
  return object;
}

Result<Passport> passport_from_json(std::string_view text) {
  if (text.size() > limits::max_small_object.size()) {
    return fail(Error::damaged("a passport of {} bytes: too long", text.size()));
  }
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= max_depth; };
  const json object = json::parse(text, shallow, false);
  if (object.is_discarded()) return fail(Error::damaged("a passport that is not JSON"));
  std::string fault;
  Passport passport;
  Fields fields(object, "passport", fault);
  fields.require("passport");
  fields.require("shape");
  std::uint64_t found = 0;
  fields.take("passport", found);
  if (fault.empty() && found != version) {
    return fail(Error::damaged("a passport of version {}; {} is known", found, version));
  }
  if (const json* shape = fields.find("shape")) take_shape(*shape, passport.shape, fault);
  if (const json* table = fields.find("table")) take_table(*table, passport.table, fault);
  passport.last_used = ByteIndex(0) + passport.shape.size;
  each_plain_field(passport, [&](const char* key, auto& value) { fields.take(key, value); });
  if (passport.last_used > ByteIndex(0) + passport.shape.size) {
    fields.complain("last_used", "lies past the device");
  }
  if (!fault.empty()) return fail(Error::damaged("{}", fault));
  return passport;
}

}  // namespace ebb
