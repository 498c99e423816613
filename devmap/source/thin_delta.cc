// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/thin_delta.h"

#include "devmap/block_graph.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

// The kernel's bounds: 64 KiB to 1 GiB, a multiple of 64 KiB.
constexpr std::uint64_t block_granule = 128;
constexpr std::uint64_t max_block_sectors = 2ull << 20;
// The kernel's MAX_DEV_ID.
constexpr std::uint64_t max_thin_id = (1ull << 24) - 1;

// What is read of the program's output at once.
constexpr std::size_t piece_size = 64u << 10;

struct PoolPlace {
  std::string metadata;  // The node of its metadata device.
  ByteCount block;
};

Result<PoolPlace> place_of(const MapperDevice& table) {
  const MapperTarget target = TRY(table.only("thin-pool"));
  // "253:0 253:1 128 0 ...": metadata device, data device, sectors of a block.
  const auto number = target.words.empty() ? std::nullopt : device_number(target.words[0]);
  const auto sectors = target.words.size() < 3 ? std::nullopt : number_in(target.words[2]);
  if (!number || !sectors || *sectors == 0 || *sectors % block_granule != 0 ||
      *sectors > max_block_sectors) {
    return fail(Error::damaged("the table of the thin pool {} is not understood", table.name));
  }
  const BlockGraph graph{SystemRoots{}};
  const auto name = graph.name_of(*number);
  if (!name) return fail(Error::lost("the metadata device of {} is not there", table.name));
  return PoolPlace{graph.node_of(*name), ByteCount(*sectors * 512)};
}

}  // namespace

Result<ThinDevice> ThinDevice::of(const MapperDevice& table) {
  const MapperTarget target = TRY(table.only("thin"));
  const auto pool = target.words.empty() ? std::nullopt : device_number(target.words[0]);
  const auto id = target.words.size() < 2 ? std::nullopt : number_in(target.words[1]);
  if (!pool || !id || *id > max_thin_id) {
    return fail(Error::damaged("the table of the thin volume {} is not understood", table.name));
  }
  return ThinDevice{*pool, static_cast<std::uint32_t>(*id), target.bytes.length()};
}

Result<std::unique_ptr<ThinDelta>> ThinDelta::start(const ThinPair& pair, const std::string& notes,
                                                    DeviceMapper& mapper) {
  const PoolPlace place = TRY(place_of(TRY(mapper.table(pair.pool))));
  auto hold = TRY(MetadataHold::take(thin_pool_target, pair.pool, notes, mapper));
  auto program =
      TRY(ProgramOutput::start({"thin_delta", "-m", "--snap1", std::to_string(pair.before),
                                "--snap2", std::to_string(pair.after), place.metadata}));
  return std::unique_ptr<ThinDelta>(
      new ThinDelta(std::move(hold), std::move(program), pair.volume, place.block));
}

ThinDelta::ThinDelta(std::unique_ptr<MetadataHold> hold, std::unique_ptr<ProgramOutput> program,
                     ByteCount volume, ByteCount block)
    : hold_(std::move(hold)),
      program_(std::move(program)),
      block_(block),
      text_(volume, block),
      piece_(piece_size) {}

Result<std::optional<ThinRun>> ThinDelta::next() {
  while (given_ == found_.size()) {
    if (whole_) return std::nullopt;
    if (!program_) return fail(Error::lost("comparing the two snapshots failed before"));
    found_.clear();
    given_ = 0;
    if (const auto more = fetch(); !more) {
      program_.reset();
      return fail(more.error());
    }
  }
  return found_[given_++];
}

Result<void> ThinDelta::fetch() {
  const std::size_t n = TRY(program_->read(piece_));
  if (n > 0) return text_.take(std::string_view(piece_.data(), n), found_);
  // Its own words say more than that its text is not whole.
  TRY(program_->finish());
  TRY(text_.finish());
  TRY(hold_->release());
  whole_ = true;
  return {};
}

}  // namespace ebb
