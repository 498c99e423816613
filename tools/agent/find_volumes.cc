// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/find_volumes.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>

#include "devmap/probe.h"
#include "tools/agent/volume_pattern.h"
#include "tools/common/volume_name.h"

namespace ebb {

namespace {

using Paths = std::vector<std::string>;

std::string name_on(const std::string& host, const Passport& passport) {
  std::string name = passport.backing_file;
  if (name.empty()) return host + ":" + volume_name_for(passport);
  if (passport.backing_offset.value() != 0) {
    name += fmt::format("+{}", passport.backing_offset.value());
  }
  if (passport.partition_number != 0) name += fmt::format("-part{}", passport.partition_number);
  return host + ":" + name;
}

bool is_file_or_device(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return std::filesystem::is_regular_file(status) || std::filesystem::is_block_file(status);
}

// Folders and the like that a * finds besides are not meant.
Paths paths_like(const std::string& pattern) {
  Paths paths;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  std::erase_if(paths, [](const std::string& path) { return !is_file_or_device(path); });
  return paths;
}

// The nodes of all block devices that are neither partitions nor without a size.
Paths whole_devices() {
  Paths nodes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
    std::string name = entry.path().filename();
    std::replace(name.begin(), name.end(), '!', '/');
    nodes.push_back("/dev/" + name);
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

Paths devices_where(bool (*wanted)(const Passport&, const std::string&), const std::string& what) {
  Paths paths;
  for (const std::string& node : whole_devices()) {
    const auto passport = probe(node);
    if (!passport || !wanted(*passport, what)) continue;
    paths.push_back(passport->dm_name.empty() ? node : "/dev/mapper/" + passport->dm_name);
  }
  return paths;
}

bool has_serial(const Passport& passport, const std::string& serial) {
  return passport.dm_name.empty() && passport.serial == serial;
}
bool is_in_group(const Passport& passport, const std::string& group) {
  return volume_group_of(passport.dm_name, passport.dm_uuid) == group;
}

Paths paths_of(const VolumePattern& pattern) {
  switch (pattern.kind) {
    case VolumePattern::Kind::path: return {pattern.what};
    case VolumePattern::Kind::glob: return paths_like(pattern.what);
    case VolumePattern::Kind::serial: return devices_where(has_serial, pattern.what);
    case VolumePattern::Kind::vg: return devices_where(is_in_group, pattern.what);
  }
  return {};
}

bool are_the_same(const std::string& a, const std::string& b) {
  std::error_code error;
  return a == b || std::filesystem::equivalent(a, b, error) ||
         std::filesystem::canonical(a, error) == std::filesystem::canonical(b, error);
}

// Two devices of one name would take turns in one volume, so the second is refused.
void add(std::vector<Target>& targets, Target target) {
  const auto same = std::find_if(targets.begin(), targets.end(), [&](const Target& other) {
    return other.problem.empty() && other.volume == target.volume;
  });
  if (same != targets.end()) {
    if (are_the_same(same->path, target.path)) return;
    target.problem = fmt::format(
        "{} and {} are both named {}; back one of them up by hand, with a "
        "name of its own (`ebb backup --volume`)",
        same->path, target.path, target.volume);
    target.volume = target.path;
  }
  targets.push_back(std::move(target));
}

}  // namespace

std::vector<Target> find_volumes(const control::PolicyOrder& policy, const std::string& host) {
  std::vector<Target> targets;
  for (const std::string& text : policy.volumes) {
    const VolumePattern pattern = parse_pattern(text);
    if (pattern.kind == VolumePattern::Kind::path && !policy.before.empty()) {
      add(targets, {host + ":" + text, text, ""});
      continue;
    }
    const Paths paths = paths_of(pattern);
    if (paths.empty()) targets.push_back({text, text, "nothing here is like \"" + text + "\""});
    for (const std::string& path : paths) {
      const auto passport = probe(path);
      if (passport) {
        add(targets, {name_on(host, *passport), path, ""});
      } else {
        targets.push_back({path, path, passport.error().text()});
      }
    }
  }
  return targets;
}

}  // namespace ebb
