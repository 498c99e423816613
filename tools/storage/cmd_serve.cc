// SPDX-License-Identifier: Apache-2.0
// cmd_serve.cc - ebb-storage serve: keeps repositories and serves them until it is told to end.
#include <filesystem>
#include <ostream>

#include "tools/common/size_text.h"
#include "tools/storage/command.h"
#include "wire/agent/storage_service.h"

namespace ebb {

namespace {

class Serve final : public Command {
 public:
  explicit Serve(CLI::App& app) {
    app.add_option("--repository", repositories_, "NAME=FOLDER, as often as there are repositories")
        ->required();
    app.add_option("--socket", socket_, "Unix socket to listen on")->required();
    app.add_option("--runs", bounds_.runs, "Backups at once; more of them wait")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    app.add_option("--connections", bounds_.connections,
                   "Connections at once; more are turned away")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option("--threads", threads_, "Workers (default: one a processor)")
        ->check(CLI::Range(0, 256));
    app.footer(
        "Example:\n  ebb-storage serve --repository web1=/srv/backup/web1 --socket "
        "/run/ebb/storage.sock\n  ebb init unix:/run/ebb/storage.sock:web1\n\n"
        "The socket is for root and the user that the agent runs as. A folder that is empty "
        "becomes a\n"
        "repository by `ebb init`. SIGTERM ends it: what arrived is kept, and no backup in "
        "progress is "
        "lost.");
  }

  Result<ExitCode> run(Outside& outside) override {
    StorageService::Wishes wishes;
    wishes.bounds = bounds_;
    wishes.socket = socket_;
    wishes.threads = threads_;
    for (const std::string& text : repositories_) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return fail(Error::invalid("\"{}\" is not NAME=FOLDER", text));
      }
      const std::string folder = text.substr(equals + 1);
      std::error_code error;
      std::filesystem::create_directories(folder, error);
      if (error) return fail(Error::from_errno(error.value()).during("making {}", folder));
      wishes.repositories.emplace_back(text.substr(0, equals), folder);
    }
    const auto log = [&](std::string_view line) { outside.err << line << std::endl; };
    const auto service =
        TRY(StorageService::make(std::move(wishes), outside.clock, outside.random, log));
    outside.out << fmt::format("listening socket={} repositories={} runs={} memory={}\n", socket_,
                               repositories_.size(), bounds_.runs, size_text(bounds_.memory()))
                << std::flush;
    TRY(service->run(outside.stop));
    return ExitCode::done;
  }

 private:
  std::vector<std::string> repositories_;
  std::string socket_;
  StorageBounds bounds_;
  unsigned threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_storage_serve(CLI::App& app) {
  return std::make_unique<Serve>(
      *app.add_subcommand("serve", "Keep repositories and serve them until told to end"));
}

}  // namespace ebb
