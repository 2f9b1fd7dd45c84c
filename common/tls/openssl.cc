#include "common/tls/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <utility>

#include "common/base/status.h"

namespace ronda::tls {
namespace {

// Never asks for a passphrase: a key that needs one is refused.
int NoPassphrase(char*, int, int, void*) { return -1; }

BioPtr Reader(std::string_view pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

}  // namespace

std::string OpenSslErrors() {
  std::string text;
  for (unsigned long code = 0; (code = ERR_get_error()) != 0;) {
    const char* reason = ERR_reason_error_string(code);
    text = std::string(reason != nullptr ? reason : "error " + std::to_string(code)) +
           (text.empty() ? "" : "; " + text);
  }
  return text.empty() ? "unknown error" : text;
}

absl::Status OpenSslStatus(std::string_view doing) {
  return Fail(absl::StatusCode::kInternal, "{}: {}", doing, OpenSslErrors());
}

absl::StatusOr<Key> ReadKey(std::string_view pem) {
  const BioPtr bio = Reader(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    OpenSslErrors();
    return Fail(absl::StatusCode::kInvalidArgument,
                "not a private key in PEM form without a passphrase");
  }
  return key;
}

absl::StatusOr<Request> ReadRequest(std::string_view pem) {
  const BioPtr bio = Reader(pem);
  Request request(PEM_read_bio_X509_REQ(bio.get(), nullptr, NoPassphrase, nullptr));
  if (request == nullptr) {
    OpenSslErrors();
    return Fail(absl::StatusCode::kInvalidArgument, "not a certificate request in PEM form");
  }
  return request;
}

absl::StatusOr<std::vector<Certificate>> ReadCertificates(std::string_view pem) {
  const BioPtr bio = Reader(pem);
  std::vector<Certificate> all;
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    all.emplace_back(one);
  }
  // The end of the text is an error of its own, which says "no start line".
  const unsigned long last = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const std::string why = OpenSslErrors();
  if (all.empty() && at_end) {
    return Fail(absl::StatusCode::kInvalidArgument, "holds no certificate in PEM form");
  }
  if (!at_end) {
    return Fail(absl::StatusCode::kInvalidArgument, "holds a damaged certificate ({})", why);
  }
  return all;
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace ronda::tls
