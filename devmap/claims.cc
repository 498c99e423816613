// SPDX-License-Identifier: Apache-2.0
#include "devmap/claims.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <sstream>

#include "devmap/text_file.h"

namespace ebb {

namespace {

// Stacks are a few levels deep; this stops at whatever a broken tree says.
constexpr std::size_t max_things = 4096;

constexpr ByteRun everything{ByteIndex(0), ByteIndex(UINT64_MAX)};

Claim block_claim(const std::string& name) {
  return {"block:" + name, everything};
}

std::string file_thing(const struct stat& status) {
  return fmt::format("file:{}:{}", status.st_dev, status.st_ino);
}

// The part of its backing that a loop device shows. A limit at or past a file's end is none.
ByteRun loop_range(const LoopBacking& backing, std::uint64_t file_size) {
  std::uint64_t end = 0;
  if (backing.size_limit.none() ||
      __builtin_add_overflow(backing.offset.value(), backing.size_limit.value(), &end) ||
      (file_size != 0 && end >= file_size)) {
    return {backing.offset, everything.end};
  }
  return {backing.offset, ByteIndex(end)};
}

std::optional<Claim> backing_claim(const LoopBacking& backing, const BlockGraph& graph) {
  if (const auto name = graph.name_of_path(backing.path)) {
    return Claim{"block:" + *name, loop_range(backing, 0)};
  }
  struct stat status {};
  if (::stat(backing.path.c_str(), &status) != 0) return std::nullopt;
  return Claim{file_thing(status), loop_range(backing, static_cast<std::uint64_t>(status.st_size))};
}

void add(Claims& to, const Claims& more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::vector<std::string> directly_below(const std::string& name, const BlockGraph& graph) {
  std::vector<std::string> below = graph.slaves_of(name);
  if (const auto disk = graph.disk_of(name)) below.push_back(*disk);
  if (const auto backing = graph.loop_backing(name)) {
    if (const auto block = graph.name_of_path(backing->path)) below.push_back(*block);
  }
  return below;
}

// The names from these downwards, each once, these included.
std::vector<std::string> names_below(std::vector<std::string> names, const BlockGraph& graph) {
  std::set<std::string> seen(names.begin(), names.end());
  for (std::size_t i = 0; i < names.size() && names.size() < max_things; ++i) {
    for (const std::string& below : directly_below(names[i], graph)) {
      if (seen.insert(below).second) names.push_back(below);
    }
  }
  return names;
}

// An overlay has no device; it lies where its layers lie.
std::vector<std::string> layers_of(const MountEntry& mount) {
  std::vector<std::string> layers;
  if (mount.type != "overlay") return layers;
  std::istringstream options(mount.options);
  for (std::string option; std::getline(options, option, ',');) {
    const std::size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    if (equals == std::string::npos || (key != "upperdir" && key != "lowerdir")) continue;
    std::istringstream folders(option.substr(equals + 1));
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (!folder.empty()) layers.push_back(folder);
    }
  }
  return layers;
}

}  // namespace

bool touch(const Claims& a, const Claims& b) {
  return std::any_of(a.begin(), a.end(), [&](const Claim& x) {
    return std::any_of(b.begin(), b.end(), [&](const Claim& y) {
      return x.thing == y.thing && x.bytes.touches(y.bytes);
    });
  });
}

Claims own_claims(const std::string& name, const BlockGraph& graph) {
  Claims claims{block_claim(name)};
  if (const auto backing = graph.loop_backing(name)) {
    if (auto claim = backing_claim(*backing, graph)) claims.push_back(std::move(*claim));
  }
  return claims;
}

Result<Target> target_at(const std::string& path, const BlockGraph& graph) {
  if (const auto name = graph.name_of_path(path)) return Target{*name, own_claims(*name, graph)};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(Error::from_errno(errno).during("{}", path));
  if (S_ISREG(status.st_mode)) return Target{"", {{file_thing(status), everything}}};
  if (S_ISBLK(status.st_mode)) {
    return fail(Error::absent("{}: the kernel knows no such block device", path));
  }
  if (S_ISDIR(status.st_mode)) return fail(Error::invalid("{}: a folder, not a device", path));
  return fail(Error::invalid("{}: neither a block device nor a regular file", path));
}

Claims claims_below(const Target& target, const BlockGraph& graph) {
  Claims claims = target.own;
  if (target.block.empty()) return claims;
  for (const std::string& name : names_below({target.block}, graph)) {
    add(claims, own_claims(name, graph));
  }
  return claims;
}

Ground ground_of(const std::string& folder_or_file, const BlockGraph& graph) {
  Ground ground;
  std::set<std::string> devices;
  std::set<std::string> seen{folder_or_file};
  std::vector<std::string> places{folder_or_file};
  for (std::size_t i = 0; i < places.size() && places.size() < max_things; ++i) {
    const auto mount = mount_of(places[i], graph.roots());
    if (!mount) continue;
    std::vector<std::string> more = layers_of(*mount);
    const auto names = graph.devices_of(*mount);
    for (const std::string& name : names) add(ground.bases, own_claims(name, graph));
    for (const std::string& name : names_below(names, graph)) {
      devices.insert(name);
      add(ground.all, own_claims(name, graph));
      if (const auto backing = graph.loop_backing(name)) {
        if (!graph.name_of_path(backing->path)) more.push_back(backing->path);
      }
    }
    for (std::string& place : more) {
      if (seen.insert(place).second) places.push_back(std::move(place));
    }
  }
  ground.devices.assign(devices.begin(), devices.end());
  return ground;
}

}  // namespace ebb
