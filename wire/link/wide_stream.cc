// SPDX-License-Identifier: Apache-2.0
#include "wire/link/wide_stream.h"

#include <kj/vector.h>

#include <algorithm>
#include <cstring>

namespace ebb {

namespace {

constexpr size_t piece = 128 * 1024;

using Pieces = kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>>;

class WideStream final : public kj::AsyncIoStream {
 public:
  explicit WideStream(kj::Own<kj::AsyncIoStream> inner) : inner_(kj::mv(inner)) {}
  ~WideStream() noexcept {
    flushing_ = nullptr;  // Its piece may be cut anywhere; nothing can follow it.
    if (gathered_.size() == 0 || sent_.size() > 0) return;
    kj::runCatchingExceptions(
        [&] { auto last = inner_->write(gathered_.begin(), gathered_.size()); });
  }

  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override {
    const size_t given = take(buffer, most);
    if (given >= least) return given;
    // What is left to read is more than one piece, or the piece is empty now.
    if (most - given >= piece) {
      return inner_->tryRead(static_cast<kj::byte*>(buffer) + given, least - given, most - given)
          .then([given](size_t more) { return given + more; });
    }
    if (arrived_ == nullptr) arrived_ = kj::heapArray<kj::byte>(piece);
    return inner_->tryRead(arrived_.begin(), least - given, piece)
        .then([this, buffer, given, most](size_t count) {
          begin_ = 0;
          end_ = count;
          return given + take(static_cast<kj::byte*>(buffer) + given, most - given);
        });
  }

  kj::Promise<void> write(const void* buffer, size_t size) override {
    KJ_IF_MAYBE (exception, failed_) return kj::cp(*exception);
    const auto* bytes = static_cast<const kj::byte*>(buffer);
    gathered_.addAll(bytes, bytes + size);
    return gathered();
  }
  kj::Promise<void> write(Pieces pieces) override {
    KJ_IF_MAYBE (exception, failed_) return kj::cp(*exception);
    for (const auto& one : pieces) gathered_.addAll(one);
    return gathered();
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override {
    is_shut_down_ = true;
    if (sent_.size() == 0 && gathered_.size() == 0) inner_->shutdownWrite();
  }
  void abortRead() override { inner_->abortRead(); }
  void getsockopt(int level, int option, void* value, kj::uint* length) override {
    inner_->getsockopt(level, option, value, length);
  }
  void setsockopt(int level, int option, const void* value, kj::uint length) override {
    inner_->setsockopt(level, option, value, length);
  }
  void getsockname(struct sockaddr* address, kj::uint* length) override {
    inner_->getsockname(address, length);
  }
  void getpeername(struct sockaddr* address, kj::uint* length) override {
    inner_->getpeername(address, length);
  }

 private:
  size_t take(void* buffer, size_t most) {
    const size_t count = std::min(most, end_ - begin_);
    if (count == 0) return 0;
    std::memcpy(buffer, arrived_.begin() + begin_, count);
    begin_ += count;
    return count;
  }

  // Ready while little waits; else when the piece that is being sent has gone.
  kj::Promise<void> gathered() {
    if (!is_flushing_) {
      is_flushing_ = true;
      flushing_ = kj::evalLast([this] {
                    return flush();
                  }).catch_([this](kj::Exception&& exception) {
                      failed_ = kj::mv(exception);
                    }).fork();
    }
    if (gathered_.size() < piece) return kj::READY_NOW;
    return flushing_.addBranch();
  }

  kj::Promise<void> flush() {
    sent_ = kj::mv(gathered_);
    gathered_ = kj::Vector<kj::byte>(piece);
    return inner_->write(sent_.begin(), sent_.size()).then([this]() -> kj::Promise<void> {
      sent_.clear();
      if (gathered_.size() > 0) return flush();
      is_flushing_ = false;
      if (is_shut_down_) inner_->shutdownWrite();
      return kj::READY_NOW;
    });
  }

  kj::Own<kj::AsyncIoStream> inner_;
  kj::Array<kj::byte> arrived_;  // Read and not yet given: from begin_ to end_.
  size_t begin_ = 0;
  size_t end_ = 0;
  kj::Vector<kj::byte> gathered_;
  kj::Vector<kj::byte> sent_;  // Being written.
  bool is_flushing_ = false;
  bool is_shut_down_ = false;
  kj::Maybe<kj::Exception> failed_;
  kj::ForkedPromise<void> flushing_ = nullptr;
};

}  // namespace

kj::Own<kj::AsyncIoStream> widened(kj::Own<kj::AsyncIoStream> inner) {
  return kj::heap<WideStream>(kj::mv(inner));
}

}  // namespace ebb
