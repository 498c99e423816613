// SPDX-License-Identifier: Apache-2.0
// Any bytes as an XFS: what is said to be free is in order, apart and within; the walk ends.
//
// Input: one byte, then the beginning of the file system, which goes on with zeros. With an odd
// byte the checksums are as they came, else they are made right, so that what they cover is tried,
// too.
#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "devmap/allocation/xfs_free_space.h"
#include "tests/support/xfs_image.h"

namespace {

using namespace ebb;

class PaddedSource final : public ByteSource {
 public:
  PaddedSource(Bytes bytes, ByteCount size) : bytes_(bytes), size_(size) {}
  ByteCount size() const override { return size_; }
  Result<void> read(ByteIndex at, MutableBytes room) override {
    EBB_CHECK(at.value() + room.size() <= size_.value(), "a read past the end");
    EBB_CHECK(room.size() <= 1 << 19, "a read that is too large");
    // Each block of a tree has a record that no other has, so no walk is longer.
    EBB_CHECK(++reads_ < 100000, "a walk without an end");
    const std::size_t from = std::min<std::size_t>(at.value(), bytes_.size());
    const std::size_t there = std::min(room.size(), bytes_.size() - from);
    std::memcpy(room.data(), bytes_.data() + from, there);
    std::fill(room.begin() + static_cast<std::ptrdiff_t>(there), room.end(), std::byte{0});
    return {};
  }

 private:
  Bytes bytes_;
  ByteCount size_;
  int reads_ = 0;
};

// How many runs, if it is not refused.
std::optional<std::size_t> look(Bytes bytes, XfsLog log) {
  constexpr ByteRun area = {ByteIndex(1024), ByteIndex(1 << 24)};
  ByteVector shifted(1024);
  append(shifted, bytes);
  PaddedSource source(shifted, area.end - ByteIndex(0));
  std::size_t runs = 0;
  ByteIndex last = area.begin;
  const auto result = xfs_free_space(source, area, log, [&](ByteRun run) {
    EBB_CHECK(!run.empty() && area.contains(run), "free space that is not there");
    EBB_CHECK(last < run.begin, "free space out of order");
    last = run.end;
    ++runs;
  });
  if (!result) return std::nullopt;
  return runs;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  ByteVector bytes = copy_of(std::as_bytes(std::span(data, size)).subspan(1));
  if (data[0] % 2 == 0) test::seal_xfs(bytes);
  const auto frozen = look(bytes, XfsLog::was_frozen);
  const auto unmounted = look(bytes, XfsLog::must_be_empty);
  EBB_CHECK(!unmounted || unmounted == frozen, "the log changes what is free");
  return 0;
}
