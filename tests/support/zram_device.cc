// SPDX-License-Identifier: Apache-2.0
#include "tests/support/zram_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>

namespace ebb::test {

namespace {

constexpr const char* control = "/sys/class/zram-control/";

bool say(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  return stream.good();
}

}  // namespace

Result<std::unique_ptr<ZramDevice>> ZramDevice::make(ByteCount size) {
  std::string number;
  std::ifstream(std::string(control) + "hot_add") >> number;  // Reading it makes a device.
  if (number.empty()) return fail(Error::absent("no zram"));
  std::unique_ptr<ZramDevice> device(new ZramDevice(number));
  if (!say("/sys/block/zram" + number + "/disksize", std::to_string(size.value()))) {
    return fail(Error::absent("zram{} takes no size", number));
  }
  if (::access(device->path().c_str(), F_OK) != 0) {
    unsigned major_number = 0;
    unsigned minor_number = 0;
    char colon = 0;
    std::ifstream("/sys/block/zram" + number + "/dev") >> major_number >> colon >> minor_number;
    (void)::mknod(device->path().c_str(), S_IFBLK | 0600, ::makedev(major_number, minor_number));
  }
  return device;
}

ZramDevice::~ZramDevice() {
  say("/sys/block/zram" + number_ + "/reset", "1");
  say(std::string(control) + "hot_remove", number_);
}

}  // namespace ebb::test
