// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/volume_pattern.h"

namespace ebb {

namespace {

constexpr std::string_view lvm = "LVM-";
constexpr std::size_t lvm_uuid_length = lvm.size() + 64;

}  // namespace

VolumePattern parse_pattern(std::string_view text) {
  using Kind = VolumePattern::Kind;
  constexpr std::string_view serial = "serial=";
  constexpr std::string_view vg = "vg=";
  if (text.starts_with(serial)) return {Kind::serial, std::string(text.substr(serial.size()))};
  if (text.starts_with(vg)) return {Kind::vg, std::string(text.substr(vg.size()))};
  const bool is_glob = text.find_first_of("*?[") != std::string_view::npos;
  return {is_glob ? Kind::glob : Kind::path, std::string(text)};
}

std::string volume_group_of(std::string_view dm_name, std::string_view dm_uuid) {
  if (!dm_uuid.starts_with(lvm) || dm_uuid.size() != lvm_uuid_length) return {};
  std::string group;
  for (std::size_t i = 0; i < dm_name.size(); ++i) {
    if (dm_name[i] == '-') {
      if (i + 1 == dm_name.size()) return {};
      if (dm_name[i + 1] != '-') return group;
      ++i;
    }
    group += dm_name[i];
  }
  return {};
}

}  // namespace ebb
