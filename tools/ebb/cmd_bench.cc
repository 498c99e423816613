// SPDX-License-Identifier: Apache-2.0
// cmd_bench.cc - ebb bench: what this machine will do, measured on it.
#include <array>
#include <filesystem>
#include <ostream>

#include "devmap/probe.h"
#include "tools/common/size_text.h"
#include "tools/ebb/bench_run.h"
#include "tools/ebb/command.h"
#include "tools/ebb/print_bench.h"

namespace ebb {

namespace {

constexpr std::array<std::pair<const char*, BenchPart>, 8> parts{{{"stages", BenchPart::stages},
                                                                  {"read", BenchPart::read},
                                                                  {"write", BenchPart::write},
                                                                  {"ring", BenchPart::ring},
                                                                  {"pack", BenchPart::pack},
                                                                  {"backup", BenchPart::backup},
                                                                  {"restore", BenchPart::restore},
                                                                  {"verify", BenchPart::verify}}};

constexpr ByteCount standard_volume = 1_GiB;
constexpr ByteCount most_of_a_device = 4_GiB;
constexpr ByteCount smallest = 1_MiB;

class Bench final : public Command {
 public:
  explicit Bench(CLI::App& app) {
    std::vector<std::string> names;
    for (const auto& [name, part] : parts) names.emplace_back(name);
    app.add_option("WHAT", what_,
                   "stages, read, write, ring, pack, backup, restore, verify (default: all)")
        ->check(CLI::IsMember(names));
    app.add_option("--dir", wishes_.folder, "Folder to write in, as a repository would")
        ->capture_default_str();
    app.add_option("--device", wishes_.device,
                   "Device or image to read (default: a volume is made up); never written to");
    app.add_option("--size", size_,
                   "Of the volume (default: 1G), or how much of the device is used (default: all, "
                   "at most 4G)");
    app.add_option("--seconds", wishes_.seconds, "For each measurement")
        ->check(CLI::Range(0.001, 3600.0))
        ->capture_default_str();
    app.add_option("--threads", wishes_.threads, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb bench --dir /srv/backup\n"
        "  ebb bench --dir /srv/backup --device /dev/vg0/root\n"
        "  ebb bench stages --seconds 5 --json\n\n"
        "Everything takes about a minute. What is written lies in a folder of its own in DIR and "
        "is removed\nat the end. CEILING is what the parts of a run, measured alone, would allow; "
        "BINDS is the part\nthat sets it. Run it on a machine that does nothing else.");
  }

  Result<ExitCode> run(Outside& outside) override {
    for (const auto& [name, part] : parts) {
      const bool named = std::ranges::find(what_, name) != what_.end();
      if (what_.empty() || named) wishes_.parts.insert(part);
    }
    TRY(decide_size());
    std::error_code error;
    if (!std::filesystem::is_directory(wishes_.folder, error)) {
      return fail(Error::invalid("{} is no folder", wishes_.folder));
    }
    if (!TRY(has_room(outside))) return ExitCode::refused;
    ShowProgress show(outside, common_.quiet);
    const BenchReport report = TRY(during(run_bench(wishes_, outside, show), "measuring"));
    show.end_line();
    if (common_.json) {
      print_json(outside, json_of(report));
    } else {
      print_bench(outside, report);
    }
    return ExitCode::done;
  }

 private:
  Result<void> decide_size() {
    ByteCount asked;
    if (!size_.empty()) asked = TRY(parse_size(size_));
    if (wishes_.device.empty()) {
      wishes_.size = size_.empty() ? standard_volume : asked;
    } else {
      const ByteCount there = TRY(probe(wishes_.device)).shape.size;
      wishes_.size = std::min(there, size_.empty() ? most_of_a_device : asked);
    }
    // Whole batches, so that every transfer is aligned.
    wishes_.size = ByteCount(round_down(wishes_.size.value(), limits::batch_size.value()));
    if (wishes_.size > limits::max_device_size) {
      return fail(
          Error::invalid("{} are measured at the most", size_text(limits::max_device_size)));
    }
    if (wishes_.size < smallest) {
      return fail(Error::invalid("{} are measured at the least", size_text(smallest)));
    }
    return {};
  }

  Result<bool> has_room(Outside& outside) const {
    std::error_code error;
    const auto space = std::filesystem::space(wishes_.folder, error);
    if (error)
      return fail(Error::from_errno(error.value()).during("looking at {}", wishes_.folder));
    const ByteCount needed = room_needed(wishes_);
    if (needed <= ByteCount(space.available)) return true;
    outside.err << fmt::format(
                       "ebb: {} has {} free and this needs up to {}; nothing was written. Give a "
                       "smaller --size or another --dir",
                       wishes_.folder, size_text(ByteCount(space.available)), size_text(needed))
                << std::endl;
    return false;
  }

  CommonOptions common_;
  std::vector<std::string> what_;
  std::string size_;
  BenchWishes wishes_{".", "", {}, 1, 0, {}};
};

}  // namespace

std::unique_ptr<Command> make_bench(CLI::App& app) {
  return std::make_unique<Bench>(
      *app.add_subcommand("bench", "Measure what this machine will do, and what binds"));
}

}  // namespace ebb
