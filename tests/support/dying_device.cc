// SPDX-License-Identifier: Apache-2.0
#include "tests/support/dying_device.h"

#include <algorithm>
#include <limits>

#include "devmap/core/check.h"

namespace ebb::test {

namespace {

constexpr std::size_t sector = 512;
constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

void put(ByteVector& content, std::size_t at, Bytes bytes) {
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

DyingDevice::DyingDevice(Loop& loop, Bytes content, std::uint64_t seed)
    : loop_(loop),
      shape_{ByteCount(content.size())},
      random_(seeded_random(seed)),
      durable_(copy_of(content)),
      current_(durable_),
      journals_{std::nullopt},
      left_(never) {}

Result<void> DyingDevice::step() {
  if (dead_ || left_ == 0) {
    dead_ = true;
    return fail(Error::lost("the simulated machine is dead"));
  }
  if (left_ != never) --left_;
  return {};
}

void DyingDevice::start(Transfer& transfer) {
  EBB_CHECK(transfer.way == Way::sync_data || all().contains(transfer.bytes()),
            "a transfer past the device's end");
  const std::size_t at = transfer.at.value();
  if (transfer.way == Way::read) {
    if (dead_) {
      return loop_.settle_later(transfer, fail(Error::lost("the simulated machine is dead")));
    }
    std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(at), transfer.data.size(),
                transfer.data.begin());
    return loop_.settle_later(transfer, {});
  }
  auto passed = step();
  if (passed && transfer.way == Way::sync_data) {
    for (const Unsynced& write : unsynced_) put(durable_, write.at, write.bytes);
    unsynced_.clear();
  } else if (passed) {
    unsynced_.push_back({at, transfer.way == Way::write ? copy_of(transfer.data)
                                                        : ByteVector(transfer.length.size())});
    put(current_, at, unsynced_.back().bytes);
  }
  loop_.settle_later(transfer, std::move(passed));
}

void DyingDevice::come_back() {
  for (const Unsynced& write : unsynced_) {
    const std::uint64_t fate = random_->below(3);  // Kept, dropped, torn.
    if (fate == 1) continue;
    const std::size_t end = write.at + write.bytes.size();
    for (std::size_t at = write.at; at < end;) {
      const std::size_t next = std::min(end, (at / sector + 1) * sector);
      if (fate == 0 || random_->below(2) == 0) {
        put(durable_, at, Bytes(write.bytes).subspan(at - write.at, next - at));
      }
      at = next;
    }
  }
  unsynced_.clear();
  current_ = durable_;
  const std::uint64_t back = random_->below(2);  // A rename may not be on disk yet.
  journals_ = {
      journals_[journals_.size() - 1 - std::min<std::uint64_t>(back, journals_.size() - 1)]};
  dead_ = false;
  left_ = never;
}

void DyingDevice::overwrite(ByteIndex at, Bytes bytes) {
  put(durable_, at.value(), bytes);
  put(current_, at.value(), bytes);
}

Result<std::optional<RestoreJournal>> DyingDevice::read() {
  if (dead_) return fail(Error::lost("the simulated machine is dead"));
  return journals_.back();
}

Result<void> DyingDevice::write(const RestoreJournal& journal) {
  TRY(step());
  journals_.emplace_back(journal);
  return {};
}

Result<void> DyingDevice::remove() {
  TRY(step());
  journals_.emplace_back(std::nullopt);
  return {};
}

}  // namespace ebb::test
