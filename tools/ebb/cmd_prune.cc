// SPDX-License-Identifier: Apache-2.0
// cmd_prune.cc - ebb prune: removes recovery points by a rule.
#include <map>
#include <ostream>

#include "engine/flow/chore.h"
#include "tools/common/size_text.h"
#include "tools/ebb/find_point.h"

namespace ebb {

namespace {

class Prune final : public Command {
 public:
  explicit Prune(CLI::App& app) {
    app.add_option("--volume", volume_, "Only this volume, by its name or id (default: each)");
    const std::pair<const char*, std::uint32_t*> rules[] = {
        {"last", &rule_.last},     {"hourly", &rule_.hourly},   {"daily", &rule_.daily},
        {"weekly", &rule_.weekly}, {"monthly", &rule_.monthly}, {"yearly", &rule_.yearly}};
    for (const auto& [name, count] : rules) {
      const std::string what = name == std::string("last")
                                   ? "Keep the last N points"
                                   : fmt::format("Keep the newest of each of N {}", stretch(name));
      app.add_option(fmt::format("--keep-{}", name), *count, what)->option_text("N");
    }
    app.add_option("--minimum-age", minimum_age_, "Remove nothing younger, such as 36h or 30d")
        ->option_text("AGE");
    app.add_option("--raise-minimum-age", raise_,
                   "First make this the repository's own minimum age, for good: nobody lowers it")
        ->option_text("AGE");
    app.add_flag("--dry-run", dry_run_, "Print what would be removed, and remove nothing");
    common_.declare_repo(app);
    common_.declare_source_key(app);
    common_.declare_passphrase(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n"
        "  ebb prune --repo /srv/backup/web1 --keep-daily 14 --keep-weekly 8 --dry-run\n"
        "  ebb prune --repo /srv/backup/web1 --volume web1 --keep-last 3 --minimum-age 7d\n\n"
        "Hours, days, ISO weeks, months and years are of UTC, by when a point arrived; those "
        "without a point\ndo not count. The newest point of a volume always stays. What only "
        "removed points needed is given\nback by `ebb collect`. Needs no key but for a volume's "
        "name: the source key where there is one, else\nthe passphrase.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const std::string path = TRY(repo_path(common_, outside));
    PruneChore chore = TRY(this->chore());
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(1, outside));
    RepositoryAccess* access =
        TRY(host->open_repository(path, dry_run_ ? StoreAccess::read : StoreAccess::write, show));
    if (!volume_.empty()) chore.request.volume = TRY(find_volume(outside, *access));
    const ChoreReport done =
        TRY(access->do_chore(chore, {host->workers(), show, outside.stop, outside.clock}));
    show.end_line();
    const auto& [plan, removed] = std::get<PruneReport>(done);
    const std::map<VolumeId, std::string> names = TRY(volume_names(outside, *access, plan));
    if (common_.json) {
      print_json(outside, json_of(plan, names, removed));
    } else {
      print(outside, plan, names, removed);
    }
    return ExitCode::done;
  }

 private:
  static std::string_view stretch(std::string_view rule) {
    return rule == "hourly"    ? "hours"
           : rule == "daily"   ? "days"
           : rule == "weekly"  ? "weeks"
           : rule == "monthly" ? "months"
                               : "years";
  }

  Result<PruneChore> chore() const {
    if (rule_ == KeepRule{} && raise_.empty()) {
      return fail(Error::invalid(
          "which points shall stay? Give at least one of --keep-last, --keep-hourly, ..."));
    }
    PruneChore chore;
    chore.request.rule = rule_;
    if (!minimum_age_.empty()) chore.request.minimum_age = TRY(parse_age(minimum_age_));
    if (!raise_.empty()) chore.raise_minimum_age = TRY(parse_age(raise_));
    chore.only_look = dry_run_;
    return chore;
  }

  // An id needs no key.
  Result<VolumeId> find_volume(Outside& outside, RepositoryAccess& repository) {
    const auto points = TRY(repository.points().point_names());
    const auto is_there = [&](const VolumeId& id) {
      return std::ranges::find(points, id, &layout::PointName::volume) != points.end();
    };
    if (const auto id = VolumeId::from_hex_text(volume_); id && is_there(*id)) return *id;
    const ReadingKeys keys = TRY(reading_keys(common_, outside, repository, NeedsKeyring::no));
    const VolumeId id = volume_id_of(keys.id_key, volume_);
    if (is_there(id)) return id;
    return fail(Error::absent(
        "there is no point of a volume named \"{}\"; `ebb points` lists what there is", volume_));
  }

  // Nobody is asked for a passphrase only to print a name.
  Result<std::map<VolumeId, std::string>> volume_names(Outside& outside,
                                                       RepositoryAccess& repository,
                                                       const PrunePlan& plan) {
    std::map<VolumeId, std::string> names;
    std::error_code error;
    const std::string file = source_key_path(common_, outside, repository.config().id);
    if (!std::filesystem::exists(file, error)) return names;
    const ReadingKeys keys = TRY(reading_keys(common_, outside, repository, NeedsKeyring::no));
    for (const PointVerdict& verdict : plan.points) {
      if (names.contains(verdict.point.name.volume)) continue;
      const auto known = know_point(repository, keys, verdict.point.name);
      if (known) names.emplace(verdict.point.name.volume, known->about.volume_name);
    }
    return names;
  }

  nlohmann::json json_of(const PrunePlan& plan, const std::map<VolumeId, std::string>& names,
                         std::uint64_t removed) const {
    nlohmann::json points = nlohmann::json::array();
    for (const PointVerdict& verdict : plan.points) {
      const layout::PointName& name = verdict.point.name;
      const auto volume = names.find(name.volume);
      points.push_back({{"point", name.id.hex()},
                        {"volume", volume == names.end() ? "" : volume->second},
                        {"volume_id", name.volume.hex()},
                        {"sequence", name.sequence},
                        {"arrived", verdict.point.arrived.text()},
                        {"keep", verdict.keep},
                        {"reason", verdict.reason}});
    }
    return {{"points", points},
            {"removed", removed},
            {"minimum_age_seconds", plan.minimum_age.count()},
            {"dry_run", dry_run_}};
  }

  void print(Outside& outside, const PrunePlan& plan, const std::map<VolumeId, std::string>& names,
             std::uint64_t removed) const {
    std::uint64_t going = 0;
    for (const PointVerdict& verdict : plan.points) {
      const layout::PointName& name = verdict.point.name;
      const auto volume = names.find(name.volume);
      going += verdict.keep ? 0 : 1;
      outside.out << fmt::format(
          "{:<6} {}  {:<24} {:>4}  {}  {}\n", verdict.keep ? "keep" : "remove",
          name.id.hex().substr(0, 12),
          volume == names.end() ? name.volume.hex().substr(0, 12) : volume->second, name.sequence,
          verdict.point.arrived.text(), verdict.reason);
    }
    if (plan.minimum_age > std::chrono::seconds(0)) {
      outside.out << "nothing younger than " << age_text(plan.minimum_age) << " is removed\n";
    }
    if (dry_run_) {
      outside.out << fmt::format("{} of {} points would be removed\n", going, plan.points.size());
    } else {
      outside.out << fmt::format("removed {} of {} points{}\n", removed, plan.points.size(),
                                 removed == 0 ? "" : "; `ebb collect` gives back their room");
    }
    outside.out << std::flush;
  }

  CommonOptions common_;
  std::string volume_;
  KeepRule rule_;
  std::string minimum_age_;
  std::string raise_;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> make_prune(CLI::App& app) {
  return std::make_unique<Prune>(
      *app.add_subcommand("prune", "Remove recovery points by a rule; a plan with --dry-run"));
}

}  // namespace ebb
