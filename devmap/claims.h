// SPDX-License-Identifier: Apache-2.0
// claims.h - which bytes of which devices and files a device stands for.
//
// Inside devmap only: the reasoning under same_device, overlaps, devices_under and lies_on. A claim
// is a range of a named thing; a loop device claims itself and a range of its backing file. What a
// device *is* are its own claims; what it *stands on* are those and everything below.
#pragma once

#include <string>
#include <vector>

#include "devmap/block_graph.h"

namespace ebb {

struct Claim {
  std::string thing;  // "block:sda1", or "file:DEVICE:INODE"
  ByteRun bytes;      // Up to the largest ByteIndex: to the end.
  bool operator==(const Claim&) const = default;
};
using Claims = std::vector<Claim>;

bool touch(const Claims& a, const Claims& b);

// A path as something that bytes can be written to.
struct Target {
  std::string block;  // The kernel's name of a block device; empty for a regular file.
  Claims own;
};

// Block devices and regular files; anything else is refused.
Result<Target> target_at(const std::string& path, const BlockGraph& graph);

Claims own_claims(const std::string& name, const BlockGraph& graph);

// What `target` and everything under it claim: a partition's disk, dm and md members, what a loop
// device is attached to. Does not go through file systems: a file's disk is not under it.
Claims claims_below(const Target& target, const BlockGraph& graph);

// What a folder's or file's content lies on, through file systems and loop devices to the disks.
struct Ground {
  Claims bases;                      // Of what file systems lie on directly, at every level.
  Claims all;                        // These and everything below.
  std::vector<std::string> devices;  // The kernel's names, sorted.
};
Ground ground_of(const std::string& folder_or_file, const BlockGraph& graph);

}  // namespace ebb
