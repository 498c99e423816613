// SPDX-License-Identifier: Apache-2.0
#include "engine/uring/ring.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

namespace ebb {

namespace {

constexpr unsigned ring_entries = 256;  // Of the queue of completions there are twice as many.
// One read or write; larger transfers go as several (the kernel's own bound is 2 GiB - 4 KiB).
constexpr std::size_t max_piece = 64 * 1024 * 1024;
// Of which the kernel is told; others are used without.
constexpr unsigned max_buffers = 512;
// How many requests Linux goes on with when it is entered without waiting for a number of them
// (since 6.13; IO_LOCAL_TW_DEFAULT_MAX of io_uring/tw.h).
constexpr unsigned gone_on_with_at_once = 20;

}  // namespace

Result<std::unique_ptr<Ring>> Ring::make() {
  std::unique_ptr<Ring> ring(new Ring);
  // The best first: completions are handled when this thread asks for them (Linux 6.1).
  const unsigned flag_sets[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                IORING_SETUP_COOP_TASKRUN, 0u};
  int made = -EINVAL;
  for (const unsigned flags : flag_sets) {
    io_uring_params parameters{};
    parameters.flags = flags;
    made = io_uring_queue_init_params(ring_entries, &ring->ring_, &parameters);
    if (made != -EINVAL) break;
  }
  if (made < 0) {
    return fail(Error::from_errno(-made).during(
        "making an io_uring (is it switched off in /proc/sys/kernel/io_uring_disabled or by a "
        "seccomp profile?)"));
  }
  ring->wake_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!ring->wake_fd_.is_open()) return fail(Error::from_errno(errno).during("making an eventfd"));
  ring->fill_queue();
  TRY(ring->submit_queue());
  return ring;
}

Ring::~Ring() {
  if (ring_.ring_fd > 0) io_uring_queue_exit(&ring_);
}

Result<int> Ring::descriptor() {
  if (ended_fd_.is_open()) return ended_fd_.get();
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("making an eventfd"));
  const int registered = io_uring_register_eventfd(&ring_, fd.get());
  if (registered < 0) {
    return fail(Error::from_errno(-registered).during("giving the io_uring an eventfd"));
  }
  ended_fd_ = std::move(fd);
  return ended_fd_.get();
}

void Ring::stop_watching() {
  if (!ended_fd_.is_open()) return;
  io_uring_unregister_eventfd(&ring_);
  ended_fd_ = UniqueFd();
}

void Ring::add_buffer(MutableBytes buffer) {
  EBB_CHECK(buffers_.empty() || buffer.data() >= buffers_.back().memory.data(),
            "buffers are added by address");
  if (buffers_.empty()) {
    registers_buffers_ = io_uring_register_buffers_sparse(&ring_, max_buffers) == 0;
  }
  if (registers_buffers_ && buffers_.size() < max_buffers) buffers_.push_back({buffer});
}

void Ring::forget_buffers() {
  if (!buffers_.empty()) io_uring_unregister_buffers(&ring_);
  buffers_.clear();
}

// Which of the buffers that the kernel knows `data` lies in.
std::optional<int> Ring::registered_buffer(Bytes data) {
  const auto after = std::ranges::upper_bound(buffers_, data.data(), {},
                                              [](const Buffer& b) { return b.memory.data(); });
  if (after == buffers_.begin()) return std::nullopt;
  Buffer& buffer = *std::prev(after);
  const auto offset = static_cast<std::size_t>(data.data() - buffer.memory.data());
  if (offset + data.size() > buffer.memory.size()) return std::nullopt;
  const int index = static_cast<int>(&buffer - buffers_.data());
  if (!buffer.is_registered && registers_buffers_ && data.size() >= buffer.memory.size() / 2) {
    const iovec whole{buffer.memory.data(), buffer.memory.size()};
    registers_buffers_ = io_uring_register_buffers_update_tag(&ring_, static_cast<unsigned>(index),
                                                              &whole, nullptr, 1) == 1;
    buffer.is_registered = registers_buffers_;
  }
  return buffer.is_registered ? std::optional(index) : std::nullopt;
}

void Ring::submit(Transfer& transfer) {
  transfer.moved = 0;
  transfer.next = nullptr;
  if (waiting_last_ != nullptr) {
    waiting_last_->next = &transfer;
  } else {
    waiting_first_ = &transfer;
  }
  waiting_last_ = &transfer;
}

void Ring::prepare(Transfer& transfer, io_uring_sqe& entry) {
  const MutableBytes rest = transfer.data.subspan(transfer.moved);
  const auto length = static_cast<unsigned>(std::min(rest.size(), max_piece));
  const std::uint64_t at = transfer.at.value() + transfer.moved;
  const std::optional<int> fixed = registered_buffer(rest);
  switch (transfer.way) {
    case Way::read:
      if (fixed) {
        io_uring_prep_read_fixed(&entry, transfer.fd, rest.data(), length, at, *fixed);
      } else {
        io_uring_prep_read(&entry, transfer.fd, rest.data(), length, at);
      }
      break;
    case Way::write:
      if (fixed) {
        io_uring_prep_write_fixed(&entry, transfer.fd, rest.data(), length, at, *fixed);
      } else {
        io_uring_prep_write(&entry, transfer.fd, rest.data(), length, at);
      }
      break;
    case Way::write_zeroes:
      io_uring_prep_fallocate(&entry, transfer.fd, transfer.zero_mode,
                              static_cast<off_t>(transfer.at.value()),
                              static_cast<off_t>(transfer.length.value()));
      break;
    case Way::sync_data: io_uring_prep_fsync(&entry, transfer.fd, IORING_FSYNC_DATASYNC); break;
  }
  io_uring_sqe_set_data(&entry, &transfer);
}

void Ring::arm_wake_up() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) return;  // Armed again by the next wait().
  io_uring_prep_read(entry, wake_fd_.get(), &wake_room_, sizeof wake_room_, 0);
  io_uring_sqe_set_data(entry, nullptr);
  wake_armed_ = true;
}

void Ring::fill_queue() {
  if (!wake_armed_) arm_wake_up();
  while (waiting_first_ != nullptr && in_kernel_ < ring_entries) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return;
    Transfer& transfer = *waiting_first_;
    waiting_first_ = transfer.next;
    if (waiting_first_ == nullptr) waiting_last_ = nullptr;
    prepare(transfer, *entry);
    ++in_kernel_;
  }
}

Result<void> Ring::submit_queue() {
  const int submitted = io_uring_submit(&ring_);
  if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN && submitted != -EBUSY) {
    return fail(Error::from_errno(-submitted).during("submitting to the io_uring"));
  }
  // The kernel was short of something: again with the next look, which comes although nothing ends.
  if (ended_fd_.is_open() && io_uring_sq_ready(&ring_) > 0) wake();
  return {};
}

Result<void> Ring::start_queued() {
  if (waiting_first_ == nullptr) return {};
  fill_queue();
  return submit_queue();
}

Result<void> Ring::wait() {
  fill_queue();
  const int submitted = io_uring_submit_and_wait(&ring_, 1);
  if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN && submitted != -EBUSY) {
    return fail(Error::from_errno(-submitted).during("waiting for the io_uring"));
  }
  return take_completions();
}

Result<void> Ring::reap() {
  if (ended_fd_.is_open()) {
    // Before the look, so that what ends after it is signalled anew.
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(ended_fd_.get(), &count, sizeof count);
  }
  TRY(go_on_in_kernel());
  return take_completions();
}

// With IORING_SETUP_DEFER_TASKRUN the kernel goes on with its requests, and puts down completions,
// only when it is entered for them. It signals the eventfd for the first that can go on after it
// has seen to all; whatever it left over makes it silent for good, and a request that goes on may
// need another round instead of being complete. So it must see to all of them here: it takes as
// many as are waited for, and a wait of no time at all is enough.
Result<void> Ring::go_on_in_kernel() {
  const unsigned all = in_kernel_ + 1;  // With the read that wakes.
  int got = 0;
  if (all <= gone_on_with_at_once) {
    got = io_uring_get_events(&ring_);
  } else {
    __kernel_timespec no_time{};
    io_uring_cqe* entry = nullptr;
    got = io_uring_wait_cqes(&ring_, &entry, all + 1, &no_time, nullptr);
  }
  if (got < 0 && got != -ETIME && got != -EINTR && got != -EAGAIN && got != -EBUSY) {
    return fail(Error::from_errno(-got).during("asking the io_uring"));
  }
  return {};
}

Result<void> Ring::take_completions() {
  io_uring_cqe* entry = nullptr;
  while (io_uring_peek_cqe(&ring_, &entry) == 0) {
    auto* transfer = static_cast<Transfer*>(io_uring_cqe_get_data(entry));
    const int outcome = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    if (transfer == nullptr) {
      wake_armed_ = false;
    } else {
      --in_kernel_;
      complete(*transfer, outcome);
    }
  }
  if (wake_armed_ && waiting_first_ == nullptr && io_uring_sq_ready(&ring_) == 0) return {};
  // What came short goes on; and whoever watches the descriptor until the next turn must hear of a
  // job that ends meanwhile.
  fill_queue();
  return submit_queue();
}

void Ring::wake() {
  const std::uint64_t one = 1;
  // Not by way of the ring where somebody watches: the kernel does not signal one eventfd from
  // within another's wake-up.
  const int fd = ended_fd_.is_open() ? ended_fd_.get() : wake_fd_.get();
  // Fails only when the count is at its end, and then the ring is awake anyway.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

void Ring::complete(Transfer& transfer, int outcome) {
  const auto again = [&] {
    const std::size_t moved = transfer.moved;
    submit(transfer);
    transfer.moved = moved;
  };
  if (outcome == -EINTR || outcome == -EAGAIN) return again();
  const auto ends_here = [&] {
    settle_later(transfer, fail(Error::lost("it ends after {} of {} bytes", transfer.moved,
                                            transfer.data.size())));
  };
  // The rest of a direct read that came short at a file's end is not aligned any more.
  if (outcome == -EINVAL && transfer.way == Way::read && transfer.moved > 0) return ends_here();
  if (outcome < 0) return settle_later(transfer, fail(Error::from_errno(-outcome)));
  if (transfer.way == Way::sync_data || transfer.way == Way::write_zeroes) {
    return settle_later(transfer, {});
  }
  transfer.moved += static_cast<std::size_t>(outcome);
  if (transfer.moved >= transfer.data.size()) return settle_later(transfer, {});
  if (outcome > 0) return again();
  if (transfer.way == Way::read) return ends_here();
  settle_later(transfer,
               fail(Error{ErrorKind::full, fmt::format("only {} of {} bytes could be written",
                                                       transfer.moved, transfer.data.size())}));
}

}  // namespace ebb
