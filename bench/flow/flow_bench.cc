// SPDX-License-Identifier: Apache-2.0
// flow_bench.cc - the engine's own cost: backup, verify and restore without a disk, for a profiler.
//
//   perf record -g build/.../bench/flow_bench --size 2G --rounds 3
//
// The volume and the target lie in memory, the repository in a folder that should (/dev/shm), so
// what is left is the engine and what the kernel does to copy. One line for each run of a round.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "engine/measure/changed_device.h"
#include "engine/measure/flow_measure.h"
#include "engine/measure/made_volume.h"
#include "tools/common/engine_host.h"
#include "tools/common/size_text.h"
#include "tools/common/work_folder.h"

namespace ebb {
namespace {

struct Wishes {
  std::string size = "1G";
  std::string compress = "lz4";
  std::string folder = "/dev/shm";
  unsigned changed_per_thousand = 10;
  unsigned threads = 0;
  unsigned rounds = 1;
};

void print(const char* run, const FlowFigure& figure) {
  const Figure& f = figure.figure;
  std::printf("%-10s %12s %12s %8.3f s %12s %8.3f CPU s/GiB\n", run, size_text(f.bytes).c_str(),
              size_text(figure.stored).c_str(), f.seconds, rate_text(f.bytes, f.seconds).c_str(),
              f.cpu_seconds_per_gib());
}

// A repository of its own, so that each round is like the first.
Result<void> round(const Wishes& wishes, EngineHost& host, BlockDevice& device,
                   const StopFlag& stop) {
  const WorkFolder work = TRY(WorkFolder::make(wishes.folder));
  const auto files = TRY(open_folder(work.path(), host.ring()));
  SilentObserver observer;
  const auto flow = TRY(FlowMeasure::make(
      {host.ring(), host.workers(), *files, system_clock(), system_random(), observer, stop}));
  BackupRequest request;
  request.passport.kind = "image";
  request.passport.shape = device.shape();
  request.compression = TRY(Compression::parse(wishes.compress));
  ChangedDevice changed(device, wishes.changed_per_thousand, 1);
  print("full", TRY(flow->backup(device, request)));
  print("unchanged", TRY(flow->backup(device, request)));
  print("changed", TRY(flow->backup(changed, request)));
  print("verify", TRY(flow->verify()));
  MemoryDevice target(host.ring(), device.shape());
  print("restore", TRY(flow->restore(target)));
  return {};
}

Result<void> measure(const Wishes& wishes) {
  StopFlag stop;
  Outside outside = process_outside(stop);
  const auto host = TRY(EngineHost::make(wishes.threads, outside));
  const ByteCount size = round_up(TRY(parse_size(wishes.size)), 1_MiB);
  MemoryDevice device(host->ring(), {size});
  ByteVector memory(made_volume_memory.size());
  TRY(make_volume(stop, host->ring(), device, size, 1, memory));
  for (unsigned i = 0; i < wishes.rounds; ++i) TRY(round(wishes, *host, device, stop));
  return {};
}

int run(int argc, char** argv) {
  Wishes wishes;
  CLI::App app("Backup, verify and restore in memory");
  app.add_option("--size", wishes.size, "Of the volume")->capture_default_str();
  app.add_option("--changed", wishes.changed_per_thousand, "Blocks of a thousand")
      ->capture_default_str();
  app.add_option("--compress", wishes.compress, "As of `ebb backup`")->capture_default_str();
  app.add_option("--folder", wishes.folder, "Where the repository lies")->capture_default_str();
  app.add_option("--threads", wishes.threads, "Workers (default: one a processor)");
  app.add_option("--rounds", wishes.rounds, "How often")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto measured = measure(wishes);
  if (!measured) std::fprintf(stderr, "flow_bench: %s\n", measured.error().text().c_str());
  return measured ? 0 : 1;
}

}  // namespace
}  // namespace ebb

int main(int argc, char** argv) {
  return ebb::run(argc, argv);
}
