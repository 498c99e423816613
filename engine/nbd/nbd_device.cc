// SPDX-License-Identifier: Apache-2.0
#include "engine/nbd/nbd_device.h"

#include <libnbd.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

namespace ebb {

namespace {

class NbdDevice;

// A transfer on its way; kept and used again, so that there are as many as ever were under way.
struct Request : Job {
  NbdDevice* device = nullptr;
  Transfer* transfer = nullptr;
  // Of the thread that speaks.
  unsigned pieces = 0;
  int error = 0;
};

class NbdDevice final : public BlockDevice {
 public:
  NbdDevice(std::shared_ptr<NbdExport> from, Loop& loop, UniqueFd wanted)
      : export_(std::move(from)), loop_(loop), wanted_(std::move(wanted)) {}

  // Every transfer has settled.
  ~NbdDevice() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    call_thread();
    if (thread_.joinable()) thread_.join();
  }

  const Shape& shape() const override { return export_->passport().shape; }

  void start(Transfer& transfer) override {
    if (transfer.way != Way::read) {
      return loop_.settle_later(transfer, fail(Error::invalid("an NBD export is only read")));
    }
    EBB_CHECK(all().contains(transfer.bytes()), "a transfer past the device's end");
    Request& request = free_request();
    request.transfer = &transfer;
    {
      const std::lock_guard lock(mutex_);
      queued_.push_back(&request);
    }
    if (!thread_.joinable()) thread_ = std::thread([this] { live(); });
    call_thread();
  }

 private:
  Request& free_request() {
    if (free_.empty()) {
      requests_.push_back(std::make_unique<Request>());
      Request& made = *requests_.back();
      made.device = this;
      made.done = [](Job& job) {
        auto& request = static_cast<Request&>(job);
        request.device->ended(request);
      };
      return made;
    }
    Request& request = *free_.back();
    free_.pop_back();
    return request;
  }

  // On the I/O thread.
  void ended(Request& request) {
    Transfer& transfer = *request.transfer;
    const int error = request.error;
    free_.push_back(&request);
    if (error == 0) return transfer.settled(transfer, {});
    // The server's word for an end of the connection is no error of the disk behind it.
    transfer.settled(transfer, fail(Error::from_errno(error).during("the NBD server")));
  }

  void call_thread() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wanted_.get(), &one, sizeof one);
  }

  // ---- on the thread that speaks ----------------------------------------------------------------

  void live() {
    while (true) {
      if (!start_queued()) return;
      wait();
    }
  }

  // No, when it is to end.
  bool start_queued() {
    std::deque<Request*> taken;
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return false;
      taken.swap(queued_);
    }
    for (Request* request : taken) ask(*request);
    return true;
  }

  void ask(Request& request) {
    const ByteRun bytes = request.transfer->bytes();
    request.error = 0;
    request.pieces = 1;  // Held until all were asked for.
    for (ByteIndex at = bytes.begin; at < bytes.end && request.error == 0;) {
      const ByteCount length = std::min(export_->longest(), bytes.end - at);
      std::byte* const room = request.transfer->data.data() + (at - bytes.begin).size();
      const nbd_completion_callback ended{piece_ended, &request, nullptr};
      ++request.pieces;
      if (nbd_aio_pread(export_->handle(), room, length.size(), at.value(), ended, 0) < 0) {
        --request.pieces;
        request.error = nbd_get_errno() != 0 ? nbd_get_errno() : ENOTCONN;
      }
      at += length;
    }
    one_less(request);
  }

  static int piece_ended(void* user, int* error) {
    auto& request = *static_cast<Request*>(user);
    if (*error != 0) request.error = *error;
    request.device->one_less(request);
    return 1;  // Libnbd forgets the command.
  }

  void one_less(Request& request) {
    if (--request.pieces == 0) loop_.finished(request);
  }

  void wait() {
    nbd_handle* const handle = export_->handle();
    const unsigned direction = nbd_aio_get_direction(handle);
    const bool gone = nbd_aio_is_dead(handle) == 1 || nbd_aio_is_closed(handle) == 1;
    std::array<pollfd, 2> fds = {pollfd{wanted_.get(), POLLIN, 0},
                                 pollfd{gone ? -1 : nbd_aio_get_fd(handle), 0, 0}};
    if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) fds[1].events |= POLLIN;
    if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) fds[1].events |= POLLOUT;
    if (::poll(fds.data(), fds.size(), -1) < 0) return;
    if (fds[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t taken = ::read(wanted_.get(), &count, sizeof count);
    }
    // What fails is told to every command's callback.
    if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
        (direction & LIBNBD_AIO_DIRECTION_READ) != 0) {
      nbd_aio_notify_read(handle);
    } else if ((fds[1].revents & (POLLOUT | POLLHUP | POLLERR)) != 0) {
      nbd_aio_notify_write(handle);
    }
  }

  std::shared_ptr<NbdExport> export_;
  Loop& loop_;
  UniqueFd wanted_;  // An eventfd: the thread is wanted.
  std::vector<std::unique_ptr<Request>> requests_;
  std::vector<Request*> free_;
  std::mutex mutex_;
  std::deque<Request*> queued_;  // Under mutex_.
  bool closing_ = false;         // Under mutex_.
  std::thread thread_;
};

}  // namespace

std::unique_ptr<BlockDevice> make_nbd_device(std::shared_ptr<NbdExport> from, Loop& loop) {
  UniqueFd wanted(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  EBB_CHECK(wanted.is_open(), "an eventfd can be made");
  return std::make_unique<NbdDevice>(std::move(from), loop, std::move(wanted));
}

}  // namespace ebb
