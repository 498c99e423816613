// SPDX-License-Identifier: Apache-2.0
// Enrolment over a real port: what a host has afterwards, and that it has nothing when refused.
#include <sys/stat.h>

#include <filesystem>

#include "tests/wire/control/manager/manager_folder.h"
#include "tests/wire/control/running_manager.h"

namespace ebb::control::test {
namespace {

class EnrolmentTest : public testing::Test {
 protected:
  void expect_nothing_left(const std::string& name) {
    const std::string folder = manager_.state_folder(name);
    EXPECT_TRUE(!std::filesystem::exists(folder) || std::filesystem::is_empty(folder));
    EXPECT_REFUSED(read_identity(folder), ErrorKind::absent, "not enrolled");
  }
  RunningManager manager_;
};

TEST_F(EnrolmentTest, GivesAHostAnIdentityThatItReadsAgain) {
  const Identity made = manager_.enroll_host("web1", Role::source);
  const auto read = read_identity(manager_.state_folder("web1"));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->holder(), made.holder());
  EXPECT_EQ(read->manager, manager_.control());
  EXPECT_EQ(read->name, "web1");
  EXPECT_EQ(read->role, Role::source);
  EXPECT_EQ(read->ticket_key, ticket_verify_key(manager_.store().ticket_key()));
  EXPECT_EQ(read->authority, manager_.store().authority().certificate());
  EXPECT_EQ(manager_.store().hosts().named("web1").value().holder, made.holder());
  struct stat status {};
  ASSERT_EQ(::stat((manager_.state_folder("web1") + "/identity/key.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(EnrolmentTest, ByATokenThatWasUsedIsDeniedOnBothSides) {
  const Token token = manager_.token(Role::source);
  ASSERT_TRUE(manager_.try_enroll("web1", token));
  EXPECT_REFUSED(manager_.try_enroll("web2", token), ErrorKind::denied, "used already");
  expect_nothing_left("web2");
  EXPECT_TRUE(manager_.said("refused enroll from 127.0.0.1"));
  EXPECT_TRUE(manager_.said("this token is not valid"));
}

TEST_F(EnrolmentTest, ByAnExpiredTokenIsDenied) {
  EXPECT_REFUSED(manager_.try_enroll("web1", manager_.token(Role::source, "", -1)),
                 ErrorKind::denied, "expired");
  expect_nothing_left("web1");
}

TEST_F(EnrolmentTest, ByATokenThatNobodyMadeIsDenied) {
  const Token made_up =
      Token::make(manager_.store().authority_digest(), manager_.enrolment(), system_random());
  EXPECT_REFUSED(manager_.try_enroll("web1", made_up), ErrorKind::denied, "another manager");
  expect_nothing_left("web1");
}

TEST_F(EnrolmentTest, AtAnotherManagerEndsBeforeTheSecretIsSaid) {
  Token token = manager_.token(Role::source);
  const std::string right = token.text();
  token.authority = system_random().name<CertificateDigest>();
  EXPECT_REFUSED(manager_.try_enroll("web1", token), ErrorKind::denied, "is not the manager");
  expect_nothing_left("web1");
  // The secret was not used up, because it was never said.
  EXPECT_TRUE(enroll({manager_.state_folder("web1"), parse_token(right).value(), {}, "web1", {}}));
}

TEST_F(EnrolmentTest, WhereNobodyListensSaysSo) {
  Token token = manager_.token(Role::source);
  token.manager = {"127.0.0.1", 1};
  EXPECT_REFUSED(manager_.try_enroll("web1", token), ErrorKind::lost, "127.0.0.1:1");
  expect_nothing_left("web1");
}

TEST_F(EnrolmentTest, AtThePortForEnrolledHostsIsRefused) {
  Token token = manager_.token(Role::source);
  token.manager = manager_.control();
  EXPECT_FALSE(manager_.try_enroll("web1", token));
  expect_nothing_left("web1");
}

TEST_F(EnrolmentTest, OfAnEnrolledHostCostsNoToken) {
  ASSERT_TRUE(manager_.try_enroll("web1", manager_.token(Role::source)));
  const Token token = manager_.token(Role::source);
  EXPECT_REFUSED(manager_.try_enroll("web1", token), ErrorKind::invalid, "enrolled already");
  EXPECT_TRUE(manager_.try_enroll("web2", token));
}

TEST_F(EnrolmentTest, IntoAFolderThatCannotBeMadeCostsNoToken) {
  const Token token = manager_.token(Role::source);
  EnrolmentWish wish{"/dev/null/state", parse_token(token.text()).value(), {}, "web1", {}};
  EXPECT_FALSE(enroll(wish));
  EXPECT_TRUE(manager_.try_enroll("web1", token));
}

TEST_F(EnrolmentTest, IsReachedByAnotherAddressThanTheTokensToo) {
  Token token = manager_.token(Role::source);
  const Address real = token.manager;
  token.manager = {"manager.invalid", 1};
  EXPECT_TRUE(
      enroll({manager_.state_folder("web1"), parse_token(token.text()).value(), real, "web1", {}}));
}

TEST_F(EnrolmentTest, OfAStorageAgentCertifiesItsServerNames) {
  ASSERT_TRUE(manager_.try_enroll("store1", manager_.token(Role::storage), {"s.example"}));
  EXPECT_REFUSED(manager_.try_enroll("store2", manager_.token(Role::storage), {"s.example"}),
                 ErrorKind::invalid, "somebody else's");
  EXPECT_REFUSED(manager_.try_enroll("web1", manager_.token(Role::source), {"w.example"}),
                 ErrorKind::invalid, "no server");
}

}  // namespace
}  // namespace ebb::control::test
