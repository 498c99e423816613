// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/parity.h"

#include <isa-l/erasure_code.h>

#include <array>

#include "engine/stage/checksum.h"

namespace ebb {

namespace {

constexpr int data_positions = static_cast<int>(pack_chunks_in_stripe);
constexpr int chunk_bytes = static_cast<int>(pack_chunk.value());

unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
}

unsigned char coefficient(std::uint32_t row, std::uint32_t position) {
  return gf_inv(static_cast<unsigned char>((pack_chunks_in_stripe + row) ^ position));
}

// ISA-L's expanded multiplication tables for some rows of coefficients.
std::vector<unsigned char> tables_for(std::span<const std::uint32_t> rows) {
  std::vector<unsigned char> matrix;
  for (const std::uint32_t row : rows) {
    for (std::uint32_t j = 0; j < pack_chunks_in_stripe; ++j) matrix.push_back(coefficient(row, j));
  }
  std::vector<unsigned char> tables(32 * matrix.size());
  ec_init_tables(data_positions, static_cast<int>(rows.size()), matrix.data(), tables.data());
  return tables;
}

const std::vector<unsigned char>& tables_for_all_rows() {
  static const std::array<std::uint32_t, max_pack_parity> rows{0, 1};
  static const std::vector<unsigned char> tables = tables_for(rows);
  return tables;
}

}  // namespace

ParitySum::ParitySum(MutableBytes room) : room_(room) {
  EBB_CHECK(room.size() >= size_of_room().size(), "no room for parity");
  clear();
}

void ParitySum::clear() {
  std::ranges::fill(room_, std::byte{0});
}

MutableBytes ParitySum::parity(std::uint32_t row, std::uint32_t stripe) const {
  return room_.subspan(pack_chunk.size() * (row * pack_stripes + stripe), pack_chunk.size());
}

void ParitySum::add(std::uint32_t chunk, Bytes bytes) {
  EBB_CHECK(chunk < max_pack_chunks && bytes.size() == pack_chunk.size(), "not a chunk of a pack");
  std::array<unsigned char*, max_pack_parity> sums{};
  for (std::uint32_t row = 0; row < max_pack_parity; ++row) {
    sums[row] = raw(parity(row, stripe_of(chunk)));
  }
  ec_encode_data_update(
      chunk_bytes, data_positions, max_pack_parity, static_cast<int>(chunk / pack_stripes),
      const_cast<unsigned char*>(tables_for_all_rows().data()), raw(bytes), sums.data());
}

namespace {

MutableBytes chunk_in(const PackTail& tail, MutableBytes pack, std::uint32_t chunk) {
  return pack.subspan(static_cast<std::size_t>(tail.chunk_at(chunk).value()), pack_chunk.size());
}

bool chunk_is_sound(const PackTail& tail, MutableBytes pack, std::uint32_t chunk) {
  return crc64(chunk_in(tail, pack, chunk)) == tail.chunk_crcs[chunk];
}

// The number of the parity chunk of `stripe` in `row`.
std::uint32_t parity_chunk(const PackTail& tail, std::uint32_t row, std::uint32_t stripe) {
  const std::uint32_t first = stripe_of(tail.data_chunks);
  return tail.data_chunks + row * pack_stripes + (stripe + pack_stripes - first) % pack_stripes;
}

struct StripeState {
  std::vector<std::uint32_t> bad_data;    // Chunks.
  std::vector<std::uint32_t> bad_parity;  // Chunks.
  std::vector<std::uint32_t> good_rows;
};

StripeState look_at(const PackTail& tail, std::uint32_t stripe, const std::vector<bool>& bad) {
  StripeState state;
  for (std::uint32_t chunk = stripe; chunk < tail.data_chunks; chunk += pack_stripes) {
    if (bad[chunk]) state.bad_data.push_back(chunk);
  }
  for (std::uint32_t row = 0; row < tail.rows; ++row) {
    const std::uint32_t chunk = parity_chunk(tail, row, stripe);
    if (bad[chunk]) {
      state.bad_parity.push_back(chunk);
    } else {
      state.good_rows.push_back(row);
    }
  }
  return state;
}

// Adds to `sums` (one buffer a row) what the sound data chunks of the stripe contribute.
void add_sound_data(const PackTail& tail, MutableBytes pack, std::uint32_t stripe,
                    const std::vector<bool>& bad, std::span<const std::uint32_t> rows,
                    std::vector<ByteVector>& sums) {
  std::vector<unsigned char> tables = tables_for(rows);
  std::vector<unsigned char*> targets;
  for (ByteVector& sum : sums) targets.push_back(raw(sum));
  for (std::uint32_t chunk = stripe; chunk < tail.data_chunks; chunk += pack_stripes) {
    if (bad[chunk]) continue;
    ec_encode_data_update(chunk_bytes, data_positions, static_cast<int>(rows.size()),
                          static_cast<int>(chunk / pack_stripes), tables.data(),
                          raw(chunk_in(tail, pack, chunk)), targets.data());
  }
}

// Solves for the missing data chunks of a stripe from as many sound parity rows.
void solve_data(const PackTail& tail, MutableBytes pack, std::uint32_t stripe,
                const StripeState& state, const std::vector<bool>& bad) {
  const std::size_t n = state.bad_data.size();
  const std::span rows = std::span(state.good_rows).first(n);
  // Parity = missing part + sound part; addition is its own inverse.
  std::vector<ByteVector> syndromes;
  for (const std::uint32_t row : rows) {
    syndromes.push_back(copy_of(chunk_in(tail, pack, parity_chunk(tail, row, stripe))));
  }
  add_sound_data(tail, pack, stripe, bad, rows, syndromes);

  std::vector<unsigned char> matrix;
  for (const std::uint32_t row : rows) {
    for (const std::uint32_t chunk : state.bad_data) {
      matrix.push_back(coefficient(row, chunk / pack_stripes));
    }
  }
  std::vector<unsigned char> inverse(n * n);
  EBB_CHECK(gf_invert_matrix(matrix.data(), inverse.data(), static_cast<int>(n)) == 0,
            "every square part of a Cauchy matrix has an inverse");
  std::vector<unsigned char> tables(32 * n * n);
  ec_init_tables(static_cast<int>(n), static_cast<int>(n), inverse.data(), tables.data());
  std::vector<unsigned char*> from;
  std::vector<unsigned char*> to;
  for (ByteVector& syndrome : syndromes) from.push_back(raw(syndrome));
  for (const std::uint32_t chunk : state.bad_data) to.push_back(raw(chunk_in(tail, pack, chunk)));
  ec_encode_data(chunk_bytes, static_cast<int>(n), static_cast<int>(n), tables.data(), from.data(),
                 to.data());
}

void recompute_parity(const PackTail& tail, MutableBytes pack, std::uint32_t stripe,
                      std::span<const std::uint32_t> chunks) {
  for (const std::uint32_t chunk : chunks) {
    const std::array row{parity_row_of(tail, chunk)};
    std::vector<ByteVector> sum{ByteVector(pack_chunk.size())};
    add_sound_data(tail, pack, stripe, std::vector<bool>(tail.all_chunks()), row, sum);
    std::ranges::copy(sum.front(), chunk_in(tail, pack, chunk).begin());
  }
}

}  // namespace

Mended mend(const PackTail& tail, MutableBytes pack) {
  EBB_CHECK(pack.size() == tail.file_length().size(), "not the pack of this tail");
  std::vector<bool> bad(tail.all_chunks());
  for (std::uint32_t chunk = 0; chunk < tail.all_chunks(); ++chunk) {
    bad[chunk] = !chunk_is_sound(tail, pack, chunk);
  }
  Mended outcome;
  for (std::uint32_t stripe = 0; stripe < pack_stripes; ++stripe) {
    const StripeState state = look_at(tail, stripe, bad);
    if (!state.bad_data.empty() && state.bad_data.size() <= state.good_rows.size()) {
      solve_data(tail, pack, stripe, state, bad);
    }
    if (state.bad_data.size() <= state.good_rows.size()) {
      recompute_parity(tail, pack, stripe, state.bad_parity);
    }
    for (const auto& chunks : {state.bad_data, state.bad_parity}) {
      for (const std::uint32_t chunk : chunks) {
        (chunk_is_sound(tail, pack, chunk) ? outcome.mended : outcome.lost).push_back(chunk);
      }
    }
  }
  return outcome;
}

}  // namespace ebb
