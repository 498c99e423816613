// SPDX-License-Identifier: Apache-2.0
#include "bench/index/write_packs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <unordered_set>

#include "bench/index/made_up_records.h"
#include "bench/index/process_cost.h"
#include "devmap/core/clock.h"
#include "engine/repo/layout.h"
#include "engine/repo/pack_reader.h"
#include "engine/repo/pack_writer.h"
#include "engine/uring/ring.h"

namespace ebb::bench {

namespace {

class PackMaker {
 public:
  PackMaker(Files& files, Ring& ring, Workers& workers, Arena& arena)
      : files_(files), ring_(ring), workers_(workers), memory_(arena) {}

  Result<void> run(std::uint64_t packs, double seconds) {
    std::unordered_set<PackId, NameHash> there;
    for (const Files::Entry& entry : TRY(files_.list(layout::packs))) {
      if (const auto pack = layout::pack_id_of(entry.name)) there.insert(*pack);
    }
    if (there.empty()) return fail(Error::invalid("there is no pack; make a backup first"));
    header_ = TRY(read_pack_header(ring_, *TRY(files_.open(layout::pack(*there.begin())))));
    const double began = system_clock().steady_seconds();
    std::uint64_t made = 0;
    bool all = true;
    for (std::uint64_t number = 0; number < packs && all; ++number) {
      if (there.contains(records_.pack(number))) continue;
      TRY(write_one(number));
      ++made;
      all = system_clock().steady_seconds() - began < seconds;
    }
    while (!writers_.empty()) TRY(collect_or_wait());
    TRY(files_.sync_folder(layout::packs));
    fmt::print("packs made={} there={} all={} seconds={:.1f}\n", made, there.size() + made,
               all ? "yes" : "no", system_clock().steady_seconds() - began);
    return {};
  }

 private:
  Result<void> write_one(std::uint64_t number) {
    PackHeader header = header_;
    header.pack = records_.pack(number);
    const std::string name = layout::pack(header.pack);
    const std::string temporary = std::string(layout::temporary) + "/" + header.pack.hex();
    std::unique_ptr<PackWriter> writer;
    while (!(writer = TRY(
                 PackWriter::begin({files_, ring_, workers_, memory_, temporary, name}, header)))) {
      TRY(collect_or_wait());
    }
    writers_.push_back(std::move(writer));
    const ByteCount all(records_.in_one_pack * records_.record_size);
    std::optional<PackRoom> room;
    while (!(room = writers_.back()->reserve(all, records_.in_one_pack))) TRY(collect_or_wait());
    put_records(*room, number);
    writers_.back()->finish();
    return {};
  }

  void put_records(const PackRoom& room, std::uint64_t pack) {
    const std::vector<TableEntry> table = records_.table(pack);
    for (const TableEntry& entry : table) {
      const MutableBytes at = room.bytes.subspan(entry.at - room.at, records_.record_size);
      const Bytes payload = entry.name.view().first(records_.payload_size);
      RecordHeader header;
      header.plain_length = header.stored_length = records_.payload_size;
      header.counter = static_cast<std::uint64_t>(&entry - table.data());
      header.name = entry.name;
      put_record_header(header, payload, at);
      std::ranges::copy(payload, at.begin() + sizeof(RecordHeaderOnDisk));
    }
    writers_.back()->filled(room, table);
  }

  Result<void> collect_or_wait() {
    const PackWriter& oldest = *writers_.front();
    if (oldest.error()) return fail(*oldest.error());
    if (!oldest.published() || !oldest.quiet()) return ring_.run_once();
    writers_.pop_front();
    return {};
  }

  Files& files_;
  Ring& ring_;
  Workers& workers_;
  PackMemory memory_;
  MadeUpRecords records_;
  PackHeader header_;
  std::deque<std::unique_ptr<PackWriter>> writers_;
};

}  // namespace

Result<void> write_packs(const std::string& repository, std::uint64_t entries, double seconds) {
  const auto ring = TRY(Ring::make());
  Workers workers(*ring, 1);
  const auto files = TRY(open_folder(repository, *ring));
  const auto arena = TRY(Arena::make(PackMemory::total(), ring.get()));
  const std::uint64_t packs =
      (entries + MadeUpRecords::in_one_pack - 1) / MadeUpRecords::in_one_pack;
  return PackMaker(*files, *ring, workers, *arena).run(packs, seconds);
}

}  // namespace ebb::bench
