// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/stage_measure.h"

#include <atomic>
#include <thread>

#include "engine/repo/parity.h"
#include "engine/stage/checksum.h"
#include "engine/stage/fingerprint.h"
#include "engine/stage/seal.h"
#include "engine/stage/zero.h"

namespace ebb {

namespace {

constexpr std::size_t blocks_in_batch =
    (limits::batch_size.value() / limits::default_block_size.value());
constexpr Compression lz4{Codec::lz4, 1};
constexpr Compression zstd{Codec::zstd, 1};
constexpr Compression zstd_3{Codec::zstd, 3};

// What a stage is fed: the sample's blocks, or what another stage made of them.
struct Input {
  ByteVector memory;
  std::vector<Bytes> blocks;
  std::vector<std::uint64_t> counters;  // Of sealed blocks.
};

Input sealed_of(const Sample& sample, const RecordCipher& cipher) {
  Input input;
  const std::size_t sealed = limits::default_block_size.size() + tag_size;
  input.memory.resize(sample.blocks.size() * sealed);
  for (std::size_t i = 0; i < sample.blocks.size(); ++i) {
    const MutableBytes room = MutableBytes(input.memory).subspan(i * sealed, sealed);
    const auto done = cipher.seal(sample.blocks[i], RecordNonce{i}, {}, room);
    EBB_CHECK(done.has_value(), "the room has a tag's length more than the block");
    input.blocks.push_back(room);
    input.counters.push_back(i);
  }
  return input;
}

Input packed_of(const Sample& sample, const Compression& compression) {
  Input input;
  input.memory.resize(sample.memory.size());
  Compressor compressor(compression);
  std::size_t at = 0;
  for (const Bytes block : sample.blocks) {
    const MutableBytes room = MutableBytes(input.memory).subspan(at, block.size());
    const auto size = compressor.compress(block, room);
    if (!size) continue;
    input.blocks.push_back(room.first(*size));
    at += *size;
  }
  return input;
}

// The test of a block that is not zero ends at its first bytes; of one that is, at its last.
Input zeroes_as(const Sample& sample) {
  Input input;
  input.memory.resize(sample.memory.size());
  for (std::size_t i = 0; i < sample.blocks.size(); ++i) {
    constexpr std::size_t block = limits::default_block_size.size();
    input.blocks.push_back(Bytes(input.memory).subspan(i * block, block));
  }
  return input;
}

Input input_of(const StageChoice& choice, const Sample& sample, const RecordCipher* cipher) {
  if (choice.stage == Stage::zero_test) return zeroes_as(sample);
  if (choice.stage == Stage::open) return sealed_of(sample, *cipher);
  if (choice.stage == Stage::decompress) return packed_of(sample, choice.compression);
  Input input;
  input.blocks = sample.blocks;
  return input;
}

// One thread's state of every stage; what it makes is thrown away.
class StageWorker {
 public:
  StageWorker(const StageChoice& choice, const Input& input, const RecordCipher* cipher,
              std::uint64_t number)
      : choice_(choice),
        input_(input),
        cipher_(cipher),
        compressor_(choice.compression),
        room_(limits::default_block_size.size() + tag_size),
        prints_(blocks_in_batch),
        counter_(number << 48) {
    if (choice.stage == Stage::fingerprint) {
      fingerprinter_ = make_fingerprinter(choice.backend, IdKey());
    }
    if (choice.stage == Stage::parity) {
      parity_room_.resize(ParitySum::size_of_room().size());
      parity_ = std::make_unique<ParitySum>(parity_room_);
    }
  }

  void run(std::size_t first, std::size_t count) {
    const std::span<const Bytes> blocks = std::span(input_.blocks).subspan(first, count);
    if (choice_.stage == Stage::fingerprint) {
      fingerprinter_->fingerprint(blocks, std::span(prints_).first(count));
      kept_ ^= static_cast<std::uint64_t>(prints_[0].bytes[0]);
    } else {
      for (std::size_t i = 0; i < count; ++i) one(blocks[i], first + i);
    }
    done_ += count;
  }
  std::uint64_t done() const { return done_; }
  std::uint64_t packed() const { return packed_; }
  // Depends on all that was made, so that no compiler leaves it out.
  std::uint64_t kept() const { return kept_; }

 private:
  void one(Bytes block, std::size_t index) {
    switch (choice_.stage) {
      case Stage::zero_test: kept_ += is_zero(block) ? 1 : 0; break;
      case Stage::fingerprint: break;
      case Stage::seal: {
        const auto room = MutableBytes(room_).first(block.size() + tag_size);
        kept_ += cipher_->seal(block, RecordNonce{counter_++}, {}, room) ? 1 : 0;
        break;
      }
      case Stage::open: {
        const auto room = MutableBytes(room_).first(block.size() - tag_size);
        const RecordNonce nonce{input_.counters[index]};
        const auto opened = cipher_->open(block, nonce, {}, room);
        EBB_CHECK(opened.has_value(), "what was sealed opens");
        break;
      }
      case Stage::compress:
        packed_ += compressor_.compress(block, room_).value_or(block.size());
        break;
      case Stage::decompress: {
        const auto room = MutableBytes(room_).first(limits::default_block_size.size());
        const auto opened = decompressor_.decompress(choice_.compression.codec, block, room);
        EBB_CHECK(opened.has_value(), "what was packed unpacks");
        break;
      }
      case Stage::checksum: kept_ ^= crc64(block); break;
      case Stage::parity: add_parity(block); break;
    }
  }

  void add_parity(Bytes block) {
    for (std::size_t at = 0; at < block.size(); at += pack_chunk.size(), ++chunk_) {
      parity_->add(chunk_ % max_pack_chunks, block.subspan(at, pack_chunk.size()));
    }
  }

  const StageChoice& choice_;
  const Input& input_;
  const RecordCipher* cipher_;
  std::unique_ptr<Fingerprinter> fingerprinter_;
  Compressor compressor_;
  Decompressor decompressor_;
  ByteVector room_;
  std::vector<Fingerprint> prints_;
  ByteVector parity_room_;
  std::unique_ptr<ParitySum> parity_;
  std::uint64_t counter_;
  std::uint32_t chunk_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t packed_ = 0;
  std::uint64_t kept_ = 0;
};

// Walks over the input until it is told to stop, from its own share of it on.
class Walk {
 public:
  Walk(std::size_t blocks, unsigned walker, unsigned walkers)
      : blocks_(blocks), at_(blocks * walker / walkers) {}
  void step(StageWorker& worker) {
    const std::size_t count = std::min(blocks_in_batch, blocks_ - at_);
    worker.run(at_, count);
    at_ = at_ + count == blocks_ ? 0 : at_ + count;
  }

 private:
  std::size_t blocks_;
  std::size_t at_;
};

}  // namespace

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::zero_test: return "zero test";
    case Stage::fingerprint: return "fingerprint";
    case Stage::seal: return "seal";
    case Stage::open: return "open";
    case Stage::compress: return "compress";
    case Stage::decompress: return "decompress";
    case Stage::checksum: return "CRC-64";
    case Stage::parity: return "parity";
  }
  return "unknown";
}

std::string StageChoice::variant() const {
  switch (stage) {
    case Stage::fingerprint:
    case Stage::seal:
    case Stage::open: return std::string(name_of(backend));
    case Stage::compress:
    case Stage::decompress: return compression.text();
    default: return "";
  }
}

std::vector<StageChoice> all_stages() {
  std::vector<StageChoice> all{{Stage::zero_test, {}, {}}};
  for (const Stage stage : {Stage::fingerprint, Stage::seal, Stage::open}) {
    for (const CryptoBackend backend : usable_backends()) all.push_back({stage, backend, {}});
  }
  for (const Compression& how : {lz4, zstd, zstd_3}) all.push_back({Stage::compress, {}, how});
  for (const Compression& how : {lz4, zstd}) all.push_back({Stage::decompress, {}, how});
  all.push_back({Stage::checksum, {}, {}});
  all.push_back({Stage::parity, {}, {}});
  return all;
}

Result<StageFigure> measure_stage(const MeasureWorld& world, const StageChoice& choice,
                                  const Sample& sample, unsigned threads) {
  EBB_CHECK(threads > 0, "somebody must do the work");
  TRY(unless_interrupted(world.stop));
  const auto cipher = make_record_cipher(choice.backend, DataKey());
  const Input input = input_of(choice, sample, cipher.get());
  if (input.blocks.empty()) {
    return fail(Error::absent("no block of the sample can be packed by {}", choice.variant()));
  }
  std::vector<std::unique_ptr<StageWorker>> workers;
  for (unsigned i = 0; i < threads; ++i) {
    workers.push_back(std::make_unique<StageWorker>(choice, input, cipher.get(), i));
  }
  // A ratio is of the whole sample, or it would be one of the moment.
  const bool counts_ratio = choice.stage == Stage::compress && threads == 1;
  const std::uint64_t least = counts_ratio ? input.blocks.size() : 1;

  std::atomic<bool> ended{false};
  std::vector<std::thread> others;
  const Stopwatch watch(world.clock);
  for (unsigned i = 1; i < threads; ++i) {
    others.emplace_back([&, i] {
      Walk walk(input.blocks.size(), i, threads);
      while (!ended.load(std::memory_order_relaxed)) walk.step(*workers[i]);
    });
  }
  Walk walk(input.blocks.size(), 0, threads);
  do walk.step(*workers[0]);
  while ((workers[0]->done() < least || watch.seconds() < world.seconds) && !world.stop.raised());
  ended = true;
  for (std::thread& other : others) other.join();

  StageFigure result{choice, threads, {}, 0};
  watch.stop(result.figure);
  TRY(unless_interrupted(world.stop));
  std::uint64_t kept = 0;
  for (const auto& worker : workers) {
    result.figure.operations += worker->done();
    kept += worker->kept();
  }
  asm volatile("" : : "r"(kept));
  result.figure.bytes = limits::default_block_size * result.figure.operations;
  if (counts_ratio) {
    result.ratio = static_cast<double>(result.figure.bytes.value()) /
                   static_cast<double>(std::max<std::uint64_t>(1, workers[0]->packed()));
  }
  return result;
}

}  // namespace ebb
