// Owners of OpenSSL's objects, and its errors as text. For the sources of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::tls {

template <typename T, void (*kFree)(T*)>
struct Freer {
  void operator()(T* object) const { kFree(object); }
};
template <typename T, void (*kFree)(T*)>
using Owned = std::unique_ptr<T, Freer<T, kFree>>;

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;
using Request = Owned<X509_REQ, X509_REQ_free>;
using BioPtr = Owned<BIO, BIO_free_all>;

// What OpenSSL's error queue holds, newest cause first; empties it.
std::string OpenSslErrors();
// kInternal: "making a key: ..." with those errors.
absl::Status OpenSslStatus(std::string_view doing);

// kInvalidArgument if there is none, or the text is no PEM of its kind.
absl::StatusOr<Key> ReadKey(std::string_view pem);
absl::StatusOr<Request> ReadRequest(std::string_view pem);
absl::StatusOr<std::vector<Certificate>> ReadCertificates(std::string_view pem);

// What a memory BIO holds.
std::string TextOf(BIO* bio);

}  // namespace ronda::tls
