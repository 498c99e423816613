// SPDX-License-Identifier: Apache-2.0
// Keys, requests and certificates; what openssl(1) thinks of them; files of an identity.
#include "wire/link/certificate.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/image_file.h"
#include "tests/support/run_program.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"
#include "wire/link/secret_file.h"

namespace ebb::test {
namespace {

const WallTime now = system_clock().wall();

CertificateOrder order_for(Purpose purpose, std::vector<std::string> names = {}) {
  return {purpose, std::move(names), now, days_after(now, certificate_days)};
}

TEST(Key, IsTheSameHolderAfterPem) {
  const PrivateKey key = PrivateKey::make();
  const SecretBuffer pem = key.pem();
  const auto again = PrivateKey::of_pem(pem.reveal());
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->holder(), key.holder());
  EXPECT_NE(PrivateKey::make().holder(), key.holder());
}

TEST(Key, ThatIsNoneOrOfAnotherKindIsInvalid) {
  EXPECT_EQ(PrivateKey::of_pem(bytes_of("no key")).error().kind(), ErrorKind::invalid);
  const auto rsa = run_program(
      {"openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"});
  const auto plain = run_program(
      {"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"});
  EXPECT_FALSE(PrivateKey::of_pem(bytes_of(rsa.output)));
  const auto other = PrivateKey::of_pem(bytes_of(plain.output));
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().text().find("another kind"), std::string::npos) << other.error().text();
}

TEST(Certificate, IsBelievedByOpensslForWhatItIsAndNamesItsHolder) {
  const TemporaryFolder folder;
  const auto authority = CertificateAuthority::make(now);
  const PrivateKey key = PrivateKey::make();
  const auto certificate =
      authority.issue(key.request(), order_for(Purpose::both, {"store.example", "127.0.0.1"}));
  ASSERT_TRUE(certificate) << certificate.error().text();
  write_text(folder / "ca", authority.certificate());
  write_text(folder / "leaf", *certificate);
  for (const char* purpose : {"sslserver", "sslclient"}) {
    const auto verified = run_program({"openssl", "verify", "-x509_strict", "-purpose", purpose,
                                       "-CAfile", folder / "ca", folder / "leaf"});
    EXPECT_TRUE(verified.ok()) << verified.output;
  }
  const auto text = run_program(
      {"openssl", "x509", "-in", folder / "leaf", "-noout", "-subject", "-ext", "subjectAltName"});
  EXPECT_NE(text.output.find("CN = " + key.holder().hex()), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("DNS:store.example, DNS:127.0.0.1"), std::string::npos) << text.output;
  const auto facts = facts_of(*certificate);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->holder, key.holder());
  EXPECT_EQ(facts->common_name, key.holder().hex());
  EXPECT_EQ(facts->until.text(), days_after(now, certificate_days).text());
}

TEST(Certificate, OfAClientIsNoServers) {
  const TemporaryFolder folder;
  const auto authority = CertificateAuthority::make(now);
  write_text(folder / "ca", authority.certificate());
  write_text(folder / "leaf",
             authority.issue(PrivateKey::make().request(), order_for(Purpose::client)).value());
  EXPECT_FALSE(run_program({"openssl", "verify", "-purpose", "sslserver", "-CAfile", folder / "ca",
                            folder / "leaf"})
                   .ok());
}

TEST(Certificate, IsNotIssuedForWhatIsNoRequest) {
  const auto authority = CertificateAuthority::make(now);
  const ByteVector request = PrivateKey::make().request();
  for (std::size_t bit = 0; bit < request.size() * 8; bit += 3) {
    ByteVector altered = request;
    altered[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto issued = authority.issue(altered, order_for(Purpose::client));
    ASSERT_FALSE(issued) << "bit " << bit;
    EXPECT_EQ(issued.error().kind(), ErrorKind::invalid);
  }
  EXPECT_FALSE(authority.issue({}, order_for(Purpose::client)));
  EXPECT_FALSE(authority.issue(ByteVector(max_request_bytes + 1), order_for(Purpose::client)));
}

TEST(Certificate, IsNotIssuedForNamesThatAreNone) {
  const auto authority = CertificateAuthority::make(now);
  const ByteVector request = PrivateKey::make().request();
  for (const char* name : {"", "*", "*.example", "a b", "a,DNS:b", "a\nb", ".a"}) {
    EXPECT_FALSE(authority.issue(request, order_for(Purpose::server, {name}))) << name;
  }
  const std::vector<std::string> many(max_server_names + 1, "a");
  EXPECT_FALSE(authority.issue(request, order_for(Purpose::server, many)));
}

TEST(Certificate, TextThatIsNoneOrTwoIsInvalid) {
  const auto authority = CertificateAuthority::make(now);
  EXPECT_FALSE(facts_of("no certificate"));
  EXPECT_FALSE(facts_of(authority.certificate() + authority.certificate()));
  EXPECT_FALSE(facts_of(std::string(max_certificate_bytes + 1, 'x')));
}

TEST(Authority, IsNotMadeOfAnothersKey) {
  const auto authority = CertificateAuthority::make(now);
  const auto wrong = CertificateAuthority::of(authority.certificate(), PrivateKey::make());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind(), ErrorKind::mismatch);
}

TEST(IdentityFile, OfItsOwnerIsReadByNobodyElse) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_new_file(folder / "key", bytes_of("secret"), Readers::owner));
  struct stat status {};
  ASSERT_EQ(::stat((folder / "key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(text_of(read_identity_file(folder / "key", Readers::owner).value().reveal()), "secret");
  ASSERT_EQ(::chmod((folder / "key").c_str(), 0640), 0);
  const auto read = read_identity_file(folder / "key", Readers::owner);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind(), ErrorKind::denied);
  EXPECT_NE(read.error().text().find("chmod 600"), std::string::npos);
}

TEST(IdentityFile, IsNeverOverwritten) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_new_file(folder / "key", bytes_of("first"), Readers::owner));
  EXPECT_EQ(write_new_file(folder / "key", bytes_of("second"), Readers::owner).error().kind(),
            ErrorKind::invalid);
  EXPECT_EQ(text_of(read_identity_file(folder / "key", Readers::owner).value().reveal()), "first");
}

}  // namespace
}  // namespace ebb::test
