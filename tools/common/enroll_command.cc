// SPDX-License-Identifier: Apache-2.0
#include "tools/common/enroll_command.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <ostream>

#include "tools/common/host_identity.h"
#include "wire/control/client/enrol_client.h"
#include "wire/control/protocol.h"

namespace ebb {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unnamed";
}

class Enroll final : public Command {
 public:
  Enroll(CLI::App& app, const char* program, bool is_storage) : is_storage_(is_storage) {
    app.add_option("MANAGER", manager_, "Host of the manager (with :PORT when it is not the usual)")
        ->required();
    app.add_option("TOKEN", token_, "What `ebb-manager token create` printed")->required();
    app.add_option("--name", name_, "This host's name (default: its own)");
    app.add_option("--state", state_, "Folder for this host's identity (or EBB_STATE)")
        ->default_str(default_state_folder);
    if (is_storage) {
      app.add_option("--server-name", server_names_,
                     "Names or addresses by which it is dialled (default: its own name)");
    }
    app.add_flag("--json", json_, "Print one line of JSON for programs");
    app.footer(
        fmt::format("Example:\n  {} enroll backup.example TOKEN\n\n"
                    "The token is used up. When this fails, nothing is left behind.",
                    program));
  }

  Result<ExitCode> run(Outside& outside) override {
    control::EnrolmentWish wish;
    wish.state_folder =
        !state_.empty() ? state_ : outside.environment("EBB_STATE").value_or(default_state_folder);
    wish.token = TRY(control::parse_token(token_));
    wish.manager = TRY(control::parse_address(manager_, wish.token.manager.port));
    wish.name = name_.empty() ? host_name() : name_;
    wish.server_names = server_names_;
    if (is_storage_ && server_names_.empty()) wish.server_names = {wish.name};
    std::error_code error;
    std::filesystem::create_directories(wish.state_folder, error);
    if (error) {
      return fail(Error::from_errno(error.value()).during("making {}", wish.state_folder));
    }
    const control::Identity identity = TRY(control::enroll(wish));
    if (json_) {
      print_json(outside, {{"holder", identity.holder().hex()},
                           {"name", identity.name},
                           {"role", name_of(identity.role)},
                           {"manager", identity.manager.text()},
                           {"state", wish.state_folder}});
    } else {
      outside.out << fmt::format("{} is enrolled with {} as {}; its identity is in {}\n",
                                 identity.name, identity.manager.text(), name_of(identity.role),
                                 wish.state_folder)
                  << std::flush;
    }
    return ExitCode::done;
  }

 private:
  bool is_storage_;
  std::string manager_;
  std::string token_;
  std::string name_;
  std::string state_;
  std::vector<std::string> server_names_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_enroll(CLI::App& app, const char* program, bool is_storage) {
  return std::make_unique<Enroll>(
      *app.add_subcommand("enroll", "Make this host known to a manager"), program, is_storage);
}

}  // namespace ebb
