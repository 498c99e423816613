// SPDX-License-Identifier: Apache-2.0
// cmd_serve.cc - ebb-manager serve: both ports, until SIGTERM.
#include <ostream>

#include "tools/common/service_notice.h"
#include "tools/manager/command.h"
#include "wire/control/manager/server.h"
#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

class PrintedEvents final : public ServerEvents {
 public:
  PrintedEvents(Outside& outside, bool json) : outside_(outside), json_(json) {}

  void listening(std::uint16_t control, std::uint16_t enrolment) override {
    tell_service_manager(outside_, service_is_ready);
    if (json_) {
      print_json(outside_,
                 {{"event", "listening"}, {"control", control}, {"enrolment", enrolment}});
    } else {
      event(fmt::format("listening control={} enrolment={}", control, enrolment));
    }
  }
  void event(const std::string& line) override {
    if (json_) return print_json(outside_, {{"event", line}});
    outside_.out << line << std::endl;
  }

 private:
  Outside& outside_;
  bool json_;
};

class Serve final : public Command {
 public:
  explicit Serve(CLI::App& app) {
    app.add_option("--listen", control_, "Where enrolled hosts connect: ADDRESS[:PORT]")
        ->capture_default_str();
    app.add_option("--enroll-listen", enrolment_, "Where hosts enroll: ADDRESS[:PORT]")
        ->capture_default_str();
    options_.declare(app);
    app.footer(
        "Runs until SIGTERM or SIGINT, and prints a line for each event. Port 0 takes any that is "
        "free.\nThe enrolment port may be closed to the network once all hosts are enrolled.\n\n"
        "Examples:\n  ebb-manager serve\n"
        "  ebb-manager serve --listen 10.0.0.1:8440 --enroll-listen 10.0.0.1:8441");
  }

  Result<ExitCode> run(Outside& outside) override {
    const auto store = TRY(open_store(options_, outside));
    const ServerAddresses addresses{TRY(parse_address(control_, control_port)),
                                    TRY(parse_address(enrolment_, enrolment_port))};
    PrintedEvents events(outside, options_.json);
    TRY(serve_manager(*store, addresses, outside.clock, outside.random, outside.stop, events));
    tell_service_manager(outside, service_is_stopping);
    events.event("stopped");
    return ExitCode::done;
  }

 private:
  ManagerOptions options_;
  std::string control_ = "[::]:8440";
  std::string enrolment_ = "[::]:8441";
};

}  // namespace

std::unique_ptr<Command> make_serve(CLI::App& app) {
  return std::make_unique<Serve>(*app.add_subcommand("serve", "Serve hosts until SIGTERM"));
}

}  // namespace ebb::control
