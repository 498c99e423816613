// SPDX-License-Identifier: Apache-2.0
// Who is let in, by which token, under which name; and who no more.
#include <gtest/gtest.h>

#include "tests/wire/control/manager/manager_folder.h"

namespace ebb::control::test {
namespace {

class HostsTest : public testing::Test {
 protected:
  Hosts& hosts() { return folder_.store().hosts(); }
  WallTime in_an_hour() { return seconds_from_noon(3600); }
  ManagerFolder folder_;
};

TEST_F(HostsTest, AreLetInByATokenAndKnownByTheirKey) {
  const Host host = folder_.admit("web1", Role::source);
  const auto known = hosts().known(host.holder);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->name, "web1");
  EXPECT_EQ(known->role, Role::source);
  EXPECT_EQ(hosts().named("web1").value().holder, host.holder);
  EXPECT_EQ(hosts().named(host.holder.hex().substr(0, 12)).value().name, "web1");
  EXPECT_REFUSED(hosts().known(HolderId{}), ErrorKind::denied, "enroll");
}

TEST_F(HostsTest, AreNotLetInTwiceByOneToken) {
  const TokenDigest token = folder_.token(Role::source);
  ASSERT_TRUE(folder_.try_admit("web1", token));
  EXPECT_REFUSED(folder_.try_admit("web2", token), ErrorKind::denied, "used already");
  EXPECT_EQ(hosts().all().value().size(), 1u);
}

TEST_F(HostsTest, AreToldTheSameOfAUsedAnExpiredAndAnUnknownToken) {
  const TokenDigest used = folder_.token(Role::source);
  ASSERT_TRUE(folder_.try_admit("web1", used));
  const TokenDigest expired = folder_.token({Role::source, "", {}, noon});
  const std::string words = folder_.try_admit("web2", used).error().text();
  EXPECT_EQ(folder_.try_admit("web2", expired).error().text(), words);
  EXPECT_EQ(folder_.try_admit("web2", TokenDigest{}).error().text(), words);
}

TEST_F(HostsTest, KeepTheTokenWhenTheirNameIsRefused) {
  folder_.admit("web1", Role::source);
  const TokenDigest token = folder_.token(Role::source);
  EXPECT_REFUSED(folder_.try_admit("web1", token), ErrorKind::invalid, "already");
  for (const char* wrong : {"", "a b", "../x", ".x", "-x", "a\nb"}) {
    EXPECT_REFUSED(folder_.try_admit(wrong, token), ErrorKind::invalid, "no name");
  }
  EXPECT_TRUE(folder_.try_admit("web2", token));
}

TEST_F(HostsTest, HaveTheNameThatTheirTokenSays) {
  const TokenDigest token = folder_.token({Role::source, "web7", {}, in_an_hour()});
  EXPECT_REFUSED(folder_.try_admit("web8", token), ErrorKind::invalid, "web7");
  EXPECT_TRUE(folder_.try_admit("web7", token));
}

TEST_F(HostsTest, HaveOnlyServerNamesThatAreFreeAndAllowed) {
  folder_.admit("store1", Role::storage);
  const TokenDigest any = folder_.token(Role::storage);
  EXPECT_REFUSED(folder_.try_admit("store2", any, {"store1.example"}), ErrorKind::invalid,
                 "somebody else's");
  EXPECT_REFUSED(folder_.try_admit("store2", any, {"ebb-manager"}), ErrorKind::invalid,
                 "somebody else's");
  EXPECT_REFUSED(folder_.try_admit("store2", any, {"*.example"}), ErrorKind::invalid, "no host");
  EXPECT_REFUSED(folder_.try_admit("store2", any), ErrorKind::invalid, "needs a name");
  const TokenDigest one = folder_.token({Role::storage, "", {"b.example"}, in_an_hour()});
  EXPECT_REFUSED(folder_.try_admit("store2", one, {"c.example"}), ErrorKind::invalid,
                 "does not allow");
  EXPECT_TRUE(folder_.try_admit("store2", one, {"b.example"}));
  EXPECT_REFUSED(folder_.try_admit("web1", folder_.token(Role::source), {"d.example"}),
                 ErrorKind::invalid, "no server");
}

TEST_F(HostsTest, ThatAreRevokedAreKnownNoMoreAndCounted) {
  const Host first = folder_.admit("web1", Role::source);
  const Host second = folder_.admit("web2", Role::source);
  ASSERT_TRUE(hosts().revoke("web1", noon));
  ASSERT_TRUE(hosts().revoke(second.holder.hex().substr(0, 8), noon));
  EXPECT_REFUSED(hosts().known(first.holder), ErrorKind::denied, "revoked");
  EXPECT_REFUSED(hosts().revoke("web1", noon), ErrorKind::invalid, "was revoked");
  EXPECT_REFUSED(hosts().revoke("web3", noon), ErrorKind::absent, "web3");
  const auto all = hosts().revocations({}, 10).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].holder, first.holder);
  EXPECT_EQ(hosts().revocations(all[0], 10).value().size(), 1u);
  EXPECT_EQ(hosts().revocations(all[1], 10).value().size(), 0u);
  EXPECT_EQ(hosts().revocations({}, 1).value().size(), 1u);
  // Heard from another database.
  EXPECT_EQ(hosts().revocations({2, second.holder, seconds_from_noon(1)}, 10).value().size(), 2u);
  EXPECT_EQ(hosts().revocations({2, first.holder, noon}, 10).value().size(), 2u);
  EXPECT_EQ(hosts().revocations({3, second.holder, noon}, 10).value().size(), 2u);
}

TEST_F(HostsTest, GiveTheNameOfARevokedOneOnlyToATokenForIt) {
  const Host first = folder_.admit("web1", Role::source);
  ASSERT_TRUE(hosts().revoke("web1", noon));
  EXPECT_REFUSED(folder_.try_admit("web1", folder_.token(Role::source)), ErrorKind::invalid,
                 "--host web1");
  const TokenDigest other_role = folder_.token({Role::operator_, "web1", {}, in_an_hour()});
  EXPECT_REFUSED(folder_.try_admit("web1", other_role), ErrorKind::invalid, "source");
  const TokenDigest right = folder_.token({Role::source, "web1", {}, in_an_hour()});
  const auto again = folder_.try_admit("web1", right);
  ASSERT_TRUE(again);
  EXPECT_NE(again->holder, first.holder);
  EXPECT_FALSE(hosts().named("web1").value().revoked);
  EXPECT_EQ(hosts().all().value().size(), 1u);
}

TEST_F(HostsTest, AreNotEnrolledAgainWithAKeyThatWasRevoked) {
  const Host host = folder_.admit("web1", Role::source);
  ASSERT_TRUE(hosts().revoke("web1", noon));
  const auto again =
      hosts().admit({folder_.token(Role::source), host.holder, "web2", {}}, noon, in_an_hour());
  EXPECT_REFUSED(again, ErrorKind::denied, "make a new one");
}

TEST_F(HostsTest, AreInTheAuditLogFromTokenToRevocation) {
  folder_.admit("web1", Role::source);
  ASSERT_TRUE(hosts().revoke("web1", noon));
  std::vector<std::string> actions;
  ASSERT_TRUE(folder_.store().audit().each(
      [&](const AuditEntry& entry) { actions.push_back(entry.action); }));
  EXPECT_EQ(actions, (std::vector<std::string>{"made", "token created", "enrolled", "revoked"}));
  EXPECT_TRUE(folder_.store().audit().verify());
}

}  // namespace
}  // namespace ebb::control::test
