// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/source_device.h"

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

Result<std::unique_ptr<SourceDevice>> SourceDevice::over(std::shared_ptr<NbdExport> from,
                                                         Ring& ring) {
  std::unique_ptr<SourceDevice> source(new SourceDevice);
  source->zeroes_ = std::make_shared<std::vector<ByteRun>>(TRY(from->zeroes()));
  source->device_ = make_nbd_device(std::move(from), ring);
  return source;
}

std::optional<HoleWalk> SourceDevice::holes() const {
  if (zeroes_) return HoleWalk::of(zeroes_);
  if (!holes_fd_.is_open()) return std::nullopt;
  auto walk = HoleWalk::over(holes_fd_.get(), device_->shape().size);
  if (!walk) return std::nullopt;
  return std::move(*walk);
}

}  // namespace ebb
