// SPDX-License-Identifier: Apache-2.0
// cmd_verify.cc - ebb verify: can the points be restored, or does a device hold what one says?
#include <map>
#include <ostream>

#include "devmap/probe.h"
#include "engine/flow/local_runs.h"
#include "engine/flow/scrub.h"
#include "tools/common/size_text.h"
#include "tools/ebb/find_point.h"
#include "tools/ebb/print_damage.h"
#include "tools/ebb/print_scrub.h"

namespace ebb {

namespace {

class Verify final : public Command {
 public:
  explicit Verify(CLI::App& app) {
    app.add_option("POINT", point_, "One point (default: the whole repository)");
    app.add_option("--against", against_, "Compare the point with this device instead");
    app.add_option("--sample", percent_, "Check this many percent of the blocks, chosen at random")
        ->check(CLI::Range(0.001, 100.0))
        ->capture_default_str();
    app.add_option("--threads", common_.threads, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    common_.declare_repo(app);
    common_.declare_passphrase(app);
    common_.declare_source_key(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb verify --repo /srv/backup/web1\n"
        "  ebb verify root@latest --sample 5\n"
        "  ebb verify root@latest --against /dev/vg0/root\n\n"
        "Every block is opened and its fingerprint compared, which needs the passphrase; "
        "--against needs\nonly the source key. Without a point, all are verified and every byte of "
        "the "
        "repository is looked\nat; what a point shares with the one before it is opened once.");
  }

  Result<ExitCode> run(Outside& outside) override {
    if (!against_.empty() && point_.empty()) {
      return fail(Error::invalid("--against compares one point: name it"));
    }
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(common_.threads, outside));
    RepositoryAccess* repository = TRY(host->open_repository(path, StoreAccess::read, show));
    const ReadingKeys keys = TRY(reading_keys(
        common_, outside, *repository, against_.empty() ? NeedsKeyring::yes : NeedsKeyring::no));
    const double began = outside.clock.steady_seconds();
    bool sound = true;
    nlohmann::json points = nlohmann::json::array();
    ExtentSource& source = repository->source();
    std::map<VolumeId, VerifiedPoint> before;
    for (const layout::PointName& name : TRY(chosen_points(*repository, keys))) {
      auto known = know_point(*repository, keys, name);
      if (!known) {
        sound = false;
        points.push_back({{"point", name.id.hex()}, {"error", known.error().text()}});
        if (!common_.json) outside.out << "damaged: " << known.error().text() << "\n";
        continue;
      }
      const VerifyReport report =
          TRY(verify_one(*host, source, *repository, keys, *known, before, show, outside));
      show.end_line();
      sound = sound && report.damages.empty();
      points.push_back({{"point", name.id.hex()},
                        {"volume", known->about.volume_name},
                        {"blocks_total", report.blocks.value()},
                        {"records_checked", report.checked.value()},
                        {"blocks_left_out", report.left_out.value()},
                        {"bytes_read", report.read.value()},
                        {"damages", json_of(report.damages, *known)}});
      if (!common_.json) print(outside, *known, report);
    }
    nlohmann::json result = {{"points", points}};
    if (point_.empty()) {
      // Where the repository is elsewhere, its own agent looks at its bytes.
      if (const auto here = repository->local()) {
        const ScrubReport report = TRY(look_at_everything(*host, **here, show, outside));
        sound = sound && report.sound();
        result["scrub"] = json_of(report);
        if (!common_.json) print_scrub(outside, report);
      }
      TRY(tell_gaps(*repository, outside, result));
    }
    result["sound"] = sound;
    result["seconds"] = outside.clock.steady_seconds() - began;
    if (common_.json) {
      print_json(outside, result);
    } else {
      outside.out << (sound ? "all sound, " : "DAMAGED, ")
                  << duration_text(outside.clock.steady_seconds() - began) << std::endl;
    }
    return sound ? ExitCode::done : ExitCode::damaged;
  }

 private:
  struct VerifiedPoint {
    Point point;
    std::vector<Damage> damages;
  };

  Result<std::vector<layout::PointName>> chosen_points(RepositoryAccess& repository,
                                                       const ReadingKeys& keys) {
    if (point_.empty()) return repository.points().point_names();
    return std::vector{TRY(find_point(repository, keys, point_)).name};
  }

  Result<VerifyReport> verify_one(EngineHost& host, ExtentSource& source,
                                  RepositoryAccess& repository, const ReadingKeys& keys,
                                  const KnownPoint& known,
                                  std::map<VolumeId, VerifiedPoint>& before, ShowProgress& show,
                                  Outside& outside) {
    if (!against_.empty()) {
      const auto arena = TRY(host.arena(Compare::memory()));
      const VerifyWorld world{source, host.ring(), host.workers(), *arena, show, outside.stop};
      const Passport passport = TRY(probe(against_));
      const auto device = TRY(open_device(against_, Access::read, passport.shape, host.ring()));
      return verify_against(world, known.point.point, known.about, *device, keys.id_key);
    }
    const auto opener = TRY(RecordOpener::make(source, keys.id_key, data_keys_of(repository, keys),
                                               host.workers().count()));
    const Point& point = known.point.point;
    auto wanted = some_blocks(percent_, outside.random);
    // What points share is opened once.
    const auto last = before.find(point.volume);
    if (percent_ >= 100 && last != before.end()) {
      wanted = blocks_not_looked_at_with(source, last->second.point, last->second.damages, point);
    }
    VerifyReport report = TRY(run_verify({host.ring(), host.workers(), show, outside.stop}, source,
                                         point, RecordCheck::opened, opener.get(), wanted));
    before.insert_or_assign(point.volume, VerifiedPoint{point, report.damages});
    return report;
  }

  Result<ScrubReport> look_at_everything(EngineHost& host, Repository& repository,
                                         ShowProgress& show, Outside& outside) {
    Scrub scrub({repository, host.ring(), host.workers(), show, outside.stop}, ScrubMode::look);
    return scrub.run();
  }

  // Each point names the one before it. A gap is where points were pruned, and where somebody
  // took one away: only a person can tell these apart.
  static Result<void> tell_gaps(RepositoryAccess& repository, Outside& outside,
                                nlohmann::json& result) {
    nlohmann::json gaps = nlohmann::json::array();
    const auto names = TRY(repository.points().point_names());
    for (const layout::PointName& name : names) {
      const auto point = repository.points().point(name);
      if (!point || point->point.predecessor.is_zero()) continue;
      const bool there = std::ranges::any_of(names, [&](const layout::PointName& other) {
        return other.volume == name.volume && other.id == point->point.predecessor;
      });
      if (there) continue;
      gaps.push_back(name.id.hex());
      outside.err << fmt::format(
          "ebb: note: the point before {} is not there: it was pruned, or taken away\n",
          name.id.hex().substr(0, 12));
    }
    result["gaps"] = gaps;
    return {};
  }

  static void print(Outside& outside, const KnownPoint& known, const VerifyReport& report) {
    outside.out << fmt::format("point {} of {}: {} of {} blocks looked at, read {}, {}\n",
                               known.point.id.hex().substr(0, 12), known.about.volume_name,
                               report.checked.value(), report.blocks.value(),
                               size_text(report.read),
                               report.damages.empty() ? "sound" : "DAMAGED");
    if (!report.left_out.none()) {
      outside.out << fmt::format(
          "  {} blocks that hold something were free or zero when the point was made, which left "
          "free ones out\n",
          report.left_out.value());
    }
    print_damages(outside, report.damages, known);
  }

  CommonOptions common_;
  std::string point_;
  std::string against_;
  double percent_ = 100;
};

}  // namespace

std::unique_ptr<Command> make_verify(CLI::App& app) {
  return std::make_unique<Verify>(
      *app.add_subcommand("verify", "Prove that points can be restored, or compare a device"));
}

}  // namespace ebb
