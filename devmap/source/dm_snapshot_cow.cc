// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/dm_snapshot_cow.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

namespace ebb {

namespace {

constexpr std::uint64_t sector = 512;
// The kernel's own bound: chunks of less than 2 GiB.
constexpr std::uint32_t max_chunk_sectors = 0x7fffffffu >> 9;
// Entries of an area that are fetched at once: 64 KiB, however large a chunk is.
constexpr std::uint64_t most_fetched = 4096;

}  // namespace

Result<CowHeader> CowHeader::unpack(Bytes bytes) {
  CowHeaderOnDisk disk;
  if (bytes.size() < sizeof disk) {
    return fail(Error::damaged("{} bytes are too few for a snapshot's store", bytes.size()));
  }
  std::memcpy(&disk, bytes.data(), sizeof disk);
  if (disk.magic.value() != cow_magic) {
    return fail(Error::damaged("no store of a snapshot begins here"));
  }
  // Other versions may lay out all that follows in another way.
  if (disk.version.value() != cow_version) {
    return fail(Error::invalid("a snapshot's store of version {}; this ebb knows version {}",
                               disk.version.value(), cow_version));
  }
  if (disk.valid.value() == 0) {
    return fail(Error::lost("the snapshot overflowed or failed; its table says nothing any more"));
  }
  if (disk.valid.value() != 1) {
    return fail(
        Error::damaged("the store says {} where it says whether it is valid", disk.valid.value()));
  }
  const std::uint32_t sectors = disk.chunk_sectors.value();
  if (!std::has_single_bit(sectors) || sectors > max_chunk_sectors) {
    return fail(Error::damaged("chunks of {} sectors are not possible", sectors));
  }
  return CowHeader{ByteCount(sectors * sector)};
}

DmSnapshotCow::DmSnapshotCow(ByteSource& cow, ByteCount origin, CowHeader header)
    : cow_(&cow),
      origin_(origin),
      header_(header),
      origin_chunks_(round_up(origin, header.chunk).value() / header.chunk.value()),
      cow_chunks_(cow.size().value() / header.chunk.value()),
      entries_in_area_(header.chunk.value() / sizeof(CowEntryOnDisk)) {}

Result<DmSnapshotCow> DmSnapshotCow::open(ByteSource& cow, ByteCount origin) {
  std::array<std::byte, sector> first{};
  TRY(during(cow.read(ByteIndex(0), first), "reading the header of a snapshot's store"));
  const CowHeader header = TRY(CowHeader::unpack(first));
  DmSnapshotCow table(cow, origin, header);
  if (table.cow_chunks_ < 2) {
    return fail(Error::damaged("chunks of {} bytes leave no room for a table in {} bytes",
                               header.chunk.value(), cow.size().value()));
  }
  return table;
}

Result<void> DmSnapshotCow::fetch() {
  const std::uint64_t area = taken_ / entries_in_area_;
  const std::uint64_t in_area = taken_ % entries_in_area_;
  // The header's chunk, and for each area before this one its entries and its data.
  const std::uint64_t chunk = 1 + (entries_in_area_ + 1) * area;
  if (chunk >= cow_chunks_) {
    return fail(
        Error::damaged("the snapshot's table has no end: area {} would begin past it", area));
  }
  const ByteIndex at(chunk * header_.chunk.value() + in_area * sizeof(CowEntryOnDisk));
  in_fetched_ = 0;
  fetched_.resize(std::min(entries_in_area_ - in_area, most_fetched));
  const auto read = cow_->read(at, std::as_writable_bytes(std::span(fetched_)));
  // What did not come must not look like the end of the table when somebody asks again.
  if (!read) fetched_.clear();
  return during(read, "reading area {} of the snapshot's table", area);
}

Result<std::optional<std::uint64_t>> DmSnapshotCow::next_chunk() {
  if (waiting_) return std::exchange(waiting_, std::nullopt);
  if (ended_) return std::nullopt;
  if (in_fetched_ == fetched_.size()) TRY(fetch());
  const CowEntryOnDisk entry = fetched_[in_fetched_];
  const std::uint64_t saved = entry.saved_chunk.value();
  if (saved == 0) {
    ended_ = true;
    return std::nullopt;
  }
  const std::uint64_t chunk = entry.origin_chunk.value();
  if (chunk >= origin_chunks_) {
    return fail(Error::damaged("entry {} of the snapshot's table is of chunk {}, the origin has {}",
                               taken_, chunk, origin_chunks_));
  }
  const bool off_store = saved >= cow_chunks_;
  if (off_store || (saved - 1) % (entries_in_area_ + 1) == 0) {
    return fail(Error::damaged("entry {} of the snapshot's table was saved to chunk {}, {}", taken_,
                               saved, off_store ? "past the store's end" : "which holds entries"));
  }
  // Each chunk is saved once, so this many fill the table of any origin.
  if (taken_ >= origin_chunks_) {
    return fail(Error::damaged(
        "the snapshot's table has more entries than the origin has chunks, {}", origin_chunks_));
  }
  ++in_fetched_;
  ++taken_;
  return chunk;
}

Result<std::optional<ByteRun>> DmSnapshotCow::next() {
  const auto first = TRY(next_chunk());
  if (!first) return std::nullopt;
  std::uint64_t end = *first + 1;
  while (const auto chunk = TRY(next_chunk())) {
    if (*chunk != end) {
      waiting_ = chunk;
      break;
    }
    ++end;
  }
  const auto place = [this](std::uint64_t chunk) {
    return ByteIndex(std::min(chunk * header_.chunk.value(), origin_.value()));
  };
  return ByteRun{place(*first), place(end)};
}

}  // namespace ebb
