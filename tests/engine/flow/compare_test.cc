// SPDX-License-Identifier: Apache-2.0
// compare_test.cc - what of an image file differs from what is expected, holes included.
#include "engine/flow/compare.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/device/faulty_device.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

// Counts what is read.
class CountingDevice final : public BlockDevice {
 public:
  explicit CountingDevice(BlockDevice& inner) : inner_(inner) {}
  const Shape& shape() const override { return inner_.shape(); }
  std::optional<HoleWalk> holes_from(ByteIndex at) override { return inner_.holes_from(at); }
  void start(Transfer& transfer) override {
    read += ByteCount(transfer.data.size());
    inner_.start(transfer);
  }
  ByteCount read;

 private:
  BlockDevice& inner_;
};

TEST(CompareWithAnImage, HolesAreNotReadWhereZeroIsExpectedAndDifferWhereItIsNot) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/image";
  const ByteCount size = 40_MiB;
  const BlockGrid grid(size, BlockSize::standard());
  const ByteVector data = test::random_bytes(*random, 65536);
  std::vector<std::optional<Fingerprint>> expected(grid.count().size(), Fingerprint{});
  IdKey id_key;
  random->fill(id_key.room());
  const CryptoBackend backend = *chosen_backend();
  const Fingerprint print = make_fingerprinter(backend, id_key)->of(data);
  {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT, 0600));
    ASSERT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size.value())), 0);
    // Two blocks that are right, one that should be zero, and one expected where there is a hole.
    for (const std::uint64_t block : {3ull, 300ull, 500ull}) {
      const auto at = static_cast<off_t>(block * 65536);
      ASSERT_EQ(::pwrite(fd.get(), data.data(), data.size(), at), 65536);
    }
    ASSERT_EQ(::fsync(fd.get()), 0);
  }
  expected[3] = expected[300] = expected[400] = print;

  const auto ring = Ring::make();
  ASSERT_TRUE(ring);
  Workers workers(**ring, 2);
  const auto opened = open_device(path, Access::read, {size, 512_B, 512_B}, **ring);
  ASSERT_TRUE(opened);
  CountingDevice device(**opened);
  const auto arena = Arena::make(Compare::memory(), nullptr);
  ASSERT_TRUE(arena);
  const StopFlag stop;
  const auto compare = Compare::make({device, **ring, workers, **arena, id_key, stop}, grid);
  ASSERT_TRUE(compare);
  for (int twice = 0; twice < 2; ++twice) {
    const auto differs = (*compare)->run(grid.all(), expected);
    ASSERT_TRUE(differs);
    for (std::size_t i = 0; i < differs->size(); ++i) {
      EXPECT_EQ((*differs)[i] != 0, i == 400 || i == 500) << i;
    }
  }
  EXPECT_EQ(device.read, 8_MiB) << "four batches, twice";
}

}  // namespace
}  // namespace ebb
