// SPDX-License-Identifier: Apache-2.0
// cmd_lists.cc - ebb-manager hosts, volumes, points, jobs: what the catalog holds.
#include "tools/common/size_text.h"
#include "tools/manager/command.h"

namespace ebb::control {

namespace {

// Opens the store, lets a list fill itself, and prints it.
class ListCommand : public Command {
 public:
  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    nlohmann::json list = nlohmann::json::array();
    std::string text;
    TRY(fill(*store, list, text));
    say(options_, outside, list, text);
    return ExitCode::done;
  }

 protected:
  ListCommand(CLI::App& app, const char* example) {
    options_.declare(app);
    app.footer(std::string("Example:\n  ebb-manager ") + example);
  }
  virtual Result<void> fill(Store& store, nlohmann::json& list, std::string& text) = 0;

 private:
  ManagerOptions options_;
};

class HostList final : public ListCommand {
 public:
  explicit HostList(CLI::App& app) : ListCommand(app, "hosts") {}

 private:
  Result<void> fill(Store& store, nlohmann::json& list, std::string& text) override {
    constexpr const char* row = "{:<24} {:<9} {:<12} {:<21} {:<21} {}";
    text = fmt::format(row, "HOST", "ROLE", "HOLDER", "SEEN", "CERTIFICATE UNTIL", "STATE");
    for (const Host& host : TRY(store.hosts().all())) {
      const std::string state = host.revoked ? "revoked " + host.revoked->text() : "enrolled";
      list.push_back({{"host", host.name},
                      {"role", name_of(host.role)},
                      {"holder", host.holder.hex()},
                      {"server_names", host.server_names},
                      {"address", host.address},
                      {"enrolled", host.enrolled.text()},
                      {"certificate_until", host.expires.text()},
                      {"last_seen", json_of_time(host.last_seen)},
                      {"revoked", json_of_time(host.revoked)}});
      text += "\n" + fmt::format(row, host.name, name_of(host.role), short_text(host.holder),
                                 text_of_time(host.last_seen), host.expires.text(), state);
    }
    return {};
  }
};

class VolumeList final : public ListCommand {
 public:
  explicit VolumeList(CLI::App& app) : ListCommand(app, "volumes") {}

 private:
  Result<void> fill(Store& store, nlohmann::json& list, std::string& text) override {
    constexpr const char* row = "{:<20} {:<28} {:<16} {:<16} {:>6}  {:<20} {}";
    text = fmt::format(row, "HOST", "LABEL", "REPOSITORY", "POLICY", "POINTS", "NEWEST", "VOLUME");
    for (const VolumeRow& volume : TRY(store.catalog().volumes())) {
      list.push_back({{"volume", volume.volume.hex()},
                      {"repository", volume.repository},
                      {"host", volume.host},
                      {"label", volume.label},
                      {"policy", volume.policy},
                      {"points", volume.points},
                      {"newest", json_of_time(volume.newest)}});
      const auto or_dash = [](const std::string& name) { return name.empty() ? "-" : name; };
      text += "\n" + fmt::format(row, or_dash(volume.host), or_dash(volume.label),
                                 volume.repository, or_dash(volume.policy), volume.points,
                                 text_of_time(volume.newest), volume.volume.hex());
    }
    return {};
  }
};

class PointList final : public ListCommand {
 public:
  explicit PointList(CLI::App& app) : ListCommand(app, "points") {}

 private:
  Result<void> fill(Store& store, nlohmann::json& list, std::string& text) override {
    constexpr const char* row = "{:<14} {:<20} {:<34} {:>4}  {:<20} {:>10} {:>10}";
    text = fmt::format(row, "POINT", "REPOSITORY", "VOLUME", "NR", "ARRIVED", "SIZE", "STORED");
    return store.catalog().each_point([&](const std::string& repository, const PointRow& point) {
      list.push_back({{"point", point.point.hex()},
                      {"repository", repository},
                      {"volume", point.volume.hex()},
                      {"sequence", point.sequence},
                      {"created", point.created.text()},
                      {"arrived", point.arrived.text()},
                      {"device_size", point.device_bytes},
                      {"bytes_stored", point.stored_bytes}});
      text += "\n" + fmt::format(row, point.point.hex().substr(0, 12), repository,
                                 point.volume.hex(), point.sequence, point.arrived.text(),
                                 size_text(ByteCount(point.device_bytes)),
                                 size_text(ByteCount(point.stored_bytes)));
    });
  }
};

class JobList final : public ListCommand {
 public:
  explicit JobList(CLI::App& app) : ListCommand(app, "jobs --last 20") {
    app.add_option("--last", most_, "How many, the newest first")->capture_default_str();
  }

 private:
  Result<void> fill(Store& store, nlohmann::json& list, std::string& text) override {
    constexpr const char* row = "{:<20} {:<16} {:<8} {:<12} {:<28} {:<10} {}";
    text = fmt::format(row, "STARTED", "HOST", "KIND", "POLICY", "VOLUME", "OUTCOME", "MESSAGE");
    for (const JobRow& job : TRY(store.jobs().newest(most_))) {
      list.push_back({{"job", job.id.hex()},
                      {"host", job.host},
                      {"kind", job.kind},
                      {"policy", job.policy},
                      {"repository", job.repository},
                      {"volume", job.volume ? job.volume->hex() : ""},
                      {"label", job.label},
                      {"started", job.started.text()},
                      {"ended", json_of_time(job.ended)},
                      {"outcome", name_of(job.outcome)},
                      {"message", job.message},
                      {"bytes_read", job.bytes_read},
                      {"bytes_stored", job.bytes_stored},
                      {"point", job.point ? job.point->hex() : ""}});
      text += "\n" + fmt::format(row, job.started.text(), job.host, job.kind,
                                 job.policy.empty() ? "-" : job.policy, job.label,
                                 name_of(job.outcome), job.message);
    }
    return {};
  }

  std::uint32_t most_ = 100;
};

}  // namespace

std::unique_ptr<Command> make_hosts(CLI::App& app) {
  return std::make_unique<HostList>(*app.add_subcommand("hosts", "List hosts and their keys"));
}
std::unique_ptr<Command> make_volumes(CLI::App& app) {
  return std::make_unique<VolumeList>(*app.add_subcommand("volumes", "List volumes"));
}
std::unique_ptr<Command> make_points(CLI::App& app) {
  return std::make_unique<PointList>(*app.add_subcommand("points", "List recovery points"));
}
std::unique_ptr<Command> make_jobs(CLI::App& app) {
  return std::make_unique<JobList>(*app.add_subcommand("jobs", "List what hosts did"));
}

}  // namespace ebb::control
