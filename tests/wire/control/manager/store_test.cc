// SPDX-License-Identifier: Apache-2.0
// A manager's folder, its tables from version to version, and its audit log.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/image_file.h"
#include "tests/wire/control/manager/manager_folder.h"
#include "wire/control/manager/tables.h"

namespace ebb::control::test {
namespace {

TEST(ManagerFolder, HasItsSecretsForItsOwnerOnly) {
  ManagerFolder folder;
  for (const char* name : {"/authority.key", "/ticket.key", "/manager.db"}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder.path() + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0077, 0u) << name;
  }
}

TEST(ManagerFolder, IsNotMadeOverSomethingElse) {
  ManagerFolder folder;
  EXPECT_REFUSED(Store::make(folder.path(), {"a", 1}, noon, system_random()), ErrorKind::invalid,
                 "already");
  EXPECT_TRUE(Store::open(folder.path()));
}

TEST(ManagerFolder, ThatCannotBeMadeLeavesNothing) {
  const ebb::test::TemporaryFolder folder;
  ebb::test::write_text(folder / "file", "");
  EXPECT_FALSE(Store::make(folder / "file/manager", {"a", 1}, noon, system_random()));
  EXPECT_FALSE(Store::make(folder / "file", {"a", 1}, noon, system_random()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(ManagerFolder, ThatIsNoneIsAbsentAndSaysHowToMakeOne) {
  const ebb::test::TemporaryFolder folder;
  EXPECT_REFUSED(Store::open(folder / "none"), ErrorKind::absent, "ebb-manager init");
}

TEST(ManagerFolder, WithATicketKeyThatOthersCanReadIsDenied) {
  ManagerFolder folder;
  ASSERT_EQ(::chmod((folder.path() + "/ticket.key").c_str(), 0644), 0);
  EXPECT_REFUSED(Store::open(folder.path()), ErrorKind::denied, "chmod 600");
}

std::unique_ptr<Database> database_at(const std::string& path) {
  return Database::open(path, Database::Missing::make).value();
}

TEST(Tables, OfVersionOneAreBroughtUpWithAllThatIsInThem) {
  const ebb::test::TemporaryFolder folder;
  {
    const auto old = database_at(folder / "db");
    ASSERT_TRUE(bring_tables_to(*old, 1));
    ASSERT_TRUE(
        old->run("INSERT INTO hosts (name, role) VALUES ('store1', 'storage');"
                 "INSERT INTO repositories VALUES ('main', 'store1', NULL, 1);"
                 "INSERT INTO policies VALUES ('web', 'main', '*:/dev/*', 3600, 0, 24, "
                 "14, 0, 0, 0, 0, 0, 0, '', '');"));
    ASSERT_FALSE(old->number("SELECT count(*) FROM run_requests"));
  }
  const auto database = database_at(folder / "db");
  ASSERT_TRUE(bring_tables_to(*database));
  EXPECT_EQ(database->number("PRAGMA user_version").value(), tables_version);
  AuditLog audit(*database);
  Policies policies(*database, audit);
  EXPECT_EQ(policies.named("web").value().keep.daily, 14u);
  EXPECT_EQ(policies.open_runs("web1", noon).value().size(), 0u);
  EXPECT_EQ(Jobs(*database).traffic().value().size(), 0u);
}

TEST(Tables, OfANewerManagerAreRefused) {
  const ebb::test::TemporaryFolder folder;
  const auto database = database_at(folder / "db");
  ASSERT_TRUE(database->run("PRAGMA user_version = 99"));
  EXPECT_REFUSED(bring_tables_to(*database), ErrorKind::mismatch, "upgrade");
}

TEST(Tables, ThatAreNoneAreDamaged) {
  const ebb::test::TemporaryFolder folder;
  ebb::test::write_text(folder / "db", std::string(8192, 'x'));
  EXPECT_EQ(Database::open(folder / "db", Database::Missing::refuse).error().kind(),
            ErrorKind::damaged);
}

TEST(Transactions, ThatFailChangeNothing) {
  const ebb::test::TemporaryFolder folder;
  const auto database = database_at(folder / "db");
  ASSERT_TRUE(database->run("CREATE TABLE t (n INTEGER)"));
  const auto failed = database->atomically([&]() -> Result<void> {
    TRY(database->change("INSERT INTO t VALUES (?)", {1}));
    return fail(Error::busy("no"));
  });
  EXPECT_FALSE(failed);
  EXPECT_EQ(database->number("SELECT count(*) FROM t").value(), 0);
}

class AuditTest : public testing::Test {
 protected:
  AuditTest() {
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(folder_.store().audit().append(noon, "manager", "did", std::to_string(i), ""));
    }
  }
  AuditLog& audit() { return folder_.store().audit(); }
  void change(const std::string& sql) { ASSERT_TRUE(folder_.store().database().run(sql)); }

  ManagerFolder folder_;
};

TEST_F(AuditTest, OfWhatHappenedVerifies) {
  const auto verified = audit().verify();
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_EQ(verified->entries, 6u);  // And the manager's own making.
  EXPECT_TRUE(audit().verify(verified->newest));
}

TEST_F(AuditTest, FindsAnyFieldThatWasAltered) {
  for (const char* set :
       {"at = at + 1", "actor = 'x'", "action = 'x'", "subject = 'x'", "detail = 'x'",
        "former = zeroblob(32)", "digest = zeroblob(32)", "actor = actor || action, action = ''"}) {
    SCOPED_TRACE(set);
    change("CREATE TABLE kept AS SELECT * FROM audit");
    change(fmt::format("UPDATE audit SET {} WHERE number = 3", set));
    EXPECT_EQ(audit().verify().error().kind(), ErrorKind::damaged);
    change("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept");
    ASSERT_TRUE(audit().verify());
  }
}

TEST_F(AuditTest, FindsAnEntryThatWasDroppedOrMoved) {
  change("DELETE FROM audit WHERE number = 3");
  EXPECT_REFUSED(audit().verify(), ErrorKind::damaged, "entry 3");
  change("UPDATE audit SET number = number - 1 WHERE number > 3");
  EXPECT_REFUSED(audit().verify(), ErrorKind::damaged, "entry 3");
}

TEST_F(AuditTest, FindsThatItsEndWasCutByADigestThatWasSeen) {
  const AuditDigest seen = audit().verify().value().newest;
  change("DELETE FROM audit WHERE number > 4");
  EXPECT_TRUE(audit().verify());
  EXPECT_REFUSED(audit().verify(seen), ErrorKind::damaged, "cut");
}

}  // namespace
}  // namespace ebb::control::test
