// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/change_source.h"

#include <array>
#include <utility>

namespace ebb {

namespace {

constexpr std::array<std::pair<SourceKind, std::string_view>, 7> names{
    {{SourceKind::scan, "scan"},
     {SourceKind::ranges, "ranges"},
     {SourceKind::tracker, "tracker"},
     {SourceKind::dm_snapshot, "dm-snapshot"},
     {SourceKind::dm_thin, "dm-thin"},
     {SourceKind::dm_era, "dm-era"},
     {SourceKind::nbd, "nbd"}}};

}  // namespace

std::string_view name_of(SourceKind kind) {
  for (const auto& [known, name] : names) {
    if (known == kind) return name;
  }
  return "unknown";
}

std::optional<SourceKind> source_kind_of(std::string_view name) {
  for (const auto& [kind, known] : names) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

}  // namespace ebb
