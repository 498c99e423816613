// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/dm_table.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "devmap/core/bytes.h"
#include "devmap/core/unique_fd.h"

namespace ebb {

namespace {

// Room for the answer: doubled until it fits, up to this.
constexpr std::size_t first_room = 16u << 10;
constexpr std::size_t most_room = 4u << 20;

// Asks for the table; the answer lies in `room`, and is cut when the header's flag says so.
Result<dm_ioctl> ask(int control, dev_t number, ByteVector& room) {
  dm_ioctl question{};
  question.version[0] = DM_VERSION_MAJOR;
  question.data_size = static_cast<__u32>(room.size());
  question.data_start = sizeof question;
  question.flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG;
  question.dev = number;
  std::memcpy(room.data(), &question, sizeof question);
  if (::ioctl(control, DM_TABLE_STATUS, room.data()) != 0) return fail(Error::from_errno(errno));
  dm_ioctl answer{};
  std::memcpy(&answer, room.data(), sizeof answer);
  return answer;
}

Result<std::string> lines_in(const dm_ioctl& answer, const ByteVector& room) {
  std::string lines;
  std::size_t at = answer.data_start;
  for (__u32 i = 0; i < answer.target_count; ++i) {
    dm_target_spec target{};
    if (at + sizeof target > room.size()) return fail(Error::damaged("a cut answer"));
    std::memcpy(&target, room.data() + at, sizeof target);
    const char* arguments = reinterpret_cast<const char*>(room.data() + at + sizeof target);
    lines += fmt::format(
        "{} {} {} {}\n", target.sector_start, target.length,
        std::string(target.target_type, ::strnlen(target.target_type, DM_MAX_TYPE_NAME)),
        std::string(arguments, ::strnlen(arguments, room.size() - at - sizeof target)));
    at = answer.data_start + target.next;
  }
  return lines;
}

}  // namespace

Result<std::string> dm_table(dev_t number) {
  const UniqueFd control(::open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control.is_open()) return fail(Error::from_errno(errno).during("/dev/mapper/control"));
  for (std::size_t size = first_room; size <= most_room; size *= 2) {
    ByteVector room(size);
    const dm_ioctl answer = TRY(during(ask(control.get(), number, room), "asking for a dm table"));
    if ((answer.flags & DM_BUFFER_FULL_FLAG) == 0) return lines_in(answer, room);
  }
  return fail(Error::invalid("the device-mapper table is longer than {} bytes", most_room));
}

}  // namespace ebb
