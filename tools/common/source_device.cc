// SPDX-License-Identifier: Apache-2.0
#include "tools/common/source_device.h"

#include <fcntl.h>

namespace ebb {

Result<std::unique_ptr<SourceDevice>> SourceDevice::open(const std::string& path,
                                                         const Passport& passport, Ring& ring) {
  std::unique_ptr<SourceDevice> source(new SourceDevice);
  source->device_ = TRY(open_device(path, Access::read, passport.shape, ring));
  if (passport.kind == "image") {
    source->holes_fd_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  return source;
}

std::optional<HoleWalk> SourceDevice::holes() const {
  if (!holes_fd_.is_open()) return std::nullopt;
  auto walk = HoleWalk::over(holes_fd_.get(), device_->shape().size);
  if (!walk) return std::nullopt;
  return std::move(*walk);
}

}  // namespace ebb
