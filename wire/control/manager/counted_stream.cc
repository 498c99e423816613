// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/counted_stream.h"

namespace ebb::control {

namespace {

class CountedStream final : public kj::AsyncIoStream {
 public:
  CountedStream(kj::Own<kj::AsyncIoStream> inner, ByteCounts& counts)
      : inner_(kj::mv(inner)), counts_(counts), written_(kj::Promise<void>(kj::READY_NOW).fork()) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override {
    return written_.addBranch().then([this, buffer, least, most] {
      return inner_->tryRead(buffer, least, most).then([this](size_t got) {
        counts_.in += got;
        return got;
      });
    });
  }

  kj::Promise<void> write(const void* buffer, size_t size) override {
    counts_.out += size;
    return reads_after(inner_->write(buffer, size));
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    for (const auto& piece : pieces) counts_.out += piece.size();
    return reads_after(inner_->write(pieces));
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }

 private:
  kj::Promise<void> reads_after(kj::Promise<void> write) {
    written_ = write.fork();
    return written_.addBranch();
  }

  kj::Own<kj::AsyncIoStream> inner_;
  ByteCounts& counts_;
  kj::ForkedPromise<void> written_;
};

}  // namespace

kj::Own<kj::AsyncIoStream> counted(kj::Own<kj::AsyncIoStream> stream, ByteCounts& counts) {
  return kj::heap<CountedStream>(kj::mv(stream), counts);
}

}  // namespace ebb::control
