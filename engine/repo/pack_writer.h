// SPDX-License-Identifier: Apache-2.0
// pack_writer.h - streams records into one pack file and publishes it.
//
// Records are sealed straight into the buffers that are written: reserve() hands out a room in the
// order of the pack, any thread fills it, filled() says so. Full buffers are checksummed and summed
// into parity by a worker while the kernel writes them. After finish() the writer goes on by
// itself: table, tails, parity, sync, rename. Then it is published; until then no reader can see
// it. It does not know what a record means, nor the index.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "engine/buffer/arena.h"
#include "engine/file/files.h"
#include "engine/repo/pack_format.h"
#include "engine/repo/parity.h"

namespace ebb {

class PackWriter;

// One piece of memory on its way into a pack.
struct PackBuffer {
  MutableBytes memory;

  // By the writer that holds it, on the I/O thread:
  PackWriter* writer = nullptr;
  ByteIndex at;            // Of memory[0] in the file.
  std::size_t used = 0;    // Reserved so far, from the start.
  unsigned unfilled = 0;   // Rooms handed out and not yet filled.
  bool closed = false;     // No more rooms.
  unsigned under_way = 0;  // Job and write that still use the memory.
  std::size_t whole = 0;   // Bytes that are written: whole chunks.

  struct Write : Transfer {
    PackBuffer* buffer = nullptr;
  } write;
  struct Protect : Job {
    PackBuffer* buffer = nullptr;
  } protect;
};

// How much, of what writers share.
struct PackMemoryShape {
  ByteCount buffer_size = 4_MiB;
  unsigned buffer_count = 8;
  unsigned packs_at_once = 2;
  constexpr ByteCount total() const {
    return buffer_size * buffer_count + (ParitySum::size_of_room() + 1_MiB) * packs_at_once;
  }
};

// What writers share: buffers and room for parity, cut from the run's arena.
class PackMemory {
 public:
  // For one run after the other.
  using Shape = PackMemoryShape;
  static constexpr Shape for_one_run() { return {}; }
  // For so many runs at once: each can hold a pack and a buffer, so that none keeps another from
  // going on, and a few more are on their way to disk.
  static constexpr Shape for_runs(unsigned runs) { return {2560_KiB, runs + 8, runs + 2}; }
  static constexpr ByteCount total() { return for_one_run().total(); }

  explicit PackMemory(Arena& arena, const Shape& shape = for_one_run());
  PackMemory(const PackMemory&) = delete;
  PackMemory& operator=(const PackMemory&) = delete;

  PackBuffer* take_buffer();
  void give_back(PackBuffer& buffer);
  // Parity sums and tail of one pack.
  struct Ending {
    MutableBytes parity;
    MutableBytes tail;
  };
  Ending* take_ending();
  void give_back(Ending& ending);

 private:
  std::deque<PackBuffer> buffers_;
  std::deque<Ending> endings_;
  std::vector<PackBuffer*> free_buffers_;
  std::vector<Ending*> free_endings_;
};

// Where one reservation lies. Filled by whoever holds it.
struct PackRoom {
  MutableBytes bytes;
  std::uint32_t at = 0;  // In the pack.
  PackBuffer* buffer = nullptr;
};

class PackWriter {
 public:
  struct Place {
    Files& files;
    Loop& loop;
    Workers& workers;
    PackMemory& memory;
    std::string temporary_name;
    std::string final_name;
  };
  // Null when there is no memory for another pack now: wait until something settles.
  static Result<std::unique_ptr<PackWriter>> begin(Place place, const PackHeader& header);
  ~PackWriter();
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;

  // Whether the pack's bounds allow so many more bytes and records.
  bool takes(ByteCount bytes, std::uint64_t records) const;
  // The next `bytes` of the pack; takes() said yes. Nothing when no buffer is free now.
  std::optional<PackRoom> reserve(ByteCount bytes, std::uint64_t records);
  // The room's bytes are in place; `entries` are the records in it.
  void filled(const PackRoom& room, std::span<const TableEntry> entries);
  void finish();

  bool published() const { return state_ == State::published; }
  const std::optional<Error>& error() const { return error_; }
  // Nothing of this writer is under way: it may be destroyed.
  bool quiet() const { return under_way_ == 0; }

  const PackHeader& header() const { return header_; }
  std::vector<TableEntry>& table() { return table_; }
  ByteCount bytes_on_disk() const { return bytes_on_disk_; }
  // Of the whole file, holes in its parity included; once it is published.
  ByteCount length_on_disk() const { return tail_.file_length(); }

 private:
  enum class State { filling, finishing, ending, syncing, published, failed };
  struct EndWrite : Transfer {
    PackWriter* writer = nullptr;
  };

  PackWriter(Place place, const PackHeader& header, std::unique_ptr<File> file,
             PackMemory::Ending& ending);
  PackBuffer* open_buffer();
  void go_on();
  void put_table(PackBuffer& last);
  void send(PackBuffer& buffer);
  void buffer_part_done(PackBuffer& buffer);
  void end();
  void write_at(ByteIndex at, MutableBytes bytes);
  void sync();
  void publish();
  void fail_with(Error error);
  static void protect(Job& job, unsigned worker);

  Place place_;
  PackHeader header_;
  std::unique_ptr<File> file_;
  PackMemory::Ending* ending_;
  ParitySum parity_;
  State state_ = State::filling;
  std::optional<Error> error_;
  std::deque<PackBuffer*> buffers_;  // In file order; the last one is being filled.
  bool protecting_ = false;          // One buffer at a time sums into the parity.
  unsigned under_way_ = 0;
  std::uint64_t records_reserved_ = 0;
  std::vector<TableEntry> table_;
  PackTail tail_;
  std::vector<std::uint64_t> data_crcs_;  // By the worker that protects.
  std::array<EndWrite, 8> end_writes_;
  unsigned end_writes_used_ = 0;
  EndWrite sync_;
  ByteCount bytes_on_disk_;
};

}  // namespace ebb
