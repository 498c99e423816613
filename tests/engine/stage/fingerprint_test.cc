// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/fingerprint.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/support/guarded_bytes.h"
#include "tests/support/hex.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

// The definition, spelled out with OpenSSL's own SHA-256 and HMAC.
Fingerprint by_definition(const IdKey& key, Bytes block) {
  ByteVector message{std::byte{1}};
  for (int shift = 0; shift < 32; shift += 8) {
    message.push_back(static_cast<std::byte>(block.size() >> shift));
  }
  for (std::size_t at = 0; at < block.size(); at += 16384) {
    std::array<std::byte, 32> leaf;
    unsigned int size = 0;
    EVP_Digest(block.data() + at, std::min<std::size_t>(16384, block.size() - at),
               reinterpret_cast<unsigned char*>(leaf.data()), &size, EVP_sha256(), nullptr);
    append(message, leaf);
  }
  Fingerprint result;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.reveal().data(), 32,
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(result.bytes.data()), &size);
  return result;
}

IdKey test_key() {
  return test::secret_from<IdKey>(
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

class FingerprintOf : public testing::TestWithParam<CryptoBackend> {
 protected:
  std::unique_ptr<Fingerprinter> make(const IdKey& key) {
    return make_fingerprinter(GetParam(), key);
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, FingerprintOf, testing::ValuesIn(usable_backends()),
                         [](const auto& backend) {
                           std::string name(name_of(backend.param));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(FingerprintOf, IsItsDefinitionAtEveryEdgeOfALeaf) {
  const auto random = test::test_random();
  const IdKey key = test_key();
  const auto fingerprinter = make(key);
  const ByteVector bytes = test::random_bytes(*random, 1 << 20);
  for (const std::size_t leaf : {0u, 1u, 2u, 3u, 4u, 15u, 16u, 17u, 63u, 64u}) {
    for (const std::ptrdiff_t around : {-65, -64, -1, 0, 1, 55, 56, 64}) {
      const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(leaf) * 16384 + around;
      if (size < 1 || size > 1 << 20) continue;
      const Bytes block = Bytes(bytes).first(static_cast<std::size_t>(size));
      ASSERT_EQ(fingerprinter->of(block), by_definition(key, block)) << "size " << size;
    }
  }
}

TEST_P(FingerprintOf, BatchesOfAnyShapeIsTheirDefinition) {
  const auto random = test::test_random();
  const IdKey key = test_key();
  const auto fingerprinter = make(key);
  const ByteVector bytes = test::random_bytes(*random, (1 << 20) + 64);
  for (int round = 0; round < 60; ++round) {
    const std::size_t block_size = std::size_t{4096} << random->below(9);
    const std::size_t last = 1 + random->below(block_size);
    const std::size_t shift = random->below(64);  // Any alignment.
    std::vector<Bytes> blocks;
    for (std::size_t at = 0; at + block_size <= 1 << 20; at += block_size) {
      blocks.push_back(Bytes(bytes).subspan(shift + at, block_size));
    }
    blocks.back() = blocks.back().first(last);
    std::vector<Fingerprint> out(blocks.size());
    fingerprinter->fingerprint(blocks, out);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_EQ(out[i], by_definition(key, blocks[i]))
          << "block " << i << " of " << blocks.size() << ", size " << blocks[i].size();
    }
  }
}

TEST_P(FingerprintOf, MoreThanABatchAndOfNothingWorks) {
  const auto random = test::test_random();
  const IdKey key = test_key();
  const auto fingerprinter = make(key);
  fingerprinter->fingerprint({}, {});
  const ByteVector bytes = test::random_bytes(*random, 1 << 20);
  std::vector<Bytes> blocks;
  for (int i = 0; i < 700; ++i) {
    // Mostly small, so that groups end by count, and some large, so that they end by room.
    const std::size_t size = 1 + random->below(random->below(8) == 0 ? bytes.size() : 9000);
    blocks.push_back(Bytes(bytes).subspan(random->below(bytes.size() - size + 1), size));
  }
  std::vector<Fingerprint> out(blocks.size());
  fingerprinter->fingerprint(blocks, out);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(out[i], by_definition(key, blocks[i])) << "block " << i;
  }
}

TEST_P(FingerprintOf, BlocksReadsNothingBeyondThem) {
  const auto random = test::test_random();
  const IdKey key = test_key();
  const auto fingerprinter = make(key);
  const ByteVector bytes = test::random_bytes(*random, 1 << 20);
  for (const std::size_t last : {1u, 55u, 63u, 64u, 65u, 4095u, 16383u, 16384u, 16385u, 1u << 20}) {
    // Beside blocks of other lengths, so that lanes end at different times.
    test::GuardedBytes block(Bytes(bytes).last(last));
    test::GuardedBytes other(Bytes(bytes).first(1 + random->below(40000)));
    for (const std::vector<Bytes>& blocks :
         {std::vector<Bytes>{block.view()}, std::vector<Bytes>(40, block.view()),
          std::vector<Bytes>{other.view(), block.view(), other.view()}}) {
      std::vector<Fingerprint> out(blocks.size());
      fingerprinter->fingerprint(blocks, out);
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        ASSERT_EQ(out[i], by_definition(key, blocks[i])) << "size " << blocks[i].size();
      }
    }
  }
}

TEST_P(FingerprintOf, DependsOnKeyLengthAndEveryByte) {
  const auto fingerprinter = make(test_key());
  std::set<Fingerprint> seen;
  ByteVector block(40000);
  EXPECT_TRUE(seen.insert(fingerprinter->of(block)).second);
  EXPECT_TRUE(seen.insert(fingerprinter->of(Bytes(block).first(39999))).second);
  for (std::size_t i = 0; i < block.size(); i += 997) {
    block[i] = std::byte{1};
    EXPECT_TRUE(seen.insert(fingerprinter->of(block)).second) << "byte " << i;
    block[i] = std::byte{0};
  }
  const IdKey other =
      test::secret_from<IdKey>("010102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  EXPECT_TRUE(seen.insert(make(other)->of(block)).second);
}

TEST_P(FingerprintOf, IsTheSameFromManyThreads) {
  const auto random = test::test_random();
  const IdKey key = test_key();
  const ByteVector block = test::random_bytes(*random, 65536);
  const Fingerprint expected = by_definition(key, block);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto fingerprinter = make(key);
      for (int i = 0; i < 20; ++i) wrong += fingerprinter->of(block) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Fingerprint, BackendsAgreeWithAFixedVector) {
  // Pins the format: the first 100,000 numbers mod 251 under the key 00 01 02 ... 1f.
  ByteVector block(100'000);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(i % 251);
  for (const CryptoBackend backend : usable_backends()) {
    EXPECT_EQ(make_fingerprinter(backend, test_key())->of(block).hex(),
              "3fe5c998247646c0cbbdb9877418a5ded0f9150e1f76d6bee3570a44971aa5a2")
        << name_of(backend);
  }
}

}  // namespace
}  // namespace ebb
