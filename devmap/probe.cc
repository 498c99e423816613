// SPDX-License-Identifier: Apache-2.0
#include "devmap/probe.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "devmap/block_graph.h"
#include "devmap/byte_source.h"
#include "devmap/content.h"
#include "devmap/core/limits.h"
#include "devmap/core/unique_fd.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

Result<UniqueFd> open_to_read(const std::string& path) {
  struct stat status {};
  // Asked before opening: opening a FIFO waits, and a tape drive rewinds.
  if (::stat(path.c_str(), &status) != 0) return fail(Error::from_errno(errno));
  if (S_ISDIR(status.st_mode)) return fail(Error::invalid("a folder, not a device"));
  if (!S_ISBLK(status.st_mode) && !S_ISREG(status.st_mode)) {
    return fail(Error::invalid("neither a block device nor a regular file"));
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening"));
  return fd;
}

bool is_block_device(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISBLK(status.st_mode);
}

template <class Number>
std::optional<Number> asked(int fd, unsigned long request) {
  Number number{};
  if (::ioctl(fd, request, &number) != 0) return std::nullopt;
  return number;
}

Result<void> check_shape(const Shape& shape) {
  if (shape.size.none()) return fail(Error::invalid("it is empty"));
  if (!std::has_single_bit(shape.logical_sector.value()) ||
      shape.logical_sector < limits::min_sector_size ||
      shape.logical_sector > limits::max_sector_size) {
    return fail(Error::invalid("logical sectors of {} bytes are not supported",
                               shape.logical_sector.value()));
  }
  return {};
}

// What a device is by its place in sysfs.
std::string kind_of(const std::string& name, const BlockGraph& graph) {
  if (graph.is_partition(name)) return "partition";
  for (const char* kind : {"loop", "dm", "md", "bcache", "nbd", "zram"}) {
    const std::string prefix = kind;
    // "md" is in the way of nothing; "dm-0" has a dash.
    if (name.compare(0, prefix.size(), prefix) == 0) return kind;
  }
  return "disk";
}

// The serial number in a SCSI page: four bytes of header, then text.
std::string vpd_serial(const std::string& page) {
  return page.size() > 4 ? trimmed(std::string_view(page).substr(4)) : "";
}

std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

void describe_hardware(Passport& passport, const std::string& disk, const BlockGraph& graph) {
  const auto attribute = [&](const char* file) { return graph.attribute(disk, file); };
  passport.model = attribute("device/model");
  passport.vendor = attribute("device/vendor");
  // NVMe and MMC; virtio; SCSI and SATA.
  passport.serial = first_of(
      {attribute("device/serial"), attribute("serial"),
       vpd_serial(file_text(graph.roots().sys + "/class/block/" + disk + "/device/vpd_pg80"))});
  passport.wwn = first_of({attribute("wwid"), attribute("device/wwid"), attribute("device/cid")});
  passport.removable = attribute("removable") == "1";
  passport.rotational = attribute("queue/rotational") == "1";
  passport.discard_granularity =
      attribute("queue/discard_max_bytes") == "0"
          ? ByteCount(0)
          : ByteCount(number_in(attribute("queue/discard_granularity")).value_or(0));
}

void describe_stack(Passport& passport, const std::string& disk, const BlockGraph& graph) {
  passport.dm_name = graph.attribute(disk, "dm/name");
  passport.dm_uuid = graph.attribute(disk, "dm/uuid");
  passport.md_uuid = graph.attribute(disk, "md/uuid");
  if (const auto backing = graph.loop_backing(disk)) {
    passport.backing_file = backing->path;
    passport.backing_offset = backing->offset - ByteIndex(0);
    if (const auto mount = mount_of(backing->path, graph.roots())) {
      passport.backing_filesystem = mount->type;
    }
  }
}

// The UUID stands in the table of the whole disk, under the partition's number.
void describe_partition(Passport& passport, const std::string& name, const std::string& disk,
                        const BlockGraph& graph) {
  passport.partition_number =
      static_cast<unsigned>(number_in(graph.attribute(name, "partition")).value_or(0));
  const UniqueFd fd(::open(graph.node_of(disk).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  auto source =
      fd.is_open() ? FdSource::over(fd.get()) : Result<FdSource>(fail(Error::from_errno(errno)));
  if (!source) {
    passport.notes.push_back("the disk of the partition is unreadable: " + source.error().text());
    return;
  }
  const auto table = read_partition_table(*source, passport.shape.logical_sector);
  if (!table) {
    passport.notes.push_back("the disk of the partition: " + table.error().text());
    return;
  }
  // sysfs counts in units of 512 bytes, whatever the sector.
  const auto start = number_in(graph.attribute(name, "start")).value_or(0);
  for (const Partition& partition : table->partitions) {
    if (partition.number == passport.partition_number &&
        partition.bytes.begin.value() / 512 == start) {
      passport.partition_uuid = partition.uuid;
    }
  }
}

Result<void> describe_block_device(Passport& passport, int fd, const BlockGraph& graph) {
  passport.shape.logical_sector =
      ByteCount(static_cast<std::uint64_t>(asked<int>(fd, BLKSSZGET).value_or(512)));
  passport.shape.physical_sector = ByteCount(asked<unsigned>(fd, BLKPBSZGET).value_or(512));
  TRY(check_shape(passport.shape));
  const int misaligned = asked<int>(fd, BLKALIGNOFF).value_or(0);
  if (misaligned > 0) passport.alignment_offset = ByteCount(static_cast<unsigned>(misaligned));
  if (misaligned < 0) passport.notes.push_back("the kernel calls the device misaligned");
  passport.minimum_io = ByteCount(asked<unsigned>(fd, BLKIOMIN).value_or(0));
  passport.optimal_io = ByteCount(asked<unsigned>(fd, BLKIOOPT).value_or(0));
  passport.read_only = asked<int>(fd, BLKROGET).value_or(0) != 0;
  const auto name = graph.name_of_path(passport.path);
  if (!name) {
    passport.kind = "disk";
    passport.notes.push_back("sysfs does not know the device");
    return {};
  }
  passport.kind = kind_of(*name, graph);
  const std::string disk = graph.disk_of(*name).value_or(*name);
  describe_hardware(passport, disk, graph);
  describe_stack(passport, disk, graph);
  if (passport.kind == "partition") describe_partition(passport, *name, disk, graph);
  return {};
}

Result<void> describe_image(Passport& passport, int fd, const ProbeOptions& options) {
  passport.kind = "image";
  passport.shape.logical_sector = options.image_sector.value_or(512_B);
  passport.shape.physical_sector = passport.shape.logical_sector;
  TRY(check_shape(passport.shape));
  passport.backing_file = real_path(passport.path).value_or(passport.path);
  if (const auto mount = mount_of(passport.path, options.roots)) {
    passport.backing_filesystem = mount->type;
  }
  struct statvfs system {};
  passport.read_only = ::access(passport.path.c_str(), W_OK) != 0 ||
                       (::fstatvfs(fd, &system) == 0 && (system.f_flag & ST_RDONLY) != 0);
  return {};
}

void describe_content(Passport& passport, int fd) {
  Content content = content_of(fd, passport.shape.logical_sector);
  passport.content_type = std::move(content.type);
  passport.content_uuid = std::move(content.uuid);
  passport.content_label = std::move(content.label);
  passport.content_version = std::move(content.version);
  if (!content.note.empty()) passport.notes.push_back(std::move(content.note));
}

// A file system over the whole device beside a partition table: one of them is a remnant, and
// nothing says which, so everything counts as used.
void decide_last_used(Passport& passport) {
  passport.last_used = last_used_byte(passport.table, passport.shape.size);
  if (passport.table.kind == TableKind::none || passport.content_type.empty()) return;
  passport.last_used = ByteIndex(0) + passport.shape.size;
  passport.notes.push_back("a partition table and " + passport.content_type +
                           " over the whole device: all of it counts as used");
}

}  // namespace

Result<Passport> probe(const std::string& path, const ProbeOptions& options) {
  const auto describe = [&]() -> Result<Passport> {
    Passport passport;
    passport.path = path;
    const UniqueFd fd = TRY(open_to_read(path));
    passport.shape.size = TRY(size_of_fd(fd.get()));
    const BlockGraph graph(options.roots);
    TRY(is_block_device(fd.get()) ? describe_block_device(passport, fd.get(), graph)
                                  : describe_image(passport, fd.get(), options));
    describe_content(passport, fd.get());
    FdSource source(fd.get(), passport.shape.size);
    auto table = read_partition_table(source, passport.shape.logical_sector);
    if (table) {
      passport.table = std::move(*table);
    } else {
      passport.table.sector = passport.shape.logical_sector;
      passport.notes.push_back(table.error().text());
    }
    decide_last_used(passport);
    passport.kernel_boot_id = trimmed(file_text(options.roots.proc + "/sys/kernel/random/boot_id"));
    passport.host = trimmed(file_text(options.roots.proc + "/sys/kernel/hostname"));
    return passport;
  };
  return during(describe(), "probing {}", path);
}

}  // namespace ebb
