// SPDX-License-Identifier: Apache-2.0
#include "devmap/lvm/logical_volume.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "devmap/text_file.h"

namespace ebb {

namespace {

using Json = nlohmann::json;

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<std::string> text_in(const Json& row, const char* column) {
  const auto found = row.find(column);
  if (found == row.end() || !found->is_string()) {
    return fail(Error::damaged("LVM's report has no column {}", column));
  }
  return found->get<std::string>();
}

Result<ByteCount> size_in(const Json& row, const char* column) {
  const std::string text = TRY(text_in(row, column));
  const auto number = number_in(text);
  if (!number) return fail(Error::damaged("LVM's report says {}=\"{}\"", column, text));
  return ByteCount(*number);
}

Result<LogicalVolume> volume_in(const Json& row) {
  LogicalVolume volume;
  volume.group = TRY(text_in(row, "vg_name"));
  volume.name = TRY(text_in(row, "lv_name"));
  volume.uuid = TRY(text_in(row, "lv_uuid"));
  volume.group_uuid = TRY(text_in(row, "vg_uuid"));
  volume.layout = split(TRY(text_in(row, "lv_layout")));
  volume.role = split(TRY(text_in(row, "lv_role")));
  volume.origin = TRY(text_in(row, "origin"));
  volume.pool = TRY(text_in(row, "pool_lv"));
  volume.tags = split(TRY(text_in(row, "lv_tags")));
  volume.node = TRY(text_in(row, "lv_dm_path"));
  volume.size = TRY(size_in(row, "lv_size"));
  volume.group_free = TRY(size_in(row, "vg_free"));
  volume.extent = TRY(size_in(row, "vg_extent_size"));
  volume.active = TRY(text_in(row, "lv_active")).starts_with("active");
  return volume;
}

}  // namespace

const char* const report_columns =
    "vg_name,lv_name,lv_uuid,vg_uuid,lv_layout,lv_role,origin,pool_lv,lv_tags,lv_dm_path,lv_size,"
    "vg_free,vg_extent_size,lv_active";

bool LogicalVolume::is_laid_out(std::string_view word) const {
  return has(layout, word);
}

bool LogicalVolume::plays(std::string_view part) const {
  return has(role, part);
}

bool LogicalVolume::has_tag(std::string_view tag) const {
  return has(tags, tag);
}

Result<std::vector<LogicalVolume>> logical_volumes_in(std::string_view report) {
  const Json whole = Json::parse(report, nullptr, false);
  const auto not_understood = [] { return fail(Error::damaged("LVM's report is no report")); };
  if (!whole.is_object() || !whole.contains("report") || !whole["report"].is_array()) {
    return not_understood();
  }
  std::vector<LogicalVolume> volumes;
  for (const Json& part : whole["report"]) {
    if (!part.is_object() || !part.contains("lv") || !part["lv"].is_array()) {
      return not_understood();
    }
    for (const Json& row : part["lv"]) {
      if (!row.is_object()) return not_understood();
      volumes.push_back(TRY(volume_in(row)));
    }
  }
  return volumes;
}

}  // namespace ebb
