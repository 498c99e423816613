// SPDX-License-Identifier: Apache-2.0
// stages_bench.cc - bytes a second and core of each stage, on batches of 1 MiB that come from
// memory, not from cache: the batches walk over 256 MiB.
//
// EBB_BENCH_FILE names a file whose content is used; without it half of each block is random.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "devmap/core/random.h"
#include "engine/stage/checksum.h"
#include "engine/stage/compress.h"
#include "engine/stage/fingerprint.h"
#include "engine/stage/seal.h"
#include "engine/stage/zero.h"

namespace ebb {
namespace {

constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t batch_size = 1 << 20;
constexpr std::size_t blocks_in_batch = batch_size / block_size;
constexpr std::size_t memory_size = 256 << 20;

ByteVector file_or_noise() {
  ByteVector memory(memory_size);
  if (const char* path = std::getenv("EBB_BENCH_FILE")) {
    std::FILE* file = std::fopen(path, "rb");
    const std::size_t got = file != nullptr ? std::fread(memory.data(), 1, memory.size(), file) : 0;
    if (file != nullptr) std::fclose(file);
    for (std::size_t at = got; got != 0 && at < memory.size(); ++at) memory[at] = memory[at - got];
    if (got != 0) return memory;
    std::fprintf(stderr, "%s cannot be read; using noise\n", path);
  }
  const auto random = seeded_random(1);
  for (std::size_t at = 0; at < memory.size(); at += 64) {
    random->fill(MutableBytes(memory).subspan(at, 32));
  }
  return memory;
}

// Hands out batches, one after the other, over and over.
class Batches {
 public:
  std::vector<Bytes> next() {
    static const ByteVector memory = file_or_noise();
    std::vector<Bytes> blocks;
    for (std::size_t i = 0; i < blocks_in_batch; ++i) {
      blocks.push_back(Bytes(memory).subspan(at_ + i * block_size, block_size));
    }
    at_ = (at_ + batch_size) % memory_size;
    return blocks;
  }

 private:
  std::size_t at_ = 0;
};

void count_bytes(benchmark::State& state, std::size_t bytes_an_iteration) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_an_iteration));
}

template <class Stage>
void run(benchmark::State& state, const Stage& stage) {
  Batches batches;
  (void)batches.next();
  for (auto _ : state) stage(batches.next());
  count_bytes(state, batch_size);
}

void zero(benchmark::State& state) {
  static const ByteVector zeroes(memory_size);
  std::size_t at = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < blocks_in_batch; ++i) {
      benchmark::DoNotOptimize(is_zero(Bytes(zeroes).subspan(at + i * block_size, block_size)));
    }
    at = (at + batch_size) % memory_size;
  }
  count_bytes(state, batch_size);
}

void crc(benchmark::State& state) {
  run(state, [](const std::vector<Bytes>& blocks) {
    for (const Bytes block : blocks) benchmark::DoNotOptimize(crc64(block));
  });
}

void fingerprint(benchmark::State& state, CryptoBackend backend) {
  const auto fingerprinter = make_fingerprinter(backend, IdKey());
  std::vector<Fingerprint> out(blocks_in_batch);
  run(state, [&](const std::vector<Bytes>& blocks) { fingerprinter->fingerprint(blocks, out); });
}

// A block a call, as when few blocks of a device are looked at: four leaves for all the lanes.
void fingerprint_single(benchmark::State& state, CryptoBackend backend) {
  const auto fingerprinter = make_fingerprinter(backend, IdKey());
  run(state, [&](const std::vector<Bytes>& blocks) {
    for (const Bytes block : blocks) benchmark::DoNotOptimize(fingerprinter->of(block));
  });
}

void seal(benchmark::State& state, CryptoBackend backend) {
  const auto cipher = make_record_cipher(backend, DataKey());
  ByteVector room(block_size + tag_size);
  std::uint64_t counter = 0;
  run(state, [&](const std::vector<Bytes>& blocks) {
    for (const Bytes block : blocks) {
      benchmark::DoNotOptimize(cipher->seal(block, RecordNonce{counter++}, {}, room));
    }
  });
}

void compress(benchmark::State& state, const char* how) {
  Compressor compressor(Compression::parse(how).value());
  ByteVector room(block_size);
  std::size_t packed = 0;
  std::size_t total = 0;
  run(state, [&](const std::vector<Bytes>& blocks) {
    for (const Bytes block : blocks) {
      packed += compressor.compress(block, room).value_or(block.size());
      total += block.size();
    }
  });
  state.counters["ratio"] = static_cast<double>(total) / static_cast<double>(packed);
}

void decompress(benchmark::State& state, const char* how) {
  const Compression compression = Compression::parse(how).value();
  Compressor compressor(compression);
  Decompressor decompressor;
  // Those blocks of the first 64 MiB that pack.
  std::vector<ByteVector> packed;
  Batches batches;
  ByteVector room(block_size);
  for (int i = 0; i < 64; ++i) {
    for (const Bytes block : batches.next()) {
      const auto size = compressor.compress(block, room);
      if (size) packed.push_back(copy_of(Bytes(room).first(*size)));
    }
  }
  if (packed.empty()) return state.SkipWithError("no block packs");
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decompressor.decompress(compression.codec, packed[at], room));
    at = (at + 1) % packed.size();
  }
  count_bytes(state, block_size);
}

// Once over all of it, so that ratios can be compared.
constexpr benchmark::IterationCount batches_in_memory = memory_size / batch_size;

BENCHMARK(zero);
BENCHMARK(crc);
BENCHMARK_CAPTURE(compress, lz4, "lz4")->Iterations(batches_in_memory);
BENCHMARK_CAPTURE(compress, lz4_fast, "lz4:-8")->Iterations(batches_in_memory);
BENCHMARK_CAPTURE(compress, zstd, "zstd")->Iterations(batches_in_memory);
BENCHMARK_CAPTURE(compress, zstd_3, "zstd:3")->Iterations(batches_in_memory);
BENCHMARK_CAPTURE(decompress, lz4, "lz4");
BENCHMARK_CAPTURE(decompress, zstd, "zstd");

// One of each for every backend that runs here.
const bool backends_registered = [] {
  for (const CryptoBackend backend : usable_backends()) {
    const std::string name(name_of(backend));
    benchmark::RegisterBenchmark(("fingerprint/" + name).c_str(), fingerprint, backend);
    benchmark::RegisterBenchmark(("fingerprint_single/" + name).c_str(), fingerprint_single,
                                 backend);
    benchmark::RegisterBenchmark(("seal/" + name).c_str(), seal, backend);
  }
  return true;
}();

}  // namespace
}  // namespace ebb
