// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/permission.h"

#include <algorithm>
#include <span>

#include "engine/repo/layout.h"
#include "wire/limits.h"

namespace ebb {

namespace {

// Where whoever administers publishes and removes. Points and packs come by runs and go by the
// agent's own rules.
constexpr std::string_view areas[] = {layout::keys, layout::members, layout::envelopes,
                                      layout::temporary};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// "points" of "points/3fa9/1".
std::string_view first_part(std::string_view name) {
  return name.substr(0, name.find('/'));
}

std::optional<VolumeId> volume_in(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return VolumeId::from_hex_text(first_part(name.substr(slash + 1)));
}

Error no_object(std::string_view name) {
  return Error::denied("\"{}\" is no small object of a repository", name);
}

}  // namespace

bool is_object_name(std::string_view name) {
  if (name.empty() || name.size() > wire_limits::max_name_text) return false;
  while (true) {
    const std::string_view part = first_part(name);
    const auto may_stand = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    };
    if (part.empty() || part == "." || part == ".." || !std::ranges::all_of(part, may_stand)) {
      return false;
    }
    if (part.size() == name.size()) return true;
    name.remove_prefix(part.size() + 1);
  }
}

Result<void> Permission::allows(Verb verb) const {
  if (verbs.has(verb)) return {};
  return fail(Error::denied("{} has no permission to \"{}\" here; ask whoever runs the manager",
                            peer, name_of(verb)));
}

Result<void> Permission::allows(Verb verb, const VolumeId& volume) const {
  TRY(allows(verb));
  if (!volumes || volumes->contains(volume)) return {};
  return fail(Error::denied("{} has no permission for volume {}", peer, volume.hex()));
}

Result<void> Permission::allows_reading(std::string_view name) const {
  if (!is_object_name(name)) return fail(no_object(name));
  const std::string_view area = first_part(name);
  if (area == layout::points) {
    const auto volume = volume_in(name);
    if (!volume) return fail(no_object(name));
    // Who adds compares with the point before.
    return allows(Verb::add) ? allows(Verb::add, *volume) : allows(Verb::read, *volume);
  }
  if (area == layout::keys) return allows(Verb::keys);
  // In clear or sealed to its readers: whoever may do anything here needs it.
  if (area == layout::config || area == layout::members || area == layout::envelopes) return {};
  return fail(no_object(name));
}

Result<void> Permission::allows_listing(std::string_view folder) const {
  if (folder.empty()) return allows(Verb::administer);
  if (!is_object_name(folder)) return fail(no_object(folder));
  // Only names; what is in the points is another question.
  if (folder == layout::points) return {};
  return allows_reading(folder);
}

Result<void> Permission::allows_changing(std::string_view name) const {
  TRY(allows(Verb::administer));
  // One by one: a whole area would take away what everybody rests on.
  const bool is_in_area = is_object_name(name) && is_one_of(areas, first_part(name)) &&
                          name.find('/') != std::string_view::npos;
  if (!is_in_area && name != layout::config) return fail(no_object(name));
  return {};
}

Result<void> Permission::allows_making_folder(std::string_view name) const {
  constexpr std::string_view content[] = {layout::points, layout::packs, layout::lost};
  if (is_one_of(content, name) || is_one_of(areas, name)) return allows(Verb::administer);
  return allows_changing(name);
}

}  // namespace ebb
