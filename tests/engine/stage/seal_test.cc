// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/seal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/crypto/aead.h"
#include "engine/stage/gcm_kernel.h"
#include "tests/support/gcm_vectors.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

DataKey test_key() {
  return test::secret_from<DataKey>(
      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
}

RecordContext random_context(Random& random) {
  RecordContext context;
  context.repository = random.name<RepositoryId>();
  context.fingerprint = random.name<Fingerprint>();
  context.plain_length = static_cast<std::uint32_t>(random.next_u64());
  context.codec = static_cast<Codec>(random.below(3));
  context.kind = static_cast<std::uint8_t>(random.next_u64());
  return context;
}

std::string test_name(const testing::TestParamInfo<CryptoBackend>& backend) {
  std::string name(name_of(backend.param));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class SealBy : public testing::TestWithParam<CryptoBackend> {};
INSTANTIATE_TEST_SUITE_P(Backends, SealBy, testing::ValuesIn(usable_backends()), test_name);

TEST_P(SealBy, KernelGivesTheVectorsOfTheGcmSpecification) {
  for (const test::GcmVector& v : test::gcm_vectors()) {
    const auto kernel = make_gcm_kernel(GetParam(), std::span<const std::byte, 32>(v.key));
    ByteVector text(v.plain.size());
    ByteVector tag(16);
    kernel->encrypt(v.plain, v.nonce, v.aad, text, tag);
    EXPECT_EQ(to_hex(text), to_hex(v.ciphertext));
    EXPECT_EQ(to_hex(tag), to_hex(v.tag));
    EXPECT_TRUE(kernel->decrypt(v.ciphertext, v.nonce, v.aad, v.tag, text));
    EXPECT_EQ(to_hex(text), to_hex(v.plain));
    tag[15] ^= std::byte{1};
    EXPECT_FALSE(kernel->decrypt(v.ciphertext, v.nonce, v.aad, tag, text));
  }
}

// What the format says, spelled out.
ByteVector by_definition(Bytes plain, std::uint64_t counter, const RecordContext& context) {
  ByteVector nonce(4);
  for (int shift = 0; shift < 64; shift += 8) nonce.push_back(std::byte(counter >> shift & 0xff));
  ByteVector aad = copy_of(context.repository.view());
  append(aad, context.fingerprint.view());
  for (int shift = 0; shift < 32; shift += 8) {
    aad.push_back(std::byte(context.plain_length >> shift & 0xff));
  }
  aad.push_back(static_cast<std::byte>(context.codec));
  aad.push_back(static_cast<std::byte>(context.kind));
  EXPECT_EQ(aad.size(), 54u);
  return aead_seal(test_key().reveal(), nonce, aad, plain).value();
}

TEST_P(SealBy, IsItsDefinitionOverRandomLengthsAndOpensAgain) {
  const auto random = test::test_random();
  const auto cipher = make_record_cipher(GetParam(), test_key());
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = round < 100 ? static_cast<std::size_t>(round)
                                         : random->below(std::size_t{1} << random->below(21));
    // At any alignment on either side.
    const ByteVector source = test::random_bytes(*random, size + 64);
    const Bytes plain = Bytes(source).subspan(random->below(64), size);
    const RecordNonce nonce{random->next_u64()};
    const RecordContext context = random_context(*random);
    ByteVector target(size + tag_size + 64);
    const MutableBytes sealed = MutableBytes(target).subspan(random->below(64), size + tag_size);
    ASSERT_TRUE(cipher->seal(plain, nonce, context, sealed));
    ASSERT_TRUE(same_bytes(sealed, by_definition(plain, nonce.counter, context)))
        << "size " << size;

    ByteVector opened(size);
    ASSERT_TRUE(cipher->open(sealed, nonce, context, opened));
    ASSERT_TRUE(same_bytes(opened, plain)) << "size " << size;
    // In place.
    ASSERT_TRUE(cipher->open(sealed, nonce, context, sealed.first(size)));
    ASSERT_TRUE(same_bytes(sealed.first(size), plain)) << "size " << size;
    ASSERT_TRUE(cipher->seal(sealed.first(size), nonce, context, sealed));
    ASSERT_TRUE(same_bytes(sealed, by_definition(plain, nonce.counter, context)));
  }
}

TEST_P(SealBy, TouchesNothingBeyondItsSpansUpToTheLargestBlock) {
  const auto random = test::test_random();
  const auto kernel = make_gcm_kernel(GetParam(), test_key().reveal());
  const ByteVector source = test::random_bytes(*random, 1 << 20);
  test::GuardedBytes nonce(test::random_bytes(*random, GcmKernel::nonce_size));
  test::GuardedBytes tag(GcmKernel::tag_size);
  std::vector<std::size_t> sizes{16383, 16384, 16385, 65534, 65535, 65536, (1 << 20) - 1, 1 << 20};
  for (std::size_t size = 1; size <= 1025; size += size < 300 ? 1 : 29) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    test::GuardedBytes aad(Bytes(source).last(size % 70));
    test::GuardedBytes plain(Bytes(source).first(size));
    test::GuardedBytes sealed(size);
    kernel->encrypt(plain.view(), nonce.view(), aad.view(), sealed.view(), tag.view());
    ByteVector both = copy_of(sealed.view());
    append(both, tag.view());
    ASSERT_TRUE(same_bytes(
        both, aead_seal(test_key().reveal(), nonce.view(), aad.view(), plain.view()).value()))
        << "size " << size;

    test::GuardedBytes opened(size);
    ASSERT_TRUE(
        kernel->decrypt(sealed.view(), nonce.view(), aad.view(), tag.view(), opened.view()));
    ASSERT_TRUE(same_bytes(opened.view(), plain.view())) << "size " << size;
  }
}

TEST_P(SealBy, EveryFlippedBitIsRefusedAndNothingIsGivenOut) {
  const auto random = test::test_random();
  const auto cipher = make_record_cipher(GetParam(), test_key());
  const ByteVector plain = test::random_bytes(*random, 61);
  const RecordContext context = random_context(*random);
  const RecordNonce nonce{42};
  ByteVector sealed(plain.size() + tag_size);
  ASSERT_TRUE(cipher->seal(plain, nonce, context, sealed));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    ByteVector other = sealed;
    other[bit / 8] ^= std::byte(1u << (bit % 8));
    ByteVector opened(plain.size(), std::byte{0xee});
    const auto result = cipher->open(other, nonce, context, opened);
    ASSERT_FALSE(result) << "bit " << bit;
    EXPECT_EQ(result.error().kind(), ErrorKind::damaged);
    EXPECT_TRUE(all_zero(opened));
  }
}

TEST_P(SealBy, ARecordOpensOnlyInItsOwnContext) {
  const auto random = test::test_random();
  const auto cipher = make_record_cipher(GetParam(), test_key());
  const ByteVector plain = test::random_bytes(*random, 100);
  const RecordContext context = random_context(*random);
  const RecordNonce nonce{42};
  ByteVector sealed(plain.size() + tag_size);
  ByteVector opened(plain.size());
  ASSERT_TRUE(cipher->seal(plain, nonce, context, sealed));
  ASSERT_TRUE(cipher->open(sealed, nonce, context, opened));

  const auto refused = [&](const RecordContext& other) {
    return !cipher->open(sealed, nonce, other, opened);
  };
  for (std::size_t bit = 0; bit < 128; ++bit) {
    RecordContext other = context;
    other.repository.bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    EXPECT_TRUE(refused(other));
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    RecordContext other = context;
    other.fingerprint.bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    EXPECT_TRUE(refused(other));
  }
  for (unsigned bit = 0; bit < 32; ++bit) {
    RecordContext other = context;
    other.plain_length ^= 1u << bit;
    EXPECT_TRUE(refused(other));
  }
  for (unsigned bit = 0; bit < 8; ++bit) {
    RecordContext other = context;
    other.kind = static_cast<std::uint8_t>(other.kind ^ (1u << bit));
    EXPECT_TRUE(refused(other));
    other = context;
    other.codec = static_cast<Codec>(static_cast<unsigned>(other.codec) ^ (1u << bit));
    EXPECT_TRUE(refused(other));
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    EXPECT_FALSE(cipher->open(sealed, RecordNonce{nonce.counter ^ (1ull << bit)}, context, opened));
  }
  const DataKey other_key = test::secret_from<DataKey>(
      "302122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
  EXPECT_FALSE(make_record_cipher(GetParam(), other_key)->open(sealed, nonce, context, opened));
}

TEST_P(SealBy, RefusesRoomOfAnotherLength) {
  const auto cipher = make_record_cipher(GetParam(), test_key());
  ByteVector room(100);
  const Bytes plain = bytes_of("plain");
  for (const std::size_t size : {0u, 5u, 20u, 22u}) {
    const auto result = cipher->seal(plain, {}, {}, MutableBytes(room).first(size));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::invalid);
  }
  EXPECT_EQ(cipher->open(ByteVector(20), {}, {}, MutableBytes(room).first(5)).error().kind(),
            ErrorKind::invalid);
  EXPECT_EQ(cipher->open(ByteVector(15), {}, {}, {}).error().kind(), ErrorKind::damaged);
}

TEST_P(SealBy, OneCipherServesManyThreads) {
  const auto random = test::test_random();
  const auto cipher = make_record_cipher(GetParam(), test_key());
  const ByteVector plain = test::random_bytes(*random, 5000);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      ByteVector sealed(plain.size() + tag_size);
      ByteVector opened(plain.size());
      for (unsigned i = 0; i < 200; ++i) {
        const RecordNonce nonce{t * 1000 + i};
        wrong += !cipher->seal(plain, nonce, {}, sealed);
        wrong += !cipher->open(sealed, nonce, {}, opened);
        wrong += !same_bytes(opened, plain);
        sealed[i] ^= std::byte{1};
        wrong += cipher->open(sealed, nonce, {}, opened).has_value();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(RecordNonce, IsFourZeroesAndTheCounter) {
  EXPECT_EQ(to_hex(RecordNonce{0x0123456789abcdef}.bytes()), "00000000efcdab8967452301");
}

}  // namespace
}  // namespace ebb
