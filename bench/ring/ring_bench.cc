// SPDX-License-Identifier: Apache-2.0
// ring_bench.cc - the price of a transfer and of a job, without a disk.
//
// Transfers read a page that lies in memory: submitted in batches of so many, from memory that is
// registered with the ring or is not. Jobs do nothing and come back from a worker.
#include <benchmark/benchmark.h>

#include <vector>

#include "engine/buffer/arena.h"
#include "engine/measure/ring_measure.h"

namespace ebb {
namespace {

enum class Memory { registered, plain };

template <class Kind>
struct Counted : Kind {
  std::uint64_t* left = nullptr;
};

void transfers(benchmark::State& state, Memory memory) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto ring = Ring::make();
  if (!ring) return state.SkipWithError(ring.error().text().c_str());
  const auto page = PageInMemory::make(**ring);
  const auto arena =
      Arena::make(PageInMemory::size * count, memory == Memory::registered ? ring->get() : nullptr);
  if (!page || !arena) return state.SkipWithError("no memory");
  std::uint64_t left = 0;
  std::vector<Counted<Transfer>> all(count);
  for (Counted<Transfer>& one : all) {
    one.left = &left;
    one.data = (*arena)->take(PageInMemory::size);
    one.settled = [](Transfer& transfer, Result<void>) {
      --*static_cast<Counted<Transfer>&>(transfer).left;
    };
  }
  std::uint64_t turns = 0;
  for (auto _ : state) {
    left = count;
    for (Transfer& one : all) (*page)->start(one);
    for (; left > 0; ++turns) {
      if (!(*ring)->run_once()) return state.SkipWithError("the ring failed");
    }
  }
  const auto done = static_cast<std::int64_t>(count) * state.iterations();
  state.SetItemsProcessed(done);
  state.counters["turns_a_transfer"] = static_cast<double>(turns) / static_cast<double>(done);
}

void jobs(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto ring = Ring::make();
  if (!ring) return state.SkipWithError(ring.error().text().c_str());
  Workers workers(**ring, static_cast<unsigned>(state.range(1)));
  std::uint64_t left = 0;
  std::vector<Counted<Job>> all(count);
  for (Counted<Job>& one : all) {
    one.left = &left;
    one.work = [](Job&, unsigned) {};
    one.done = [](Job& job) { --*static_cast<Counted<Job>&>(job).left; };
  }
  for (auto _ : state) {
    left = count;
    for (Job& one : all) workers.submit(one);
    while (left > 0) {
      if (!(*ring)->run_once()) return state.SkipWithError("the ring failed");
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(count) * state.iterations());
}

BENCHMARK_CAPTURE(transfers, registered, Memory::registered)->RangeMultiplier(4)->Range(1, 1024);
BENCHMARK_CAPTURE(transfers, plain, Memory::plain)->RangeMultiplier(4)->Range(1, 1024);
BENCHMARK(jobs)->ArgNames({"jobs", "workers"})->ArgsProduct({{1, 16, 256}, {1, 2}});

}  // namespace
}  // namespace ebb
