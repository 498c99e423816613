// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/tracked_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "devmap/block_graph.h"
#include "devmap/core/limits.h"
#include "devmap/crc32.h"
#include "devmap/source/track/dm_table.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

// sysfs counts in these, whatever the device's sectors are.
constexpr ByteCount sysfs_sector = 512_B;

Result<std::uint64_t> number_at(const BlockGraph& graph, const std::string& name,
                                const std::string& file) {
  const auto number = number_in(graph.attribute(name, file));
  if (!number) return fail(Error::absent("the kernel does not tell the {} of {}", file, name));
  return *number;
}

Result<std::string> table_of(const BlockGraph& graph, const std::string& disk) {
  struct stat status {};
  const std::string node = graph.node_of(disk);
  if (::stat(node.c_str(), &status) != 0) return fail(Error::from_errno(errno).during("{}", node));
  return dm_table(status.st_rdev);
}

// What may change under a number besides its disk's sequence, its place and its size.
Result<std::string> stack_text(const BlockGraph& graph, const std::string& disk) {
  if (const auto loop = graph.loop_backing(disk)) {
    return fmt::format(" loop={}+{}", loop->path, loop->offset.value());
  }
  if (graph.attribute(disk, "dm/name").empty()) return std::string();
  // As a digest: a table may be long, and that of dm-crypt holds its key.
  const std::string table = TRY(table_of(graph, disk));
  return fmt::format(" dm={}/{:08x}/{}", graph.attribute(disk, "dm/uuid"),
                     Crc32::of(bytes_of(table)), table.size());
}

}  // namespace

std::string number_text(dev_t number) {
  return fmt::format("{}:{}", major(number), minor(number));
}

Result<TrackedDevice> TrackedDevice::of(dev_t number, const SystemRoots& roots) {
  const BlockGraph graph(roots);
  const auto name = graph.name_of(number);
  if (!name) return fail(Error::absent("there is no block device {}", number_text(number)));
  const std::string disk = graph.disk_of(*name).value_or(*name);
  const std::string zoned = graph.attribute(disk, "queue/zoned");
  if (!zoned.empty() && zoned != "none") {
    return fail(Error::invalid("{} has zones, whose resets the tracker cannot follow", disk));
  }
  TrackedDevice device;
  device.number = number;
  device.node = graph.node_of(*name);
  device.disk_sequence = TRY(number_at(graph, disk, "diskseq"));
  device.size = sysfs_sector * TRY(number_at(graph, *name, "size"));
  if (name != disk) {
    device.on_disk = ByteIndex(0) + sysfs_sector * TRY(number_at(graph, *name, "start"));
  }
  const std::string queues = roots.sys + "/class/block/" + disk + "/mq";
  device.by_requests = ::access(queues.c_str(), F_OK) == 0;
  if (device.size.none()) return fail(Error::invalid("{} is empty", device.node));
  if (device.size > limits::max_device_size) {
    return fail(
        Error::invalid("{} is larger than {} bytes", device.node, limits::max_device_size.value()));
  }
  device.identity =
      fmt::format("disk={} at={} size={}{}", device.disk_sequence, device.on_disk.value(),
                  device.size.value(), TRY(stack_text(graph, disk)));
  return device;
}

Result<TrackedDevice> TrackedDevice::of(const std::string& path, const SystemRoots& roots) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(Error::from_errno(errno).during("{}", path));
  if (!S_ISBLK(status.st_mode)) {
    return fail(Error::invalid("{} is no block device; only those can be tracked", path));
  }
  return of(status.st_rdev, roots);
}

}  // namespace ebb
