#include "common/tls/key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "common/base/status.h"
#include "common/tls/openssl.h"

namespace ronda::tls {

absl::StatusOr<std::string> NewKey() {
  const Key key(EVP_EC_gen("P-256"));
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (key == nullptr || bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return OpenSslStatus("making a key");
  }
  return TextOf(bio.get());
}

absl::StatusOr<std::string> NewRequest(std::string_view key_pem, std::string_view common_name) {
  RONDA_ASSIGN_OR_RETURN(const Key key, ReadKey(key_pem));
  const Request request(X509_REQ_new());
  X509_NAME* name = X509_REQ_get_subject_name(request.get());
  common_name = common_name.substr(0, 64);  // the bound of RFC 5280, "ub-common-name"
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (X509_REQ_set_version(request.get(), 0) != 1 ||
      X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
    return OpenSslStatus("making a certificate request");
  }
  return TextOf(bio.get());
}

}  // namespace ronda::tls
