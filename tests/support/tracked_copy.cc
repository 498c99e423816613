// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tracked_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "devmap/core/unique_fd.h"

namespace ebb::test {

namespace {

constexpr std::size_t alignment = 4096;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "tracked copy: %s\n", result.error().text().c_str());
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

TrackedCopy::TrackedCopy(std::string device, BlockSize block)
    : device_(std::move(device)), tracker_(must(Tracker::start(device_, {block}))) {
  const ClosedEpoch first = must(tracker_->switch_epoch());
  copy_ = read({ByteIndex(0), ByteIndex(first.token.size.value())});
  base_ = first.token;
  must(tracker_->forget(first.token.epoch));
}

TrackedCopy::~TrackedCopy() {
  (void)Tracker::stop(device_);
}

// As a backup reads: directly, in pieces.
ByteVector TrackedCopy::read(ByteRun run) const {
  const UniqueFd fd(::open(device_.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  constexpr std::size_t piece = 1u << 20;
  const std::unique_ptr<void, void (*)(void*)> room(std::aligned_alloc(alignment, piece),
                                                    std::free);
  ByteVector bytes(run.length().size());
  for (std::size_t done = 0; done < bytes.size();) {
    const std::size_t length = std::min(piece, bytes.size() - done);
    const ssize_t n =
        ::pread(fd.get(), room.get(), length, static_cast<off_t>(run.begin.value() + done));
    if (n <= 0) {
      std::perror(device_.c_str());
      std::abort();
    }
    std::memcpy(bytes.data() + done, room.get(), static_cast<std::size_t>(n));
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

void TrackedCopy::update(BackupEnds ends) {
  const ClosedEpoch closed = must(tracker_->switch_epoch());
  ++updates_;
  const std::string why_not = closed.why_not_since(*base_);
  if (!why_not.empty()) {
    ++whole_updates_;
    std::printf("the whole device is read: %s\n", why_not.c_str());
  }
  const BlockGrid& grid = closed.marks.grid();
  const DirtyMap marks = why_not.empty() ? closed.marks : DirtyMap::all_dirty(grid);
  BlockIndex at;
  while (const auto run = marks.next_dirty(at, grid.count())) {
    const ByteRun bytes = grid.bytes_of(*run);
    const ByteVector now = read(bytes);
    bytes_read_ += bytes.length();
    // A backup that fails leaves the last point as it was.
    if (ends == BackupEnds::well) {
      std::copy(now.begin(), now.end(),
                copy_.begin() + static_cast<std::ptrdiff_t>(bytes.begin.value()));
    }
    at = run->end;
  }
  if (ends == BackupEnds::in_failure) return;
  base_ = closed.token;
  // Refused when somebody else has closed an epoch meanwhile; then its marks come again.
  const auto forgotten = tracker_->forget(closed.token.epoch);
  if (!forgotten && forgotten.error().kind() != ErrorKind::mismatch) must(forgotten);
}

std::optional<std::string> TrackedCopy::first_difference() const {
  const ByteVector now = read({ByteIndex(0), ByteIndex(copy_.size())});
  const auto [mine, its] = std::mismatch(copy_.begin(), copy_.end(), now.begin());
  if (mine == copy_.end()) return std::nullopt;
  const auto at = static_cast<std::size_t>(mine - copy_.begin()) & ~std::size_t{511};
  std::size_t differing = 0;
  for (std::size_t i = at; i < copy_.size(); i += 512) {
    const std::size_t length = std::min<std::size_t>(512, copy_.size() - i);
    differing += std::memcmp(&copy_[i], &now[i], length) != 0 ? 1 : 0;
  }
  const auto head = [&](const ByteVector& bytes) { return to_hex(Bytes(bytes).subspan(at, 16)); };
  return fmt::format(
      "{}: {} sectors are not as the marks say, the first at byte {}: {} there, {} in "
      "the copy",
      device_, differing, at, head(now), head(copy_));
}

}  // namespace ebb::test
