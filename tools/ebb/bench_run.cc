// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/bench_run.h"

#include <algorithm>

#include "devmap/probe.h"
#include "engine/measure/changed_device.h"
#include "engine/measure/made_content.h"
#include "engine/measure/made_volume.h"
#include "engine/measure/pack_measure.h"
#include "engine/measure/ring_measure.h"
#include "tools/common/engine_host.h"
#include "tools/common/size_text.h"
#include "tools/common/work_folder.h"
#include "tools/ebb/source_device.h"
#include "tools/ebb/target.h"

namespace ebb {

namespace {

constexpr ByteCount sample_size = 96_MiB;  // Three times what most caches hold.
constexpr ByteCount most_written = 1_GiB;
constexpr unsigned depths[] = {1, 4, 8, 32};
constexpr unsigned most_depth = 32;
constexpr ByteCount small_piece = 64_KiB;
constexpr ByteCount large_piece = 1_MiB;
constexpr std::uint64_t seed = 1;  // The same volume everywhere.
constexpr unsigned changed_per_thousand = 10;
constexpr const char* made_up = "made up: a fifth noise, the rest like text and programs";

ByteCount written_size(const BenchWishes& wishes) {
  return std::clamp(wishes.size, large_piece, most_written);
}

// What is not a hole, in order.
Result<std::vector<ByteRun>> data_runs(const SourceDevice& source, ByteCount size) {
  std::vector<ByteRun> runs;
  ByteIndex at(0);
  if (auto holes = source.holes()) {
    while (const auto hole = TRY(holes->next())) {
      if (at < hole->begin) runs.push_back({at, hole->begin});
      at = hole->end;
    }
  }
  const ByteIndex end = ByteIndex(0) + size;
  if (at < end) runs.push_back({at, end});
  return runs;
}

class BenchRun {
 public:
  BenchRun(const BenchWishes& wishes, Outside& outside, ShowProgress& show, WorkFolder work)
      : wishes_(wishes),
        outside_(outside),
        show_(show),
        work_(std::move(work)),
        world_{outside.clock, outside.stop, wishes.seconds} {}

  Result<BenchReport> run() {
    report_.folder = wishes_.folder;
    report_.backend = TRY(chosen_backend());
    host_ = TRY(EngineHost::make(wishes_.threads, outside_));
    report_.threads = host_->workers().count();
    files_ = TRY(open_folder(work_.path(), host_->ring()));
    TRY(during(open_volume(), "{}", wishes_.device.empty() ? "making a volume" : wishes_.device));
    if (wants(BenchPart::stages)) TRY(measure_stages());
    if (wants(BenchPart::read)) TRY(during(measure_reading(), "reading {}", report_.volume));
    if (wants(BenchPart::write)) TRY(during(measure_writing(), "writing in {}", wishes_.folder));
    if (wants(BenchPart::ring)) TRY(measure_the_ring());
    if (wants(BenchPart::pack)) TRY(measure_pack_writing());
    if (wishes_.any_run()) TRY(measure_runs());
    return std::move(report_);
  }

 private:
  bool wants(BenchPart part) const { return wishes_.parts.contains(part); }

  Result<void> open_volume() {
    const bool needed = wants(BenchPart::read) || wishes_.any_run();
    std::string path = wishes_.device;
    if (path.empty()) {
      report_.volume =
          fmt::format("a volume of {}, 60 % full, {}", size_text(wishes_.size), made_up);
      if (!needed) return {};
      path = work_ / "volume";
      TRY(make_volume_file());
    }
    passport_ = TRY(probe(path));
    if (wishes_.size < passport_.shape.size) {
      // What lies beyond is not there for this run, and so no partition table that names it.
      passport_.shape.size = wishes_.size;
      passport_.table = {};
      passport_.last_used = ByteIndex(0) + wishes_.size;
    }
    source_ = TRY(SourceDevice::open(path, passport_, host_->ring()));
    if (!wishes_.device.empty()) {
      report_.volume = fmt::format("{} ({})", path, size_text(passport_.shape.size));
    }
    return {};
  }

  Result<void> make_volume_file() {
    show_.step("making a volume of " + size_text(wishes_.size));
    const auto file = TRY(files_->create("volume"));
    TRY(file->truncate(wishes_.size));
    const auto arena = TRY(host_->arena(made_volume_memory));
    return make_volume(outside_.stop, host_->ring(), *file, wishes_.size, seed,
                       arena->take(made_volume_memory));
  }

  Result<void> measure_stages() {
    report_.content = made_up;
    Sample sample;
    if (source_ && !wishes_.device.empty()) {
      show_.step("taking a sample");
      sample =
          TRY(sample_of(source_->device(), host_->ring(), std::min(sample_size, wishes_.size)));
      report_.content = fmt::format("{} of {}, its zero blocks left out", size_text(sample.size()),
                                    wishes_.device);
    } else {
      sample = made_sample(std::min(sample_size, wishes_.size), seed);
    }
    std::set<unsigned> threads{1, report_.threads};
    for (const StageChoice& choice : all_stages()) {
      for (const unsigned count : threads) {
        show_.step(fmt::format("measuring {} {} on {} threads", name_of(choice.stage),
                               choice.variant(), count));
        auto figure = measure_stage(world_, choice, sample, count);
        // No block packs, so there is nothing to unpack.
        if (!figure && figure.error().kind() == ErrorKind::absent) continue;
        report_.stages.push_back(TRY(std::move(figure)));
      }
    }
    return {};
  }

  Result<void> measure_reading() {
    const auto arena = TRY(host_->arena(large_piece * most_depth));
    const MutableBytes memory = arena->take(large_piece * most_depth);
    Course course(TRY(data_runs(*source_, passport_.shape.size)));
    for (const ByteCount piece : {small_piece, large_piece}) {
      if (!course.fits(piece)) continue;
      for (const unsigned depth : depths) {
        show_.step(fmt::format("reading {}, {} under way", size_text(piece), depth));
        report_.reads.push_back(TRY(measure_transfers(world_, host_->ring(), source_->device(),
                                                      course, memory, {Way::read, piece, depth})));
      }
    }
    if (report_.reads.empty()) return fail(Error::invalid("there is nothing to read in it"));
    return {};
  }

  Result<void> measure_writing() {
    const auto arena = TRY(host_->arena(large_piece * most_depth));
    const MutableBytes memory = arena->take(large_piece * most_depth);
    MadeContent(seed).fill_with_noise(memory);
    const ByteCount size = written_size(wishes_);
    const auto file = TRY(files_->create("written"));
    TRY(file->preallocate(size));
    TRY(file->truncate(size));
    ByteCount written;
    Course course({ByteRun::of(ByteIndex(0), size)});
    for (const unsigned depth : depths) {
      show_.step(fmt::format("writing {}, {} under way", size_text(large_piece), depth));
      report_.writes.push_back(TRY(measure_transfers(world_, host_->ring(), *file, course, memory,
                                                     {Way::write, large_piece, depth})));
      written += report_.writes.back().figure.bytes;
    }
    show_.step("reading what was written");
    Course back({ByteRun::of(ByteIndex(0), std::min(size, written))});
    report_.read_back = TRY(measure_transfers(world_, host_->ring(), *file, back, memory,
                                              {Way::read, large_piece, most_depth}));
    show_.step("writing and syncing 4 KiB");
    report_.sync = TRY(measure_sync(world_, host_->ring(), *file, memory));
    return files_->remove("written");
  }

  Result<void> measure_the_ring() {
    const auto arena = TRY(host_->arena(PageInMemory::size * most_depth));
    const MutableBytes memory = arena->take(PageInMemory::size * most_depth);
    for (const unsigned depth : {1u, most_depth}) {
      show_.step(fmt::format("turning the ring, {} under way", depth));
      report_.ring.push_back(TRY(measure_ring(world_, host_->ring(), memory, depth)));
    }
    return {};
  }

  Result<void> measure_pack_writing() {
    show_.step("writing packs");
    const auto arena = TRY(host_->arena(PackMemory::total()));
    report_.packs = TRY(during(
        measure_packs(world_, *files_, host_->ring(), host_->workers(), *arena, outside_.random),
        "writing packs in {}", wishes_.folder));
    return {};
  }

  Result<void> measure_runs() {
    TRY(files_->make_folder("repository"));
    const auto repository = TRY(open_folder(work_ / "repository", host_->ring()));
    const auto flow =
        TRY(FlowMeasure::make({host_->ring(), host_->workers(), *repository, outside_.clock,
                               outside_.random, show_, outside_.stop}));
    using Kind = BenchReport::Run::Kind;
    const auto full = TRY(backup(*flow, source_->device()));
    if (wants(BenchPart::backup)) {
      keep(Kind::backup, full_backup, full);
      keep(Kind::backup, unchanged_backup, TRY(backup(*flow, source_->device())));
      ChangedDevice changed(source_->device(), changed_per_thousand, seed);
      keep(Kind::backup, changed_backup, TRY(backup(*flow, changed)));
    }
    if (wants(BenchPart::verify)) keep(Kind::verify, verify_run, TRY(flow->verify()));
    if (wants(BenchPart::restore)) {
      const std::string path = work_ / "restored";
      TRY(make_image(path, passport_.shape.size));
      const auto target = TRY(open_device(path, Access::write, passport_.shape, host_->ring()));
      keep(Kind::restore, restore_run, TRY(flow->restore(*target)));
    }
    return {};
  }

  Result<FlowFigure> backup(FlowMeasure& flow, BlockDevice& device) {
    BackupRequest request;
    request.passport = passport_;
    request.compression = report_.compression;
    request.holes = source_->holes();
    return flow.backup(device, std::move(request));
  }

  void keep(BenchReport::Run::Kind kind, const char* name, FlowFigure figure) {
    report_.runs.push_back({kind, name, std::move(figure)});
    show_.end_line();
  }

  const BenchWishes& wishes_;
  Outside& outside_;
  ShowProgress& show_;
  WorkFolder work_;  // Before what has files open in it.
  MeasureWorld world_;
  BenchReport report_;
  std::unique_ptr<EngineHost> host_;
  std::unique_ptr<Files> files_;
  Passport passport_;
  std::unique_ptr<SourceDevice> source_;
};

}  // namespace

ByteCount room_needed(const BenchWishes& wishes) {
  const bool is_made = wishes.device.empty();
  const ByteCount data = is_made ? full_bytes(wishes.size) : wishes.size;
  ByteCount most;
  if (wishes.parts.contains(BenchPart::write)) most = std::max(most, written_size(wishes));
  if (wishes.parts.contains(BenchPart::pack)) most = std::max(most, pack_measure_room());
  if (wishes.any_run()) {
    // Parity, tables and the index come on top of what does not pack.
    constexpr ByteCount besides = 32_MiB;
    ByteCount runs = ByteCount(data.value() / 20 * 21) + besides;
    if (wishes.parts.contains(BenchPart::restore)) runs += data;
    most = std::max(most, runs);
  }
  const bool needs_volume = wishes.any_run() || wishes.parts.contains(BenchPart::read);
  return is_made && needs_volume ? most + data : most;
}

Result<BenchReport> run_bench(const BenchWishes& wishes, Outside& outside, ShowProgress& show) {
  WorkFolder work = TRY(WorkFolder::make(wishes.folder));
  return BenchRun(wishes, outside, show, std::move(work)).run();
}

}  // namespace ebb
