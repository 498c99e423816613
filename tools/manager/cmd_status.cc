// SPDX-License-Identifier: Apache-2.0
// cmd_status.cc - ebb-manager status: all of it on one screen, and what went through the ports.
#include "tools/common/size_text.h"
#include "tools/manager/command.h"

namespace ebb::control {

namespace {

constexpr std::int64_t day = seconds_in_day * 1'000'000'000;

class Status final : public Command {
 public:
  explicit Status(CLI::App& app) {
    options_.declare(app);
    app.footer(
        "Traffic is counted at the sockets, since the manager was made; content never goes "
        "through here.\n\nExample:\n  ebb-manager status --json");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    std::uint64_t revoked = 0;
    std::array<std::uint64_t, 3> hosts{};
    for (const Host& host : TRY(store->hosts().all())) {
      ++(host.revoked ? revoked : hosts[static_cast<std::size_t>(host.role)]);
    }
    std::uint64_t points = 0;
    const auto repositories = TRY(store->catalog().repositories());
    for (const RepositoryRow& row : repositories) points += row.points;
    const std::size_t volumes = TRY(store->catalog().volumes()).size();
    const std::size_t policies = TRY(store->policies().all()).size();
    const WallTime since{outside.clock.wall().nanoseconds - day};
    const auto jobs = [&](JobOutcome outcome, WallTime from) {
      return store->jobs().count(outcome, from);
    };
    const std::uint64_t running = TRY(jobs(JobOutcome::running, {}));
    const std::uint64_t done = TRY(jobs(JobOutcome::done, since));
    const std::uint64_t incomplete = TRY(jobs(JobOutcome::incomplete, since));
    const std::uint64_t failed = TRY(jobs(JobOutcome::failed, since));

    nlohmann::json traffic = nlohmann::json::object();
    std::string traffic_text;
    for (const TrafficRow& row : TRY(store->jobs().traffic())) {
      traffic[row.port] = {{"bytes_in", row.bytes_in},
                           {"bytes_out", row.bytes_out},
                           {"connections", row.connections}};
      traffic_text += fmt::format("\n  {:<10} {} in, {} out, {} connections", row.port,
                                  size_text(ByteCount(row.bytes_in)),
                                  size_text(ByteCount(row.bytes_out)), row.connections);
    }
    const bool unconfirmed = TRY(store->policies().are_unconfirmed());
    const auto copy = store->copy();
    const std::string copy_text =
        copy ? size_text(ByteCount(copy->size())) + ", at each storage agent"
             : "CANNOT BE MADE: " + copy.error().text();
    say(options_, outside,
        {{"address", store->address().text()},
         {"authority", store->authority_digest().hex()},
         {"hosts",
          {{"storage", hosts[0]},
           {"source", hosts[1]},
           {"operator", hosts[2]},
           {"revoked", revoked}}},
         {"repositories", repositories.size()},
         {"policies", policies},
         {"volumes", volumes},
         {"points", points},
         {"jobs",
          {{"running", running},
           {"done_last_day", done},
           {"incomplete_last_day", incomplete},
           {"failed_last_day", failed}}},
         {"policies_unconfirmed", unconfirmed},
         {"copy_bytes", copy ? nlohmann::json(copy->size()) : nlohmann::json()},
         {"traffic", traffic}},
        fmt::format("manager      {}\n"
                    "hosts        {} storage, {} sources, {} operators; {} revoked\n"
                    "catalog      {} repositories, {} policies{}, {} volumes, {} points\n"
                    "state copy   {}\n"
                    "jobs         {} running; last day: {} done, {} incomplete, {} failed\n"
                    "traffic{}",
                    store->address().text(), hosts[0], hosts[1], hosts[2], revoked,
                    repositories.size(), policies,
                    unconfirmed ? " (to be confirmed: ebb-manager policy confirm)" : "", volumes,
                    points, copy_text, running, done, incomplete, failed,
                    traffic_text.empty() ? "      none" : traffic_text));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_status(CLI::App& app) {
  return std::make_unique<Status>(*app.add_subcommand("status", "All of it on one screen"));
}

}  // namespace ebb::control
