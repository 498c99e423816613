// SPDX-License-Identifier: Apache-2.0
#include "wire/link/certificate.h"

#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "devmap/core/random.h"
#include "wire/link/private_key_state.h"

namespace ebb {

namespace {

constexpr const char* authority_name = "ebb manager";

std::string pem_of(X509* certificate) {
  const ossl::Bio bio(BIO_new(BIO_s_mem()));
  EBB_CHECK(bio, "out of memory");
  EBB_OSSL_CHECK(PEM_write_bio_X509(bio.get(), certificate));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Result<ossl::X509Certificate> certificate_of(const std::string& pem) {
  if (pem.size() > max_certificate_bytes) return fail(Error::invalid("a certificate too long"));
  const ossl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EBB_CHECK(bio, "out of memory");
  ossl::X509Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) {
    return fail(Error::invalid("this is no certificate in PEM: {}", ossl::last_words()));
  }
  const ossl::X509Certificate second(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (second) return fail(Error::invalid("these are several certificates where one belongs"));
  return certificate;
}

Result<ossl::X509Request> request_of(Bytes der) {
  if (der.size() > max_request_bytes) return fail(Error::invalid("a request too long"));
  const unsigned char* at = ossl::raw(der);
  ossl::X509Request request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (!request || at != ossl::raw(der) + der.size()) {
    ERR_clear_error();
    return fail(Error::invalid("this is no certificate request"));
  }
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
    ERR_clear_error();
    return fail(Error::invalid("a certificate is issued for an Ed25519 key only"));
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return fail(Error::invalid("the request is not signed by the key that it names"));
  }
  return request;
}

std::time_t seconds_of(WallTime time) {
  return static_cast<std::time_t>(time.nanoseconds / 1'000'000'000);
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return {static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000'000};
}

void add_extension(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ossl::X509Extension extension(X509V3_EXT_nconf_nid(nullptr, &context, what, value.c_str()));
  EBB_CHECK(extension, "OpenSSL does not know an extension of RFC 5280");
  EBB_OSSL_CHECK(X509_add_ext(certificate, extension.get(), -1));
}

void set_name(X509* certificate, const std::string& common_name) {
  EBB_OSSL_CHECK(X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0));
}

// Version, serial number, times and key, which every certificate has.
ossl::X509Certificate blank_certificate(EVP_PKEY* key, WallTime from, WallTime until) {
  ossl::X509Certificate certificate(X509_new());
  EBB_CHECK(certificate, "out of memory");
  EBB_OSSL_CHECK(X509_set_version(certificate.get(), X509_VERSION_3));
  // RFC 5280, 4.1.2.2: positive, and of at most 20 bytes.
  std::array<std::byte, 16> serial{};
  system_random().fill(serial);
  serial[0] = (serial[0] & std::byte{0x7f}) | std::byte{0x40};
  BIGNUM* const number = BN_bin2bn(ossl::raw(serial), static_cast<int>(serial.size()), nullptr);
  EBB_CHECK(number != nullptr &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get())) != nullptr,
            "out of memory");
  BN_free(number);
  EBB_CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds_of(from)) != nullptr &&
                ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds_of(until)) != nullptr,
            "a time that no certificate can hold");
  EBB_OSSL_CHECK(X509_set_pubkey(certificate.get(), key));
  return certificate;
}

std::string_view usage_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::client: return "clientAuth";
    case Purpose::server: return "serverAuth";
    case Purpose::both: return "serverAuth,clientAuth";
  }
  return "";
}

void sign_by(X509* certificate, const PrivateKey& key) {
  EBB_CHECK(X509_sign(certificate, key.state().key.get(), nullptr) > 0,
            "an authority cannot sign a certificate");
}

}  // namespace

WallTime days_after(WallTime time, std::int64_t days) {
  return {time.nanoseconds + days * seconds_in_day * 1'000'000'000};
}

bool is_server_name(std::string_view name) {
  // ':' for IPv6 addresses. No '*': a name that stands for many is nobody's.
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  };
  return !name.empty() && name.size() <= max_server_name_bytes && name.front() != '.' &&
         std::ranges::all_of(name, allowed);
}

Result<CertificateFacts> facts_of(const std::string& certificate_pem) {
  const ossl::X509Certificate certificate = TRY(certificate_of(certificate_pem));
  CertificateFacts facts;
  EVP_PKEY* const key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return fail(Error::invalid("a certificate without a key"));
  facts.holder = holder_of_key(key);
  char common_name[128] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, common_name,
                            sizeof common_name);
  facts.common_name = common_name;
  facts.from = time_of(X509_get0_notBefore(certificate.get()));
  facts.until = time_of(X509_get0_notAfter(certificate.get()));
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  EBB_CHECK(size > 0, "a certificate cannot be written down");
  facts.digest = ossl::sha256_name<CertificateDigest>(
      std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return facts;
}

CertificateAuthority CertificateAuthority::make(WallTime now) {
  PrivateKey key = PrivateKey::make();
  const WallTime from{now.nanoseconds - certificate_clock_skew_seconds * 1'000'000'000};
  const auto certificate =
      blank_certificate(key.state().key.get(), from, days_after(now, authority_days));
  set_name(certificate.get(), authority_name);
  EBB_OSSL_CHECK(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())));
  add_extension(certificate.get(), certificate.get(), NID_basic_constraints,
                "critical,CA:TRUE,pathlen:0");
  add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign");
  add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  sign_by(certificate.get(), key);
  return {pem_of(certificate.get()), std::move(key)};
}

Result<CertificateAuthority> CertificateAuthority::of(std::string certificate_pem, PrivateKey key) {
  const CertificateFacts facts = TRY(facts_of(certificate_pem));
  if (facts.holder != key.holder()) {
    return fail(Error::mismatch("the authority's certificate is not that of its key"));
  }
  return CertificateAuthority(std::move(certificate_pem), std::move(key));
}

Result<std::string> CertificateAuthority::issue(Bytes request,
                                                const CertificateOrder& order) const {
  const ossl::X509Request asked = TRY(request_of(request));
  if (order.server_names.size() > max_server_names ||
      !std::ranges::all_of(order.server_names, is_server_name)) {
    return fail(Error::invalid("a server name is no host name or address, or there are too many"));
  }
  const ossl::X509Certificate own = TRY(certificate_of(certificate_));
  EVP_PKEY* const key = X509_REQ_get0_pubkey(asked.get());
  const auto certificate = blank_certificate(key, order.from, order.until);
  set_name(certificate.get(), holder_of_key(key).hex());
  EBB_OSSL_CHECK(X509_set_issuer_name(certificate.get(), X509_get_subject_name(own.get())));
  add_extension(certificate.get(), own.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), own.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), own.get(), NID_ext_key_usage,
                std::string(usage_of(order.purpose)));
  add_extension(certificate.get(), own.get(), NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), own.get(), NID_authority_key_identifier, "keyid:always");
  if (!order.server_names.empty()) {
    // An address too is written as a DNS name, because kj-tls compares what was dialled with names
    // as text and never looks at the addresses of a certificate.
    std::string names;
    for (const std::string& name : order.server_names) {
      names += (names.empty() ? "DNS:" : ",DNS:") + name;
    }
    add_extension(certificate.get(), own.get(), NID_subject_alt_name, names);
  }
  sign_by(certificate.get(), key_);
  return pem_of(certificate.get());
}

Result<HolderId> holder_in_request(Bytes request) {
  const ossl::X509Request asked = TRY(request_of(request));
  return holder_of_key(X509_REQ_get0_pubkey(asked.get()));
}

}  // namespace ebb
