// SPDX-License-Identifier: Apache-2.0
// block_graph.h - how the block devices of a machine stand on each other, from sysfs.
//
// Inside devmap only. Devices go by the kernel's names ("sda1", "dm-0"). Answers are read afresh
// from the tree each time and are an instant's; what has gone meanwhile is simply not there.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"
#include "devmap/mounts.h"
#include "devmap/system_roots.h"

namespace ebb {

// What a loop device stands on.
struct LoopBacking {
  std::string path;  // As the kernel says it; a file that is deleted ends in " (deleted)".
  ByteIndex offset;
  ByteCount size_limit;  // 0: to the end.
};

class BlockGraph {
 public:
  explicit BlockGraph(SystemRoots roots) : roots_(std::move(roots)) {}
  const SystemRoots& roots() const { return roots_; }

  bool exists(const std::string& name) const;
  std::optional<std::string> name_of(dev_t number) const;
  std::optional<std::string> name_of_number(const std::string& major_minor) const;
  // Of a path to a block device. In a made-up machine (roots.dev is not /dev) a plain file there
  // stands for the device of its name.
  std::optional<std::string> name_of_path(const std::string& path) const;
  // "8:1"
  std::string number_of(const std::string& name) const;
  // "/dev/sda1"
  std::string node_of(const std::string& name) const;
  // A file below the device's folder in sysfs, trimmed; empty when there is none.
  std::string attribute(const std::string& name, const std::string& file) const;

  bool is_partition(const std::string& name) const;
  // The whole disk of a partition; nothing for whole disks.
  std::optional<std::string> disk_of(const std::string& partition) const;
  std::vector<std::string> partitions_of(const std::string& disk) const;
  // What stands directly on it, and what it stands directly on: dm, md, bcache.
  std::vector<std::string> holders_of(const std::string& name) const;
  std::vector<std::string> slaves_of(const std::string& name) const;
  std::optional<LoopBacking> loop_backing(const std::string& name) const;
  std::vector<std::string> attached_loops() const;
  // The devices that a mounted file system lies on (several for btrfs); none for tmpfs and the
  // like.
  std::vector<std::string> devices_of(const MountEntry& mount) const;

 private:
  std::string folder_of(const std::string& name) const;
  std::vector<std::string> btrfs_members(const std::string& name) const;
  SystemRoots roots_;
};

}  // namespace ebb
