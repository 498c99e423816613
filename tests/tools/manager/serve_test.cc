// SPDX-License-Identifier: Apache-2.0
// The real ebb-manager: served over loopback by a process of its own, stopped, killed, and looked
// into for what it must not be made of.
#include <csignal>

#include <thread>

#include "tests/support/run_program.h"
#include "tests/support/started_program.h"
#include "tests/tools/manager/in_process.h"
#include "wire/control/client/control_client.h"
#include "wire/control/client/enrol_client.h"

namespace ebb::control::test {
namespace {

using ebb::test::StartedProgram;

class ServeTest : public testing::Test {
 protected:
  ServeTest() { EXPECT_EQ(commands_.run({"init", "--address", "127.0.0.1"}), ExitCode::done); }

  // Returns when it listens.
  void start(const std::string& control = "127.0.0.1:0") {
    server_ = StartedProgram::start({EBB_MANAGER_PROGRAM, "serve", "--json", "--listen", control,
                                     "--enroll-listen", "127.0.0.1:0"},
                                    {{"EBB_MANAGER_DIR", commands_.manager}});
    for (int i = 0; i < 6000 && server_->runs(); ++i) {
      const std::string out = server_->output();
      if (out.find('\n') != std::string::npos) {
        const auto json = nlohmann::json::parse(out.substr(0, out.find('\n')), nullptr, false);
        ASSERT_TRUE(json.is_object()) << out;
        control_ = {"127.0.0.1", json["control"]};
        enrolment_ = {"127.0.0.1", json["enrolment"]};
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << server_->output() << server_->errors();
  }
  Result<Identity> enroll_host(const std::string& name) {
    const auto made = commands_.json_of({"token", "create", "--role", "source"});
    const Token token = TRY(parse_token(made["token"].get<std::string>()));
    // The token names the usual port; the test's is another.
    return enroll({commands_.folder / name, TRY(parse_token(token.text())), enrolment_, name, {}});
  }

  InProcess commands_;
  std::unique_ptr<StartedProgram> server_;
  Address control_;
  Address enrolment_;
};

TEST_F(ServeTest, LetsCommandsWorkBesideItAndEndsCleanlyBySigterm) {
  start();
  const auto identity = enroll_host("web1");
  ASSERT_TRUE(identity) << identity.error().text();
  {
    const auto client = ControlClient::connect(*identity, "serve_test");
    ASSERT_TRUE(client) << client.error().text();
    EXPECT_TRUE((*client)->poll_source());
    EXPECT_EQ(commands_.run({"revoke", "web1"}), ExitCode::done) << commands_.err;
    const auto refused = (*client)->poll_source();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::denied);
    server_->signal(SIGTERM);
    EXPECT_EQ(server_->exit_code(), 0) << server_->errors();
  }
  EXPECT_NE(server_->output().find("enrolled host=web1"), std::string::npos);
  EXPECT_NE(server_->output().find("stopped"), std::string::npos);
  const auto traffic = commands_.json_of({"status"})["traffic"];
  EXPECT_GT(traffic["control"]["bytes_in"], 0);
  EXPECT_GT(traffic["enrolment"]["bytes_out"], 0);
}

TEST_F(ServeTest, KnowsEverythingAgainAfterItWasKilled) {
  start();
  const auto identity = enroll_host("web1");
  ASSERT_TRUE(identity) << identity.error().text();
  server_->signal(SIGKILL);
  EXPECT_EQ(server_->exit_code(), 128 + SIGKILL);
  EXPECT_EQ(ControlClient::connect(*identity, "serve_test").error().kind(), ErrorKind::lost);
  start(control_.text());
  EXPECT_TRUE(ControlClient::connect(*identity, "serve_test"));
  EXPECT_EQ(commands_.run({"audit", "--verify"}), ExitCode::done);
}

TEST_F(ServeTest, RefusesAPortThatIsTaken) {
  start();
  auto second = StartedProgram::start(
      {EBB_MANAGER_PROGRAM, "serve", "--listen", control_.text(), "--enroll-listen", "127.0.0.1:0"},
      {{"EBB_MANAGER_DIR", commands_.manager}});
  EXPECT_EQ(second->exit_code(), 1);
  EXPECT_NE(second->errors().find("listening at " + control_.text()), std::string::npos)
      << second->errors();
}

// What a program is linked from, as nm(1) shows it.
std::string symbols_of(const char* program) {
  const auto listed = ebb::test::run_program({"nm", "-C", program});
  EXPECT_TRUE(listed.ok()) << listed.output;
  return listed.output;
}

TEST(ManagerProgram, IsLinkedFromNothingThatMovesContent) {
  const std::string manager = symbols_of(EBB_MANAGER_PROGRAM);
  const std::string ebb = symbols_of(EBB_PROGRAM);
  for (const char* symbol : {"ebb::Backup::", "ebb::PackStore::", "ebb::LocalSink::", "rocksdb::",
                             "io_uring_", "ebb::sha256("}) {
    EXPECT_NE(ebb.find(symbol), std::string::npos) << symbol << ": is it named otherwise now?";
    EXPECT_EQ(manager.find(symbol), std::string::npos) << symbol;
  }
}

}  // namespace
}  // namespace ebb::control::test
