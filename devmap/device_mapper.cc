// SPDX-License-Identifier: Apache-2.0
#include "devmap/device_mapper.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "devmap/core/unique_fd.h"
#include "devmap/mapper_call.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

// Answers grow with the table; LVM's largest have some thousand lines.
constexpr std::size_t first_room = 16u << 10;
constexpr std::size_t most_room = 16u << 20;

Result<void> ask(unsigned long request, MapperCall& call) {
  const UniqueFd control(::open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control.is_open()) {
    return fail(Error::from_errno(errno).during("opening /dev/mapper/control"));
  }
  while (::ioctl(control.get(), request, &call.head()) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENXIO) return fail(Error::absent("the device mapper has no such device"));
    return fail(Error::from_errno(errno));
  }
  return {};
}

// A string in the answer that ends with a zero byte, or with the room.
std::string text_at(Bytes room, std::size_t at) {
  const std::string_view rest = text_of(room.subspan(at));
  return std::string(rest.substr(0, rest.find('\0')));
}

Result<std::vector<MapperTarget>> targets_in(Bytes data, std::uint32_t count) {
  std::vector<MapperTarget> targets;
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    dm_target_spec spec;
    if (at > data.size() || data.size() - at < sizeof spec) {
      return fail(Error::damaged("the device mapper's answer is too short"));
    }
    std::memcpy(&spec, data.data() + at, sizeof spec);
    MapperTarget target;
    target.bytes = ByteRun::of(ByteIndex(spec.sector_start * 512), ByteCount(spec.length * 512));
    target.type = text_at(std::as_bytes(std::span(spec.target_type)), 0);
    target.words = words_of(text_at(data, at + sizeof spec));
    targets.push_back(std::move(target));
    at = spec.next;  // From the beginning of the data.
  }
  return targets;
}

Result<MapperDevice> targets_of(dev_t device, std::uint32_t flags) {
  for (std::size_t room = first_room; room <= most_room; room *= 4) {
    MapperCall call(device, flags, room);
    TRY(ask(DM_TABLE_STATUS, call));
    if ((call.head().flags & DM_BUFFER_FULL_FLAG) != 0) continue;
    MapperDevice found;
    found.name = text_at(std::as_bytes(std::span(call.head().name)), 0);
    found.uuid = text_at(std::as_bytes(std::span(call.head().uuid)), 0);
    found.targets = TRY(targets_in(call.data(), call.head().target_count));
    return found;
  }
  return fail(Error::busy("the device's table is larger than {} bytes", most_room));
}

class KernelDeviceMapper final : public DeviceMapper {
 public:
  Result<MapperDevice> table(dev_t device) override {
    return during(targets_of(device, DM_STATUS_TABLE_FLAG), "asking for the table of {}:{}",
                  major(device), minor(device));
  }
  Result<MapperDevice> status(dev_t device) override {
    return during(targets_of(device, DM_NOFLUSH_FLAG), "asking for the status of {}:{}",
                  major(device), minor(device));
  }
  Result<void> message(dev_t device, const std::string& text) override {
    MapperCall call(device, 0, sizeof(dm_ioctl) + sizeof(dm_target_msg) + text.size() + 1);
    // The sector is 0: the first target.
    std::memcpy(call.data().data() + sizeof(dm_target_msg), text.c_str(), text.size() + 1);
    return during(ask(DM_TARGET_MSG, call), "telling {}:{} \"{}\"", major(device), minor(device),
                  text);
  }
};

}  // namespace

Result<MapperTarget> MapperDevice::only(std::string_view type) const {
  if (targets.size() != 1) {
    return fail(
        Error::mismatch("{} has {} targets, not one of type {}", name, targets.size(), type));
  }
  if (targets[0].type != type) {
    return fail(Error::mismatch("{} is of type {}, not {}", name, targets[0].type, type));
  }
  return targets[0];
}

DeviceMapper& kernel_device_mapper() {
  static KernelDeviceMapper mapper;
  return mapper;
}

Result<dev_t> number_of_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(Error::from_errno(errno).during("looking at {}", path));
  }
  if (!S_ISBLK(status.st_mode)) return fail(Error::mismatch("{} is no block device", path));
  return status.st_rdev;
}

std::optional<dev_t> device_number(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto high = number_in(text.substr(0, colon));
  const auto low = number_in(text.substr(colon + 1));
  if (!high || !low || *high > 0xfff || *low > 0xfffff) return std::nullopt;
  return makedev(static_cast<unsigned>(*high), static_cast<unsigned>(*low));
}

}  // namespace ebb
