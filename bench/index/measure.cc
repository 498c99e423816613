// SPDX-License-Identifier: Apache-2.0
#include "bench/index/measure.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "bench/index/process_cost.h"
#include "devmap/core/clock.h"
#include "devmap/core/random.h"

namespace ebb::bench {

namespace {

constexpr std::size_t names_in_batch = 16;  // Of one batch of 1 MiB in blocks of 64 KiB.
constexpr std::uint64_t entries_between_lines = 10'000'000;

double now() {
  return system_clock().steady_seconds();
}

void print(const Subject& subject, std::string_view what, const std::string& text) {
  fmt::print("{} {} {}\n", subject.name, what, text);
  std::fflush(stdout);
}

std::string cost_text(const ProcessCost& from, const ProcessCost& to, std::uint64_t entries) {
  const double seconds = to.seconds - from.seconds;
  return fmt::format(
      "seconds={:.1f} rate={:.0f}/s cpu={:.2f}us/entry written={:.0f}B/entry {}", seconds,
      static_cast<double>(entries) / seconds,
      (to.cpu_seconds - from.cpu_seconds) * 1e6 / static_cast<double>(entries),
      static_cast<double>((to.written - from.written).value()) / static_cast<double>(entries),
      memory_text(to));
}

// What was asked and what must be answered.
struct Question {
  std::vector<RecordName> names;
  std::vector<std::optional<RecordPlace>> answers;
};
std::vector<Question> make_questions(const MadeUpRecords& records, std::uint64_t entries,
                                     std::size_t count, Random& random) {
  std::vector<Question> questions(count);
  for (Question& question : questions) {
    for (std::size_t i = 0; i < names_in_batch; ++i) {
      const std::uint64_t number = random.below(entries);
      const bool present = i % 2 == 0;
      question.names.push_back(present ? records.name(number) : records.absent_name(number));
      question.answers.push_back(present ? std::optional(records.place(number)) : std::nullopt);
    }
  }
  return questions;
}

struct Asked {
  std::uint64_t names = 0;
  double seconds = 0;
  std::vector<double> of_a_batch;

  std::string text() {
    std::ranges::sort(of_a_batch);
    const auto part = [&](double share) {
      return of_a_batch[static_cast<std::size_t>(share *
                                                 static_cast<double>(of_a_batch.size() - 1))] *
             1e6;
    };
    return fmt::format("names={} rate={:.0f}/s batch_median={:.0f}us batch_p99={:.0f}us", names,
                       static_cast<double>(names) / seconds, part(0.5), part(0.99));
  }
};

Result<Asked> ask(RecordIndex& index, const MadeUpRecords& records, std::uint64_t entries,
                  double longest) {
  constexpr std::size_t most_questions = 60'000;
  constexpr std::size_t questions_at_once = 1000;
  const auto random = seeded_random(system_random().next_u64());
  std::vector<std::optional<RecordPlace>> places(names_in_batch);
  Asked asked;
  while (asked.of_a_batch.size() < most_questions && asked.seconds < longest) {
    for (const Question& q : make_questions(records, entries, questions_at_once, *random)) {
      const double began = now();
      TRY(index.look_up(q.names, places));
      asked.of_a_batch.push_back(now() - began);
      asked.seconds += asked.of_a_batch.back();
      asked.names += q.names.size();
      if (places != q.answers) return fail(Error::damaged("the index gave a wrong answer"));
    }
  }
  return asked;
}

// Adds packs from `first` on; `added` hears of each and may say that it is enough.
template <class F>
Result<void> add_packs(RecordIndex& index, const MadeUpRecords& records, std::uint64_t first,
                       const F& added) {
  for (std::uint64_t pack = first;; ++pack) {
    TRY(index.add_pack(records.pack(pack), records.table(pack)));
    if (!added(pack + 1)) return {};
  }
}

// Another process that does `work`, killed when this goes.
class OtherProcess {
 public:
  template <class F>
  explicit OtherProcess(const F& work) : pid_(::fork()) {
    EBB_CHECK(pid_ >= 0, "a process can be made");
    if (pid_ != 0) return;
    const Result<void> done = work();
    if (!done) fmt::print("{}\n", done.error().text());
    std::fflush(stdout);
    ::_exit(done ? 0 : 1);
  }
  ~OtherProcess() {
    if (pid_ != 0) kill();
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }
  void wait() {
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

void sleep_for(double seconds) {
  ::usleep(static_cast<useconds_t>(seconds * 1e6));
}

}  // namespace

Result<void> measure_fill(const Subject& subject, std::uint64_t entries) {
  const double began = now();
  auto index = TRY(open_engine(subject.engine, subject.folder, IndexAccess::write));
  const std::uint64_t first = TRY(index->packs()).size();
  const std::uint64_t in_one = subject.records.in_one_pack;
  print(subject, "opened", fmt::format("entries={} seconds={:.2f}", first * in_one, now() - began));
  if (first * in_one >= entries) return {};
  const ProcessCost start = ProcessCost::now();
  ProcessCost last = start;
  std::uint64_t last_packs = first;
  std::uint64_t packs = first;
  TRY(add_packs(*index, subject.records, first, [&](std::uint64_t reached) {
    packs = reached;
    if (packs * in_one / entries_between_lines != (packs - 1) * in_one / entries_between_lines) {
      const ProcessCost cost = ProcessCost::now();
      print(subject, "filling",
            fmt::format("entries={} {}", packs * in_one,
                        cost_text(last, cost, (packs - last_packs) * in_one)));
      last = cost;
      last_packs = packs;
    }
    return packs * in_one < entries && now() - start.seconds < subject.seconds;
  }));
  const ProcessCost filled = ProcessCost::now();
  index.reset();
  const ProcessCost closed = ProcessCost::now();
  print(subject, "filled",
        fmt::format("entries={} leg={} {} close={:.1f}s disk={}", packs * in_one,
                    (packs - first) * in_one, cost_text(start, filled, (packs - first) * in_one),
                    closed.seconds - filled.seconds, mib_text(size_on_disk(subject.folder))));
  return {};
}

Result<void> measure_look_up(const Subject& subject, CacheState cache, IndexAccess access) {
  if (cache == CacheState::cold) {
    drop_from_cache(subject.folder);
  } else {
    read_into_cache(subject.folder);
  }
  const double began = now();
  const auto index = TRY(open_engine(subject.engine, subject.folder, access));
  const double opened = now();
  const std::uint64_t all = TRY(index->packs()).size() * subject.records.in_one_pack;
  const std::uint64_t entries = subject.entries != 0 ? subject.entries : all;
  const double listed = now();
  const double cpu_before = ProcessCost::now().cpu_seconds;
  Asked asked = TRY(ask(*index, subject.records, entries, subject.seconds));
  const ProcessCost cost = ProcessCost::now();
  print(subject, "looked-up",
        fmt::format("as={} cache={} entries={} open={:.3f}s list={:.3f}s {} cpu={:.1f}us/name {}",
                    access == IndexAccess::write ? "writer" : "reader",
                    cache == CacheState::cold ? "cold" : "warm", entries, opened - began,
                    listed - opened, asked.text(),
                    (cost.cpu_seconds - cpu_before) * 1e6 / static_cast<double>(asked.names),
                    memory_text(cost)));
  return {};
}

Result<void> measure_reader_beside_writer(const Subject& subject) {
  constexpr double head_start = 2;
  OtherProcess writer([&]() -> Result<void> {
    const auto index = TRY(open_engine(subject.engine, subject.folder, IndexAccess::write));
    const std::uint64_t first = TRY(index->packs()).size();
    const ProcessCost start = ProcessCost::now();
    std::uint64_t packs = first;
    TRY(add_packs(*index, subject.records, first, [&](std::uint64_t reached) {
      packs = reached;
      return now() - start.seconds < subject.seconds + 2 * head_start;
    }));
    print(subject, "writer-beside-reader",
          cost_text(start, ProcessCost::now(), (packs - first) * subject.records.in_one_pack));
    return {};
  });
  sleep_for(head_start);
  const double began = now();
  const auto index = TRY(open_engine(subject.engine, subject.folder, IndexAccess::follow));
  const double opened = now();
  const std::uint64_t entries = TRY(index->packs()).size() * subject.records.in_one_pack;
  Asked asked = TRY(ask(*index, subject.records, entries, subject.seconds));
  print(subject, "reader-beside-writer",
        fmt::format("entries={} open={:.3f}s {} {}", entries, opened - began, asked.text(),
                    memory_text(ProcessCost::now())));
  writer.wait();
  return {};
}

Result<void> measure_kill(const Subject& subject) {
  int ends[2];
  if (::pipe(ends) != 0) return fail(Error::from_errno(errno));
  std::uint64_t told = 0;
  {
    OtherProcess writer([&]() -> Result<void> {
      const auto index = TRY(open_engine(subject.engine, subject.folder, IndexAccess::write));
      const std::uint64_t first = TRY(index->packs()).size();
      return add_packs(*index, subject.records, first, [&](std::uint64_t packs) {
        return ::write(ends[1], &packs, sizeof packs) == sizeof packs;
      });
    });
    ::close(ends[1]);
    const double began = now();
    std::uint64_t packs = 0;
    while (now() - began < subject.seconds &&
           ::read(ends[0], &packs, sizeof packs) == sizeof packs) {
      told = packs;
    }
    writer.kill();
    while (::read(ends[0], &packs, sizeof packs) == sizeof packs) told = packs;
    ::close(ends[0]);
  }
  const double began = now();
  const auto index = TRY(open_engine(subject.engine, subject.folder, IndexAccess::write));
  const double opened = now();
  const std::uint64_t packs = TRY(index->packs()).size();
  constexpr double look_for = 5;
  TRY(ask(*index, subject.records, packs * subject.records.in_one_pack, look_for));
  const std::uint64_t lost = told - std::min(told, packs);
  print(subject, "killed",
        fmt::format("packs_added={} packs_there={} lost={} open_again={:.3f}s", told, packs, lost,
                    opened - began));
  return {};
}

}  // namespace ebb::bench
