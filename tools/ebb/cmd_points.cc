// SPDX-License-Identifier: Apache-2.0
// cmd_points.cc - ebb points: what there is to restore.
#include <ostream>

#include "engine/flow/read_plan.h"
#include "tools/common/size_text.h"
#include "tools/ebb/find_point.h"

namespace ebb {

namespace {

nlohmann::json json_of(const KnownPoint& known) {
  const Point& point = known.point.point;
  return {{"point", known.point.id.hex()},
          {"volume", known.about.volume_name},
          {"sequence", point.sequence},
          {"created", point.created.text()},
          {"predecessor", point.predecessor.is_zero() ? "" : point.predecessor.hex()},
          {"source", name_of(point.found_by)},
          {"blocks_called_clean", known.about.changes.clean},
          {"blocks_audited", known.about.changes.audited},
          {"audit_bound", Audit{known.about.changes.clean, known.about.changes.audited, 0}.bound()},
          {"signed_by", known.signer},
          {"device", known.about.passport.path},
          {"device_size", point.grid.size().value()},
          {"block_size", point.grid.block().bytes().value()},
          {"blocks_total", point.grid.count().value()},
          {"blocks_changed", point.counts.changed.value()},
          {"blocks_shipped", point.counts.shipped.value()},
          {"bytes_read", point.counts.read.value()},
          {"bytes_stored", point.counts.stored.value()},
          {"unreadable_runs", known.about.unreadable.size()},
          {"blocks_left_out", known.about.left_out.value()}};
}

class Points final : public Command {
 public:
  explicit Points(CLI::App& app) {
    app.add_option("VOLUME", volume_, "Only points of this volume");
    common_.declare_repo(app);
    common_.declare_source_key(app);
    common_.declare_passphrase(app);
    common_.declare_output(app);
    app.footer(
        "Example:\n  ebb points --repo /srv/backup/web1\n\nNames are read with the source "
        "key where there is one, else with the passphrase.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(1, outside));
    RepositoryAccess* repository = TRY(host->open_repository(path, StoreAccess::read, show));
    const ReadingKeys keys = TRY(reading_keys(common_, outside, *repository, NeedsKeyring::no));
    std::vector<KnownPoint> points;
    ExitCode code = ExitCode::done;
    for (const layout::PointName& name : TRY(repository->points().point_names())) {
      if (!volume_.empty() && name.volume != volume_id_of(keys.id_key, volume_)) continue;
      auto known = know_point(*repository, keys, name);
      if (!known) {
        outside.err << "ebb: " << known.error().text() << std::endl;
        code = ExitCode::damaged;
        continue;
      }
      points.push_back(std::move(*known));
    }
    print(outside, points);
    return code;
  }

 private:
  void print(Outside& outside, const std::vector<KnownPoint>& points) {
    if (common_.json) {
      nlohmann::json list = nlohmann::json::array();
      for (const KnownPoint& point : points) list.push_back(json_of(point));
      return print_json(outside, list);
    }
    outside.out << fmt::format(
        "{:<14} {:<24} {:>4}  {:<20} {:>10} {:>10} {:>10} {:>10} {:<11}  {}\n", "POINT", "VOLUME",
        "NR", "CREATED", "SIZE", "CHANGED", "READ", "STORED", "SOURCE", "BY");
    for (const KnownPoint& known : points) {
      const Point& point = known.point.point;
      const ByteCount changed = point.grid.block().bytes() * point.counts.changed.value();
      outside.out << fmt::format(
          "{:<14} {:<24} {:>4}  {:<20} {:>10} {:>10} {:>10} {:>10} {:<11}  {}\n",
          known.point.id.hex().substr(0, 12), known.about.volume_name, point.sequence,
          point.created.text(), size_text(point.grid.size()),
          size_text(std::min(changed, point.grid.size())), size_text(point.counts.read),
          size_text(point.counts.stored), name_of(point.found_by),
          known.signer + (known.signer_left ? " (removed)" : ""));
    }
    outside.out << std::flush;
  }

  CommonOptions common_;
  std::string volume_;
};

}  // namespace

std::unique_ptr<Command> make_points(CLI::App& app) {
  return std::make_unique<Points>(
      *app.add_subcommand("points", "List the recovery points of a repository"));
}

}  // namespace ebb
