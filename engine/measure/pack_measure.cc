// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/pack_measure.h"

#include <deque>

#include "engine/measure/made_content.h"
#include "engine/repo/pack_writer.h"

namespace ebb {

namespace {

constexpr ByteCount record = limits::default_block_size;

class Packs {
 public:
  Packs(Files& files, Loop& loop, Workers& workers, Arena& arena, Random& random)
      : files_(files), loop_(loop), workers_(workers), memory_(arena), random_(random) {}
  // The kernel and the workers hold what the writers own.
  ~Packs() {
    for (Pack& pack : packs_) {
      while (!pack.writer->quiet()) {
        const auto ran = loop_.run_once();
        EBB_CHECK(ran.has_value(), "the ring failed while a pack was being written");
      }
      if (pack.writer->published()) static_cast<void>(files_.remove(pack.name));
    }
  }
  Packs(const Packs&) = delete;
  Packs& operator=(const Packs&) = delete;

  Result<void> add_record() {
    for (;;) {
      TRY(collect());
      if (!filling_ && !TRY(open())) {
        TRY(loop_.run_once());
        continue;
      }
      PackWriter& writer = *packs_.back().writer;
      if (!writer.takes(record, 1)) {
        writer.finish();
        filling_ = false;
        continue;
      }
      const auto room = writer.reserve(record, 1);
      if (room) {
        fill(room->bytes);
        const TableEntry entry{random_.name<RecordName>(), room->at,
                               static_cast<std::uint32_t>(record.value())};
        writer.filled(*room, std::span(&entry, 1));
        return {};
      }
      TRY(loop_.run_once());
    }
  }

  Result<std::uint64_t> finish() {
    if (filling_) packs_.back().writer->finish();
    filling_ = false;
    TRY(collect());
    while (!packs_.empty()) {
      TRY(loop_.run_once());
      TRY(collect());
    }
    return published_;
  }

 private:
  struct Pack {
    std::string name;
    std::unique_ptr<PackWriter> writer;
  };

  Result<bool> open() {
    PackHeader header;
    header.pack = random_.name<PackId>();
    const std::string name = header.pack.hex();
    auto writer = TRY(PackWriter::begin(
        {files_, loop_, workers_, memory_, name + ".tmp", name + ".pack"}, header));
    if (writer == nullptr) return false;
    packs_.push_back({name + ".pack", std::move(writer)});
    filling_ = true;
    return true;
  }

  Result<void> collect() {
    for (const Pack& pack : packs_) {
      if (pack.writer->error()) return fail(*pack.writer->error());
    }
    while (!packs_.empty() && packs_.front().writer->published() &&
           packs_.front().writer->quiet()) {
      TRY(files_.remove(packs_.front().name));
      packs_.pop_front();
      ++published_;
    }
    return {};
  }

  // The buffers keep what was once in them, so only the first round through them costs the time
  // that in a backup the seal takes.
  void fill(MutableBytes room) {
    constexpr std::uint64_t all_buffers =
        PackMemory::for_one_run().buffer_size.value() * PackMemory::for_one_run().buffer_count * 2;
    if (filled_ < all_buffers) content_.fill_with_noise(room);
    filled_ += room.size();
  }

  Files& files_;
  Loop& loop_;
  Workers& workers_;
  PackMemory memory_;
  Random& random_;
  MadeContent content_{1};
  std::deque<Pack> packs_;  // Oldest first; the last one may take records.
  bool filling_ = false;
  std::uint64_t filled_ = 0;
  std::uint64_t published_ = 0;
};

}  // namespace

ByteCount pack_measure_room() {
  return (max_pack_data + pack_chunk * (max_pack_parity * pack_stripes) + max_tail_length * 2) *
         (PackMemory::for_one_run().packs_at_once + 1);
}

Result<Figure> measure_packs(const MeasureWorld& world, Files& files, Loop& loop, Workers& workers,
                             Arena& arena, Random& random) {
  Packs packs(files, loop, workers, arena, random);
  Figure figure;
  std::uint64_t records = 0;
  const Stopwatch watch(world.clock);
  do {
    TRY(unless_interrupted(world.stop));
    // A whole batch between two looks at the clock.
    for (std::uint64_t i = 0; i < limits::batch_size.value() / record.value(); ++i, ++records) {
      TRY(packs.add_record());
    }
  } while (watch.seconds() < world.seconds);
  figure.operations = TRY(packs.finish());
  watch.stop(figure);
  figure.bytes = record * records;
  return figure;
}

}  // namespace ebb
