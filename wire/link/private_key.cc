// SPDX-License-Identifier: Apache-2.0
#include "wire/link/private_key.h"

#include <openssl/pem.h>

#include "wire/link/private_key_state.h"

namespace ebb {

namespace {

// Never asks a person for the password of an encrypted key.
int no_password(char*, int, int, void*) {
  return -1;
}

}  // namespace

HolderId holder_of_key(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  EBB_CHECK(size > 0, "a public key cannot be written down");
  const auto holder =
      ossl::sha256_name<HolderId>(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return holder;
}

PrivateKey::PrivateKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

PrivateKey PrivateKey::make() {
  ossl::Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EBB_CHECK(key, "OpenSSL cannot make a key");
  return PrivateKey(std::make_unique<State>(State{std::move(key)}));
}

Result<PrivateKey> PrivateKey::of_pem(Bytes pem) {
  const ossl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EBB_CHECK(bio, "out of memory");
  ossl::Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return fail(Error::invalid("this is no private key in PEM: {}", ossl::last_words()));
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(Error::invalid("this is a private key of another kind than Ed25519"));
  }
  return PrivateKey(std::make_unique<State>(State{std::move(key)}));
}

SecretBuffer PrivateKey::pem() const {
  const ossl::Bio bio(BIO_new(BIO_s_secmem()));
  EBB_CHECK(bio, "out of memory");
  EBB_OSSL_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), state_->key.get(), nullptr, nullptr, 0,
                                               nullptr, nullptr));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  SecretBuffer pem(static_cast<std::size_t>(size));
  std::memcpy(pem.room().data(), text, pem.room().size());
  ::explicit_bzero(text, pem.room().size());
  return pem;
}

HolderId PrivateKey::holder() const {
  return holder_of_key(state_->key.get());
}

ByteVector PrivateKey::request() const {
  const ossl::X509Request request(X509_REQ_new());
  EBB_CHECK(request, "out of memory");
  EBB_OSSL_CHECK(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1));
  EBB_OSSL_CHECK(X509_REQ_set_pubkey(request.get(), state_->key.get()));
  EBB_CHECK(X509_REQ_sign(request.get(), state_->key.get(), nullptr) > 0,
            "a key cannot sign its own request");
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  EBB_CHECK(size > 0, "a request cannot be written down");
  const ByteVector bytes = copy_of(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace ebb
