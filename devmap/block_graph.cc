// SPDX-License-Identifier: Apache-2.0
#include "devmap/block_graph.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "devmap/text_file.h"

namespace ebb {

bool BlockGraph::exists(const std::string& name) const {
  return !name.empty() && name.find('/') == std::string::npos && name != "." && name != ".." &&
         ::access(folder_of(name).c_str(), F_OK) == 0;
}

std::string BlockGraph::folder_of(const std::string& name) const {
  return roots_.sys + "/class/block/" + name;
}

std::optional<std::string> BlockGraph::name_of_number(const std::string& major_minor) const {
  const auto real = real_path(roots_.sys + "/dev/block/" + major_minor);
  if (!real) return std::nullopt;
  return base_name(*real);
}

std::optional<std::string> BlockGraph::name_of(dev_t number) const {
  return name_of_number(fmt::format("{}:{}", major(number), minor(number)));
}

std::optional<std::string> BlockGraph::name_of_path(const std::string& path) const {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode)) return name_of(status.st_rdev);
  if (roots_.dev == "/dev") return std::nullopt;
  // Paths in a made-up machine's files say /dev; its nodes lie below roots.dev.
  const std::string here =
      path.compare(0, 5, "/dev/") == 0 ? roots_.dev + "/" + path.substr(5) : path;
  const auto real = real_path(here);
  const auto dev = real_path(roots_.dev);
  if (!real || !dev || real->compare(0, dev->size() + 1, *dev + "/") != 0) return std::nullopt;
  const std::string name = base_name(*real);
  return exists(name) ? std::optional(name) : std::nullopt;
}

std::string BlockGraph::attribute(const std::string& name, const std::string& file) const {
  return trimmed(file_text(folder_of(name) + "/" + file, 65536));
}

std::string BlockGraph::number_of(const std::string& name) const {
  return attribute(name, "dev");
}

std::string BlockGraph::node_of(const std::string& name) const {
  std::string node = name;  // sysfs writes the slash of "cciss/c0d0" as an exclamation mark.
  std::replace(node.begin(), node.end(), '!', '/');
  return roots_.dev + "/" + node;
}

bool BlockGraph::is_partition(const std::string& name) const {
  return ::access((folder_of(name) + "/partition").c_str(), F_OK) == 0;
}

std::optional<std::string> BlockGraph::disk_of(const std::string& partition) const {
  if (!is_partition(partition)) return std::nullopt;
  const auto real = real_path(folder_of(partition));
  if (!real) return std::nullopt;
  const std::string disk = base_name(real->substr(0, real->rfind('/')));
  return exists(disk) ? std::optional(disk) : std::nullopt;
}

std::vector<std::string> BlockGraph::partitions_of(const std::string& disk) const {
  std::vector<std::string> partitions;
  if (is_partition(disk)) return partitions;
  for (const std::string& name : names_in(folder_of(disk))) {
    if (name.compare(0, disk.size(), disk) == 0 && is_partition(name)) partitions.push_back(name);
  }
  return partitions;
}

std::vector<std::string> BlockGraph::holders_of(const std::string& name) const {
  return names_in(folder_of(name) + "/holders");
}

std::vector<std::string> BlockGraph::slaves_of(const std::string& name) const {
  return names_in(folder_of(name) + "/slaves");
}

std::optional<LoopBacking> BlockGraph::loop_backing(const std::string& name) const {
  // The path is read whole: a name may end in a blank.
  std::string path = file_text(folder_of(name) + "/loop/backing_file", 65536);
  if (!path.empty() && path.back() == '\n') path.pop_back();
  if (path.empty()) return std::nullopt;
  return LoopBacking{path, ByteIndex(number_in(attribute(name, "loop/offset")).value_or(0)),
                     ByteCount(number_in(attribute(name, "loop/sizelimit")).value_or(0))};
}

std::vector<std::string> BlockGraph::attached_loops() const {
  std::vector<std::string> loops;
  for (const std::string& name : names_in(roots_.sys + "/class/block")) {
    if (name.compare(0, 4, "loop") == 0 && loop_backing(name)) loops.push_back(name);
  }
  return loops;
}

std::vector<std::string> BlockGraph::btrfs_members(const std::string& name) const {
  for (const std::string& uuid : names_in(roots_.sys + "/fs/btrfs")) {
    const auto members = names_in(roots_.sys + "/fs/btrfs/" + uuid + "/devices");
    if (std::find(members.begin(), members.end(), name) != members.end()) return members;
  }
  return {name};
}

std::vector<std::string> BlockGraph::devices_of(const MountEntry& mount) const {
  if (mount.number.compare(0, 2, "0:") != 0) {
    const auto name = name_of_number(mount.number);
    return name ? std::vector{*name} : std::vector<std::string>{};
  }
  if (mount.type == "btrfs") {
    const auto name = name_of_path(mount.source);
    return name ? btrfs_members(*name) : std::vector<std::string>{};
  }
  std::vector<std::string> names;
  if (mount.type == "bcachefs") {
    std::istringstream sources(mount.source);
    for (std::string source; std::getline(sources, source, ':');) {
      if (const auto name = name_of_path(source)) names.push_back(*name);
    }
  }
  return names;
}

}  // namespace ebb
