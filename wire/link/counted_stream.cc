// SPDX-License-Identifier: Apache-2.0
#include "wire/link/counted_stream.h"

namespace ebb {

namespace {

using Pieces = kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>>;

class CountedStream final : public kj::AsyncIoStream {
 public:
  CountedStream(kj::Own<kj::AsyncIoStream> inner, StreamWatcher& watcher)
      : inner_(kj::mv(inner)), watcher_(watcher) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override {
    return inner_->tryRead(buffer, least, most).then([this](size_t count) {
      watcher_.bytes_read(count);
      return count;
    });
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    return inner_->write(buffer, size).then([this, size] { watcher_.bytes_written(size); });
  }
  kj::Promise<void> write(Pieces pieces) override {
    size_t size = 0;
    for (const auto& piece : pieces) size += piece.size();
    return inner_->write(pieces).then([this, size] { watcher_.bytes_written(size); });
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
  StreamWatcher& watcher_;
};

}  // namespace

kj::Own<kj::AsyncIoStream> counted(kj::Own<kj::AsyncIoStream> inner, StreamWatcher& watcher) {
  return kj::heap<CountedStream>(kj::mv(inner), watcher);
}

}  // namespace ebb
