// SPDX-License-Identifier: Apache-2.0
// The program as a person meets it: help, wrong usage, what commands make and list.
#include <fstream>

#include "tests/tools/manager/in_process.h"

namespace ebb::control::test {
namespace {

using Words = std::vector<std::string>;

const std::vector<Words> commands = {{"init"},
                                     {"rebuild"},
                                     {"recovery-key"},
                                     {"serve"},
                                     {"token", "create"},
                                     {"token", "list"},
                                     {"repository", "create"},
                                     {"repository", "allow"},
                                     {"repository", "list"},
                                     {"policy", "set"},
                                     {"policy", "list"},
                                     {"policy", "remove"},
                                     {"policy", "confirm"},
                                     {"status"},
                                     {"hosts"},
                                     {"volumes"},
                                     {"points"},
                                     {"jobs"},
                                     {"run"},
                                     {"revoke"},
                                     {"audit"}};

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

TEST(ManagerHelp, OfEveryCommandShowsAnExampleOfIt) {
  InProcess manager;
  for (const Words& command : commands) {
    Words arguments = command;
    arguments.push_back("--help");
    EXPECT_EQ(manager.run(arguments), ExitCode::done) << joined(command);
    EXPECT_NE(manager.out.find("\n  ebb-manager " + joined(command)), std::string::npos)
        << manager.out;
    EXPECT_EQ(manager.err, "") << joined(command);
  }
}

TEST(ManagerHelp, OfTheProgramNamesEveryCommandAndTheExitCodes) {
  InProcess manager;
  EXPECT_EQ(manager.run({"--help"}), ExitCode::done);
  for (const Words& command : commands) {
    EXPECT_NE(manager.out.find("  " + command.front() + " "), std::string::npos) << command.front();
  }
  EXPECT_NE(manager.out.find("Exit codes"), std::string::npos);
}

TEST(ManagerRebuild, OfWhatIsNoCopyFailsInWords) {
  InProcess manager;
  ASSERT_EQ(manager.run({"init", "--address", "127.0.0.1"}), ExitCode::done);
  const std::string key = manager.json_of({"recovery-key"})["recovery_key"];
  const std::string key_file = manager.folder / "key";
  std::ofstream(key_file) << key << "\n";
  std::ofstream(manager.folder / "text") << "no copy of anything, and long enough to look at\n";
  const std::string place = manager.folder / "again";
  for (const std::string& copy :
       {manager.folder / "text", manager.folder.path(), manager.folder / "not-there"}) {
    EXPECT_NE(manager.run({"rebuild", copy, place, "--recovery-key-file", key_file}),
              ExitCode::done);
    EXPECT_NE(manager.err, "") << copy;
  }
  EXPECT_NE(manager.run({"rebuild", manager.folder / "text", place, "--recovery-key-file",
                         manager.folder / "text"}),
            ExitCode::done);
  EXPECT_NE(manager.err.find("no recovery key"), std::string::npos) << manager.err;
}

TEST(ManagerUsage, ThatIsWrongExitsWith2) {
  InProcess manager;
  const std::vector<Words> wrong = {
      {},
      {"destroy"},
      {"token"},
      {"token", "create"},
      {"token", "create", "--role", "admin"},
      {"repository", "create", "main"},
      {"policy", "set", "web"},
      {"policy", "set", "web", "--volumes", "a:/b"},
      {"policy", "set", "web", "--volumes", "a:/b", "--every", "1h", "--keep-daily", "-1"},
      {"revoke"},
      {"run"},
      {"serve", "now"}};
  for (const Words& arguments : wrong) {
    EXPECT_EQ(manager.run(arguments), ExitCode::usage) << joined(arguments);
    EXPECT_EQ(manager.out, "") << joined(arguments);
    EXPECT_NE(manager.err, "") << joined(arguments);
  }
}

TEST(ManagerFolders, ThatAreNotThereAreNamedByEveryCommand) {
  InProcess manager;
  for (const Words& arguments : std::vector<Words>{{"serve"},
                                                   {"token", "list"},
                                                   {"token", "create", "--role", "source"},
                                                   {"status"},
                                                   {"hosts"},
                                                   {"audit", "--verify"}}) {
    EXPECT_EQ(manager.run(arguments), ExitCode::failed) << joined(arguments);
    EXPECT_NE(manager.err.find(manager.manager + " is no manager's folder"), std::string::npos)
        << manager.err;
  }
}

class MadeManager : public testing::Test {
 protected:
  MadeManager() {
    EXPECT_FALSE(manager_.json_of({"init", "--address", "manager.example"}).is_null());
    const auto store = Store::open(manager_.manager).value();
    admit(*store, "store1", Role::storage, {"store1.example"});
    admit(*store, "web1", Role::source, {});
  }
  static void admit(Store& store, const std::string& name, Role role, Words server_names) {
    const WallTime now = system_clock().wall();
    const auto token = system_random().name<TokenDigest>();
    ASSERT_TRUE(store.hosts().add_token(token, {role, "", {}, days_after(now, 1)}, now));
    ASSERT_TRUE(store.hosts().admit(
        {token, system_random().name<HolderId>(), name, std::move(server_names)}, now,
        days_after(now, 1)));
  }
  void must(const Words& arguments) {
    EXPECT_EQ(manager_.run(arguments), ExitCode::done) << manager_.err;
  }

  InProcess manager_;
};

TEST_F(MadeManager, IsNotMadeAgain) {
  EXPECT_EQ(manager_.run({"init"}), ExitCode::failed);
  EXPECT_NE(manager_.err.find("something at"), std::string::npos) << manager_.err;
}

TEST_F(MadeManager, PrintsATokenOnceAndListsItWithoutItsSecret) {
  must({"token", "create", "--role", "source", "--expires", "10m"});
  const auto token = parse_token(manager_.out);
  ASSERT_TRUE(token) << manager_.out;
  EXPECT_EQ(token->manager, (Address{"manager.example", 8441}));
  const auto list = manager_.json_of({"token", "list"});
  EXPECT_EQ(list.back()["state"], "open");
  EXPECT_EQ(list.back()["id"], token->digest().hex().substr(0, 12));
  EXPECT_EQ(manager_.out.find(token->text()), std::string::npos);
  EXPECT_EQ(manager_.run({"token", "create", "--role", "source", "--expires", "soon"}),
            ExitCode::failed);
}

TEST_F(MadeManager, SetsAPolicyOfTheOnlyRepository) {
  EXPECT_EQ(manager_.run({"policy", "set", "web", "--volumes", "web1:/dev/sda", "--every", "1h"}),
            ExitCode::failed);
  must({"repository", "create", "main", "--storage", "store1"});
  must({"policy",
        "set",
        "web",
        "--volumes",
        "web1:/dev/vg0/*",
        "--every",
        "1h",
        "--keep-hourly",
        "24",
        "--keep-daily",
        "14",
        "--keep-weekly",
        "8",
        "--keep-monthly",
        "12",
        "--bandwidth",
        "50M",
        "--window",
        "22:00-06:00",
        "--before",
        "sync",
        "--after",
        "true"});
  const auto policies = manager_.json_of({"policy", "list"});
  ASSERT_EQ(policies.size(), 1u);
  EXPECT_EQ(policies[0]["repository"], "main");
  EXPECT_EQ(policies[0]["keep"]["monthly"], 12);
  EXPECT_EQ(policies[0]["bytes_per_second"], 50 << 20);
  EXPECT_EQ(policies[0]["window"], "22:00-06:00");
  must({"run", "web"});
  must({"policy", "remove", "web"});
  EXPECT_EQ(manager_.run({"run", "web"}), ExitCode::failed);
  must({"repository", "allow", "main", "--host", "web1"});
  EXPECT_EQ(manager_.json_of({"repository", "list"})[0]["storage"], "store1");
}

TEST_F(MadeManager, RevokesAHostOnceAndShowsIt) {
  must({"revoke", "web1"});
  EXPECT_NE(manager_.out.find("within 30 s"), std::string::npos) << manager_.out;
  EXPECT_EQ(manager_.run({"revoke", "web1"}), ExitCode::failed);
  EXPECT_EQ(manager_.run({"revoke", "nobody"}), ExitCode::failed);
  for (const auto& host : manager_.json_of({"hosts"})) {
    EXPECT_EQ(host["revoked"].is_null(), host["host"] != "web1");
  }
  const auto status = manager_.json_of({"status"});
  EXPECT_EQ(status["hosts"]["revoked"], 1);
  EXPECT_EQ(status["hosts"]["storage"], 1);
  EXPECT_EQ(status["hosts"]["source"], 0);
}

TEST_F(MadeManager, ListsWhatIsThereAsTextToo) {
  for (const Words& arguments : std::vector<Words>{{"hosts"},
                                                   {"volumes"},
                                                   {"points"},
                                                   {"jobs"},
                                                   {"status"},
                                                   {"audit"},
                                                   {"token", "list"}}) {
    must(arguments);
    EXPECT_NE(manager_.out, "") << joined(arguments);
  }
}

TEST_F(MadeManager, NoticesThatItsAuditLogWasAltered) {
  const auto verified = manager_.json_of({"audit", "--verify"});
  EXPECT_GE(verified["entries"], 5);
  must({"audit", "--verify", "--seen", verified["newest"]});
  {
    const auto store = Store::open(manager_.manager).value();
    ASSERT_TRUE(store->database().run("UPDATE audit SET subject = 'x' WHERE number = 2"));
  }
  EXPECT_EQ(manager_.run({"audit", "--verify"}), ExitCode::damaged);
  EXPECT_NE(manager_.err.find("entry 2"), std::string::npos) << manager_.err;
}

}  // namespace
}  // namespace ebb::control::test
