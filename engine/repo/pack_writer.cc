// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/pack_writer.h"

#include <algorithm>

#include "engine/stage/checksum.h"

namespace ebb {

// A buffer takes the largest room, the table of a pack with as many records as there may be, and
// the carry of the buffer before it.
static_assert(PackMemory::for_runs(1).buffer_size >=
              limits::batch_size + ByteCount(limits::max_blocks_in_batch * 128) +
                  ByteCount(max_records_in_pack * sizeof(TableEntryOnDisk)) + pack_chunk * 2);

PackMemory::PackMemory(Arena& arena, const Shape& shape)
    : buffers_(shape.buffer_count), endings_(shape.packs_at_once) {
  for (PackBuffer& buffer : buffers_) {
    buffer.memory = arena.take(shape.buffer_size);
    free_buffers_.push_back(&buffer);
  }
  for (Ending& ending : endings_) {
    ending.parity = arena.take(ParitySum::size_of_room());
    ending.tail = arena.take(max_tail_length);
    free_endings_.push_back(&ending);
  }
}

PackBuffer* PackMemory::take_buffer() {
  if (free_buffers_.empty()) return nullptr;
  PackBuffer* buffer = free_buffers_.back();
  free_buffers_.pop_back();
  return buffer;
}

void PackMemory::give_back(PackBuffer& buffer) {
  free_buffers_.push_back(&buffer);
}

PackMemory::Ending* PackMemory::take_ending() {
  if (free_endings_.empty()) return nullptr;
  Ending* ending = free_endings_.back();
  free_endings_.pop_back();
  return ending;
}

void PackMemory::give_back(Ending& ending) {
  free_endings_.push_back(&ending);
}

Result<std::unique_ptr<PackWriter>> PackWriter::begin(Place place, const PackHeader& header) {
  PackMemory::Ending* ending = place.memory.take_ending();
  if (ending == nullptr) return nullptr;
  auto file = place.files.create(place.temporary_name);
  if (!file) {
    place.memory.give_back(*ending);
    return fail(file.error());
  }
  return std::unique_ptr<PackWriter>(
      new PackWriter(std::move(place), header, std::move(*file), *ending));
}

PackWriter::PackWriter(Place place, const PackHeader& header, std::unique_ptr<File> file,
                       PackMemory::Ending& ending)
    : place_(std::move(place)),
      header_(header),
      file_(std::move(file)),
      ending_(&ending),
      parity_(ending.parity) {}

PackWriter::~PackWriter() {
  EBB_CHECK(quiet(), "a pack writer dies while its writes are under way");
  for (PackBuffer* buffer : buffers_) place_.memory.give_back(*buffer);
  place_.memory.give_back(*ending_);
  file_.reset();
  // A leftover of a pack that was not published; when this fails the next writer clears it.
  if (state_ != State::published) static_cast<void>(place_.files.remove(place_.temporary_name));
}

bool PackWriter::takes(ByteCount bytes, std::uint64_t records) const {
  const PackBuffer* last = buffers_.empty() ? nullptr : buffers_.back();
  const std::uint64_t end =
      last == nullptr ? sizeof(PackHeaderOnDisk) : last->at.value() + last->used;
  const std::uint64_t all_records = records_reserved_ + records;
  const std::uint64_t needed = end + bytes.value() + all_records * sizeof(TableEntryOnDisk);
  return state_ == State::filling && all_records <= max_records_in_pack &&
         needed <= max_pack_data.value();
}

PackBuffer* PackWriter::open_buffer() {
  PackBuffer* buffer = place_.memory.take_buffer();
  if (buffer == nullptr) return nullptr;
  buffer->writer = this;
  buffer->unfilled = 0;
  buffer->closed = false;
  buffer->under_way = 0;
  buffer->whole = 0;
  if (buffers_.empty()) {
    const PackHeaderOnDisk header = to_disk(header_);
    std::memcpy(buffer->memory.data(), &header, sizeof header);
    buffer->at = ByteIndex(0);
    buffer->used = sizeof header;
  } else {
    PackBuffer& before = *buffers_.back();
    before.closed = true;
    before.whole = round_down(before.used, pack_chunk.value());
    buffer->at = before.at + ByteCount(before.whole);
    buffer->used = before.used - before.whole;  // The carry: copied when `before` is filled.
    buffer->unfilled = 1;
  }
  buffers_.push_back(buffer);
  return buffer;
}

std::optional<PackRoom> PackWriter::reserve(ByteCount bytes, std::uint64_t records) {
  EBB_CHECK(state_ == State::filling || state_ == State::failed, "a finished pack takes no more");
  PackBuffer* buffer = buffers_.empty() ? open_buffer() : buffers_.back();
  if (buffer == nullptr) return std::nullopt;
  // The table goes into the last buffer, so every buffer keeps room for it.
  const std::size_t table = (records_reserved_ + records) * sizeof(TableEntryOnDisk);
  const std::size_t needed = bytes.size() + table + pack_chunk.size();
  EBB_CHECK(needed + pack_chunk.size() <= buffer->memory.size(), "no buffer is as large");
  if (buffer->used + needed > buffer->memory.size()) {
    buffer = open_buffer();
    if (buffer == nullptr) return std::nullopt;
    go_on();
  }
  PackRoom room{buffer->memory.subspan(buffer->used, bytes.size()),
                static_cast<std::uint32_t>(buffer->at.value() + buffer->used), buffer};
  buffer->used += bytes.size();
  ++buffer->unfilled;
  records_reserved_ += records;
  return room;
}

void PackWriter::filled(const PackRoom& room, std::span<const TableEntry> entries) {
  table_.insert(table_.end(), entries.begin(), entries.end());
  --room.buffer->unfilled;
  go_on();
}

void PackWriter::finish() {
  if (state_ != State::filling) return;
  state_ = State::finishing;
  if (!buffers_.empty()) buffers_.back()->closed = true;
  go_on();
}

// Sends the buffers that are complete, in order, and ends the pack after the last one.
void PackWriter::go_on() {
  if (state_ != State::filling && state_ != State::finishing) return;
  for (std::size_t i = 0; i < buffers_.size() && !protecting_; ++i) {
    PackBuffer& buffer = *buffers_[i];
    if (buffer.under_way > 0) continue;
    if (!buffer.closed || buffer.unfilled > 0) return;
    const bool last = i + 1 == buffers_.size();
    if (last) {
      put_table(buffer);
    } else {
      PackBuffer& next = *buffers_[i + 1];
      std::copy_n(buffer.memory.begin() + static_cast<std::ptrdiff_t>(buffer.whole),
                  buffer.used - buffer.whole, next.memory.begin());
      --next.unfilled;
    }
    send(buffer);
  }
  if (state_ == State::finishing && buffers_.empty()) end();
}

void PackWriter::put_table(PackBuffer& last) {
  std::ranges::sort(table_, {}, &TableEntry::at);
  ByteVector table;
  table.reserve(table_.size() * sizeof(TableEntryOnDisk));
  for (const TableEntry& entry : table_) {
    append(table, bytes_of_struct(TableEntryOnDisk{entry.name.bytes, Le32(entry.at),
                                                   Le32(entry.stored_length)}));
  }
  tail_.use = header_.use;
  tail_.pack = header_.pack;
  tail_.table_at = static_cast<std::uint32_t>(last.at.value() + last.used);
  tail_.record_count = static_cast<std::uint32_t>(table_.size());
  tail_.table_crc = crc64(table);
  std::memcpy(last.memory.data() + last.used, table.data(), table.size());
  last.used += table.size();
  last.whole = round_up(last.used, pack_chunk.value());
  std::fill(last.memory.begin() + static_cast<std::ptrdiff_t>(last.used),
            last.memory.begin() + static_cast<std::ptrdiff_t>(last.whole), std::byte{0});
  tail_.data_chunks =
      static_cast<std::uint32_t>((last.at.value() + last.whole) / pack_chunk.value());
  tail_.rows = parity_rows(tail_.data_chunks);
}

void PackWriter::send(PackBuffer& buffer) {
  buffer.under_way = 2;
  under_way_ += 2;
  protecting_ = true;
  buffer.protect.buffer = &buffer;
  buffer.protect.work = &PackWriter::protect;
  buffer.protect.stage = Job::stages - 1;  // Somebody waits for the buffer.
  buffer.protect.done = [](Job& job) {
    PackBuffer& b = *static_cast<PackBuffer::Protect&>(job).buffer;
    b.writer->protecting_ = false;
    b.writer->buffer_part_done(b);
  };
  place_.workers.submit(buffer.protect);

  buffer.write.buffer = &buffer;
  buffer.write.way = Way::write;
  buffer.write.at = buffer.at;
  buffer.write.data = buffer.memory.first(buffer.whole);
  buffer.write.settled = [](Transfer& transfer, Result<void> result) {
    PackBuffer& b = *static_cast<PackBuffer::Write&>(transfer).buffer;
    if (!result) b.writer->fail_with(std::move(result.error()));
    b.writer->buffer_part_done(b);
  };
  file_->start(buffer.write);
}

void PackWriter::protect(Job& job, unsigned) {
  const PackBuffer& buffer = *static_cast<PackBuffer::Protect&>(job).buffer;
  PackWriter& writer = *buffer.writer;
  const std::uint64_t first = buffer.at.value() / pack_chunk.value();
  for (std::size_t i = 0; i * pack_chunk.size() < buffer.whole; ++i) {
    const Bytes chunk = buffer.memory.subspan(i * pack_chunk.size(), pack_chunk.size());
    writer.data_crcs_.push_back(crc64(chunk));
    writer.parity_.add(static_cast<std::uint32_t>(first + i), chunk);
  }
}

void PackWriter::buffer_part_done(PackBuffer& buffer) {
  --under_way_;
  if (--buffer.under_way == 0) {
    bytes_on_disk_ += ByteCount(buffer.whole);
    std::erase(buffers_, &buffer);
    place_.memory.give_back(buffer);
  }
  go_on();
}

void PackWriter::write_at(ByteIndex at, MutableBytes bytes) {
  EndWrite& write = end_writes_.at(end_writes_used_++);
  write.writer = this;
  write.way = Way::write;
  write.at = at;
  write.data = bytes;
  write.settled = [](Transfer& transfer, Result<void> result) {
    PackWriter& writer = *static_cast<EndWrite&>(transfer).writer;
    if (!result) writer.fail_with(std::move(result.error()));
    if (--writer.under_way_ == 0) writer.sync();
  };
  ++under_way_;
  bytes_on_disk_ += ByteCount(bytes.size());
  file_->start(write);
}

// All data is on its way or written; tails and parity follow.
void PackWriter::end() {
  state_ = State::ending;
  tail_.chunk_crcs = std::move(data_crcs_);
  for (std::uint32_t n = 0; n < tail_.parity_chunks(); ++n) {
    const std::uint32_t chunk = tail_.data_chunks + n;
    tail_.chunk_crcs.push_back(
        crc64(parity_.parity(parity_row_of(tail_, chunk), stripe_of(chunk))));
  }
  const ByteVector tail = to_disk(tail_);
  std::memcpy(ending_->tail.data(), tail.data(), tail.size());
  const MutableBytes tail_bytes = ending_->tail.first(tail.size());
  write_at(tail_.first_tail_at(), tail_bytes);
  write_at(tail_.second_tail_at(), tail_bytes);

  // A row lies in memory by stripe, on disk from the stripe after the last data chunk on; stripes
  // without data have no parity to write, their place stays a hole.
  const std::uint32_t turn = stripe_of(tail_.data_chunks);
  const std::uint32_t used = std::min(tail_.data_chunks, pack_stripes);
  for (std::uint32_t row = 0; row < tail_.rows; ++row) {
    const auto write_stripes = [&](std::uint32_t begin, std::uint32_t end) {
      if (begin >= end) return;
      const std::uint32_t n = row * pack_stripes + (begin + pack_stripes - turn) % pack_stripes;
      const Bytes first = parity_.parity(row, begin);
      write_at(
          tail_.chunk_at(tail_.data_chunks + n),
          MutableBytes(const_cast<std::byte*>(first.data()), (end - begin) * pack_chunk.size()));
    };
    if (tail_.data_chunks < pack_stripes) {
      write_stripes(0, used);
    } else {
      write_stripes(turn, pack_stripes);
      write_stripes(0, turn);
    }
  }
}

void PackWriter::sync() {
  if (state_ != State::ending) return;
  state_ = State::syncing;
  sync_.writer = this;
  sync_.way = Way::sync_data;
  sync_.settled = [](Transfer& transfer, Result<void> result) {
    PackWriter& writer = *static_cast<EndWrite&>(transfer).writer;
    --writer.under_way_;
    if (!result) return writer.fail_with(std::move(result.error()));
    writer.publish();
  };
  ++under_way_;
  file_->start(sync_);
}

void PackWriter::publish() {
  if (auto renamed = place_.files.rename(place_.temporary_name, place_.final_name); !renamed) {
    return fail_with(std::move(renamed.error()));
  }
  state_ = State::published;
}

void PackWriter::fail_with(Error error) {
  state_ = State::failed;
  if (!error_) error_ = error.during("writing pack {}", header_.pack.hex());
}

}  // namespace ebb
