// SPDX-License-Identifier: Apache-2.0
// cmd_init.cc - ebb-manager init: makes a manager's folder.
#include <unistd.h>

#include "tools/manager/command.h"
#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

std::string own_host_name() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

class Init final : public Command {
 public:
  explicit Init(CLI::App& app) {
    app.add_option("DIR", place_, "The folder to make (default: as --dir)");
    app.add_option("--address", address_,
                   "Where hosts reach this manager's enrolment port, as tokens will say it: "
                   "HOST[:PORT] (default: this host's name, port 8441)");
    options_.declare(app);
    app.footer(
        "Makes an authority for certificates, a key for tickets, a database and a recovery key, "
        "which is\nshown: with it the folder is made again when it is lost (see rebuild).\n\n"
        "Example:\n"
        "  ebb-manager init /var/lib/ebb-manager --address backup.example");
  }

  Result<ExitCode> run(Outside& outside) override {
    if (!place_.empty()) options_.folder = place_;
    const std::string folder = manager_folder(options_, outside);
    const Address address =
        TRY(parse_address(address_.empty() ? own_host_name() : address_, enrolment_port));
    TRY(during(Store::make(folder, address, outside.clock.wall(), outside.random),
               "making a manager in {}", folder));
    const auto store = TRY(Store::open(folder));
    say(options_, outside,
        {{"folder", folder},
         {"address", address.text()},
         {"authority", store->authority_digest().hex()},
         {"recovery_key", recovery_key_text(store->recovery_key())}},
        fmt::format("made a manager in {}; hosts reach it at {}\n\nIts recovery key, to be written "
                    "down and kept away from this machine:\n\n  {}\n\nWith it, `ebb-manager "
                    "rebuild` makes the manager again of the copy that each storage agent\nkeeps "
                    "of its state.\nnext: ebb-manager serve --dir {}",
                    folder, address.text(), recovery_key_text(store->recovery_key()), folder));
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string place_;
  std::string address_;
};

}  // namespace

std::unique_ptr<Command> make_init(CLI::App& app) {
  return std::make_unique<Init>(*app.add_subcommand("init", "Make a manager's folder"));
}

}  // namespace ebb::control
