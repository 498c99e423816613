// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/compress.h"

#include <gtest/gtest.h>
#include <lz4.h>
#include <zstd.h>

#include "engine/stage/compressible.h"
#include "tests/support/hex.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

ByteVector text_like(Random& random, std::size_t size) {
  static constexpr std::string_view words[] = {"extent ", "block ", "pack ", "record ",
                                               "the ",    "seal ",  "of ",   "page\n"};
  ByteVector bytes;
  while (bytes.size() < size) append(bytes, bytes_of(words[random.below(std::size(words))]));
  bytes.resize(size);
  return bytes;
}

std::vector<Compression> some_compressions() {
  return {{Codec::lz4, 1},   {Codec::lz4, 2},  {Codec::lz4, -8}, {Codec::lz4, 3},  {Codec::lz4, 12},
          {Codec::zstd, -5}, {Codec::zstd, 1}, {Codec::zstd, 3}, {Codec::zstd, 19}};
}

TEST(Compression, ReadsWhatItWrites) {
  for (const std::string_view text :
       {"none", "lz4", "zstd", "lz4:-64", "lz4:12", "zstd:19", "zstd:-64", "zstd:3"}) {
    const auto compression = Compression::parse(text);
    ASSERT_TRUE(compression) << text;
    EXPECT_EQ(compression->text(), text);
  }
  EXPECT_EQ(Compression::parse("lz4:1")->text(), "lz4");
  EXPECT_EQ(Compression::parse("none")->level, 0);
  EXPECT_EQ(Compression::parse("zstd:7")->level, 7);
}

TEST(Compression, RefusesWhatThereIsNot) {
  for (const std::string_view text :
       {"", "lzma", "LZ4", "none:1", "lz4:", "lz4:0", "lz4:13", "lz4:-65", "zstd:20", "zstd:x",
        "zstd:3x", "zstd: 3", "zstd:+3", "zstd:99999999999999999999", ":3", "zstd:3:3"}) {
    const auto compression = Compression::parse(text);
    ASSERT_FALSE(compression) << text;
    EXPECT_EQ(compression.error().kind(), ErrorKind::invalid);
  }
}

TEST(Compress, OpensAgainAtEverySizeAndLevel) {
  const auto random = test::test_random();
  Decompressor decompressor;
  for (const Compression compression : some_compressions()) {
    Compressor compressor(compression);
    for (const std::size_t size : {1u, 2u, 31u, 32u, 33u, 100u, 4096u, 65535u, 65536u, 1u << 20}) {
      const ByteVector plain = text_like(*random, size);
      ByteVector room(size);
      const auto packed = compressor.compress(plain, room);
      if (size >= 4096) {
        ASSERT_TRUE(packed) << compression.text() << " " << size;
      }
      if (!packed) continue;
      EXPECT_LE(*packed, size - size / 32);
      ByteVector opened(size);
      const auto result =
          decompressor.decompress(compression.codec, Bytes(room).first(*packed), opened);
      ASSERT_TRUE(result) << result.error().text();
      ASSERT_TRUE(same_bytes(opened, plain)) << compression.text() << " " << size;
    }
  }
}

TEST(Compress, LeavesRandomBytesAlone) {
  const auto random = test::test_random();
  for (const Compression compression : some_compressions()) {
    Compressor compressor(compression);
    for (const std::size_t size : {1u, 512u, 4096u, 16384u, 65536u, 1u << 20}) {
      const ByteVector plain = test::random_bytes(*random, size);
      ByteVector room(size);
      EXPECT_FALSE(compressor.compress(plain, room)) << compression.text() << " " << size;
    }
    EXPECT_FALSE(compressor.compress({}, {}));
  }
}

TEST(Compress, NeverWritesPastTheRoom) {
  const auto random = test::test_random();
  for (const Compression compression : some_compressions()) {
    Compressor compressor(compression);
    for (int round = 0; round < 30; ++round) {
      ByteVector plain = text_like(*random, 1 + random->below(70000));
      random->fill(MutableBytes(plain).first(random->below(plain.size())));
      const std::size_t room_size = random->below(plain.size() + 1);
      ByteVector room(room_size + 32, std::byte{0xcc});
      const auto packed = compressor.compress(plain, MutableBytes(room).first(room_size));
      EXPECT_LE(packed.value_or(0), room_size);
      for (std::size_t i = room_size; i < room.size(); ++i) ASSERT_EQ(room[i], std::byte{0xcc});
    }
  }
}

TEST(Compress, OfNoneIsNothing) {
  Compressor compressor(Compression{Codec::none, 0});
  ByteVector room(4096);
  EXPECT_FALSE(compressor.compress(ByteVector(4096), room));
}

TEST(MayCompress, TriesWhatHasStructureAnywhere) {
  const auto random = test::test_random();
  CompressibleTest test;
  for (const std::size_t size : {32768u, 65536u, 65537u, 262144u, 1u << 20}) {
    EXPECT_TRUE(test.may_compress(ByteVector(size))) << size;
    EXPECT_TRUE(test.may_compress(text_like(*random, size))) << size;
    EXPECT_FALSE(test.may_compress(test::random_bytes(*random, size))) << size;
    // Half of it, wherever that is.
    for (std::size_t quarter = 0; quarter < 3; ++quarter) {
      ByteVector block = test::random_bytes(*random, size);
      const ByteVector text = text_like(*random, size / 2);
      std::copy(text.begin(), text.end(),
                block.begin() + static_cast<std::ptrdiff_t>(quarter * size / 4));
      EXPECT_TRUE(test.may_compress(block)) << size << " quarter " << quarter;
    }
    // Bytes that are spread evenly, again and again.
    ByteVector block = test::random_bytes(*random, 4096);
    while (block.size() < size) append(block, ByteVector(block));
    block.resize(size);
    EXPECT_TRUE(test.may_compress(block)) << size;
  }
}

TEST(MayCompress, AlwaysTriesSmallBlocks) {
  const auto random = test::test_random();
  CompressibleTest test;
  for (const std::size_t size : {0u, 1u, 4096u, 8192u, 32767u}) {
    EXPECT_TRUE(test.may_compress(test::random_bytes(*random, size)));
  }
}

// Bytes with nothing around them that may be touched: ASan sees what is before, the fence what is
// behind.
class Fenced {
 public:
  explicit Fenced(std::size_t size) : bytes_(size + 64, std::byte{0xcc}) {}
  MutableBytes room() { return MutableBytes(bytes_).first(bytes_.size() - 64); }
  bool whole() const {
    return std::all_of(bytes_.end() - 64, bytes_.end(),
                       [](std::byte b) { return b == std::byte{0xcc}; });
  }

 private:
  ByteVector bytes_;
};

void expect_damaged(Decompressor& decompressor, Codec codec, Bytes packed, std::size_t size) {
  // A copy of the exact length on the heap, so that ASan sees a read past its end.
  const ByteVector exact = copy_of(packed);
  Fenced room(size);
  const auto result = decompressor.decompress(codec, exact, room.room());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::damaged);
  EXPECT_TRUE(room.whole());
}

TEST(Decompress, TakesOnlyTheExactLength) {
  const auto random = test::test_random();
  Decompressor decompressor;
  for (const Compression compression : some_compressions()) {
    const ByteVector plain = text_like(*random, 5000);
    ByteVector room(5000);
    const auto size = Compressor(compression).compress(plain, room);
    ASSERT_TRUE(size);
    const Bytes packed = Bytes(room).first(*size);
    for (const std::size_t length : {0u, 1u, 4999u, 5001u, 10000u, 1u << 20}) {
      expect_damaged(decompressor, compression.codec, packed, length);
    }
    for (std::size_t cut = 0; cut < packed.size(); ++cut) {
      expect_damaged(decompressor, compression.codec, packed.first(cut), 5000);
    }
    ByteVector longer = copy_of(packed);
    longer.push_back(std::byte{0});
    expect_damaged(decompressor, compression.codec, longer, 5000);
  }
  expect_damaged(decompressor, Codec::none, bytes_of("four"), 5);
  expect_damaged(decompressor, Codec::none, bytes_of("four"), 3);
  expect_damaged(decompressor, static_cast<Codec>(3), bytes_of("four"), 4);
  expect_damaged(decompressor, static_cast<Codec>(255), bytes_of("four"), 4);
}

TEST(Decompress, StaysInBoundsOnAnyBytes) {
  const auto random = test::test_random();
  Decompressor decompressor;
  for (const Codec codec : {Codec::lz4, Codec::zstd}) {
    const Compression compression{codec, 1};
    Compressor compressor(compression);
    for (int round = 0; round < 3000; ++round) {
      const ByteVector plain = text_like(*random, 1 + random->below(3000));
      ByteVector room(plain.size());
      ByteVector packed;
      const auto size = compressor.compress(plain, room);
      if (size && random->below(4) != 0) {
        packed = copy_of(Bytes(room).first(*size));
        for (std::uint64_t flips = 1 + random->below(4); flips > 0; --flips) {
          packed[random->below(packed.size())] ^= std::byte(1u << random->below(8));
        }
      } else {
        packed = test::random_bytes(*random, random->below(300));
      }
      Fenced out(random->below(2) == 0 ? plain.size() : random->below(4000));
      (void)decompressor.decompress(codec, packed, out.room());
      ASSERT_TRUE(out.whole());
    }
  }
}

TEST(Decompress, BombsAndLiesAreDamage) {
  Decompressor decompressor;
  // LZ4: a run of 255s promises literals or matches without end.
  ByteVector endless(4096, std::byte{0xff});
  expect_damaged(decompressor, Codec::lz4, endless, 65536);
  // LZ4: a match before the beginning.
  expect_damaged(decompressor, Codec::lz4, test::hex("1f 61 ffff ff 00 50 6262626262"), 4096);
  // zstd: 1 GiB of zeroes in a few KiB, and a frame that only says how large it is.
  ByteVector zeroes(8 << 20);
  ByteVector bomb(ZSTD_compressBound(zeroes.size()));
  bomb.resize(ZSTD_compress(bomb.data(), bomb.size(), zeroes.data(), zeroes.size(), 1));
  expect_damaged(decompressor, Codec::zstd, bomb, 65536);
  expect_damaged(decompressor, Codec::zstd, test::hex("28b52ffd e0 ffffffffffffff7f 010000"),
                 65536);
  expect_damaged(decompressor, Codec::zstd, test::hex("28b52ffd 00 ff 010000"), 65536);
  // And it still works afterwards.
  ByteVector small(ZSTD_compressBound(100));
  const ByteVector plain(100, std::byte{7});
  small.resize(ZSTD_compress(small.data(), small.size(), plain.data(), plain.size(), 1));
  ByteVector out(100);
  ASSERT_TRUE(decompressor.decompress(Codec::zstd, small, out));
  EXPECT_TRUE(same_bytes(out, plain));
}

}  // namespace
}  // namespace ebb
