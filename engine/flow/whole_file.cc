// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/whole_file.h"

#include <algorithm>
#include <array>

#include "devmap/core/limits.h"

namespace ebb {

namespace {

constexpr std::size_t piece_size = 2 * 1024 * 1024;
constexpr std::size_t pieces_at_once = 16;
constexpr std::size_t small_piece = 64 * 1024;

struct Piece : Transfer {
  enum class State { idle, under_way, settled };
  State state = State::idle;
  Result<void> result;
};

Result<void> read_small_pieces(Loop& loop, File& file, ByteIndex at, MutableBytes room) {
  for (std::size_t done = 0; done < room.size(); done += small_piece) {
    const MutableBytes part = room.subspan(done, std::min(small_piece, room.size() - done));
    const auto read = read_and_wait(loop, file, at + ByteCount(done), part);
    if (read) continue;
    if (read.error().kind() != ErrorKind::damaged) return read;
    std::ranges::fill(part, std::byte{0});
  }
  return {};
}

std::unique_ptr<std::byte, decltype(&std::free)> aligned_memory(std::size_t bytes) {
  std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(limits::io_alignment.size(), bytes)), &std::free);
  EBB_CHECK(memory != nullptr, "no memory for one pack");
  return memory;
}

}  // namespace

Result<WholeFile> read_whole(Loop& loop, File& file, ByteCount size, ByteCount room) {
  WholeFile whole;
  const std::size_t bytes = round_up(room, limits::io_alignment).size();
  whole.memory = aligned_memory(bytes);
  whole.bytes = {whole.memory.get(), room.size()};
  std::ranges::fill(whole.bytes.subspan(std::min(size, room).size()), std::byte{0});
  const MutableBytes there = whole.bytes.first(std::min(size, room).size());
  std::array<Piece, pieces_at_once> pieces;
  std::size_t next = 0;
  std::optional<Error> lost;
  const auto any = [&](Piece::State state) {
    return std::ranges::any_of(pieces, [&](const Piece& p) { return p.state == state; });
  };
  while ((next < there.size() && !lost) || any(Piece::State::under_way) ||
         any(Piece::State::settled)) {
    for (Piece& piece : pieces) {
      if (piece.state != Piece::State::idle || next >= there.size() || lost) continue;
      piece.way = Way::read;
      piece.at = ByteIndex(next);
      piece.data = there.subspan(next, std::min(piece_size, there.size() - next));
      piece.state = Piece::State::under_way;
      piece.settled = [](Transfer& transfer, Result<void> result) {
        auto& p = static_cast<Piece&>(transfer);
        p.state = Piece::State::settled;
        p.result = std::move(result);
      };
      next += piece.data.size();
      file.start(piece);
    }
    if (!any(Piece::State::settled)) {
      const auto ran = loop.run_once();
      EBB_CHECK(ran.has_value(), "the ring failed while a pack was being read");
    }
    for (Piece& piece : pieces) {
      if (piece.state != Piece::State::settled) continue;
      // Others may settle while this one is read again; they are met on the next round.
      if (!piece.result && piece.result.error().kind() != ErrorKind::damaged) {
        lost = piece.result.error();
      } else if (!piece.result) {
        whole.had_read_errors = true;
        if (auto read = read_small_pieces(loop, file, piece.at, piece.data); !read) {
          lost = read.error();
        }
      }
      piece.result = {};
      piece.state = Piece::State::idle;
    }
  }
  if (lost) return fail(*lost);
  return whole;
}

Result<bool> holds_exactly(Loop& loop, File& file, Bytes bytes) {
  if (TRY(file.size()) != ByteCount(bytes.size())) return false;
  const auto memory = aligned_memory(piece_size);
  for (std::size_t at = 0; at < bytes.size(); at += piece_size) {
    const Bytes expected = bytes.subspan(at, std::min(piece_size, bytes.size() - at));
    const MutableBytes there(memory.get(), expected.size());
    TRY(read_and_wait(loop, file, ByteIndex(at), there));
    if (!same_bytes(there, expected)) return false;
  }
  return true;
}

}  // namespace ebb
