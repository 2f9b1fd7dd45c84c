#include "common/tls/issue.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/tls/certificate.h"
#include "common/tls/key.h"
#include "common/tls/openssl.h"

namespace ronda::tls {
namespace {

using NamesPtr = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

// 127 random bits: nobody can guess the serial of a certificate that is not made yet, and none
// comes twice.
bool SetSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
    return false;
  }
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  BIGNUM* number = BN_bin2bn(bytes, sizeof(bytes), nullptr);
  const bool set = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

// Whole UTF-8 characters of at most 64 bytes (RFC 5280, "ub-common-name").
std::string_view CutName(std::string_view name) {
  size_t size = std::min<size_t>(name.size(), 64);
  while (size > 0 && size < name.size() &&
         (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) {
    --size;
  }
  return name.substr(0, size);
}

bool SetName(X509_NAME* name, std::string_view common_name) {
  common_name = CutName(common_name);
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool SetTimes(X509* certificate, int64_t from_ms, int64_t to_ms) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from_ms / 1000) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), to_ms / 1000) != nullptr;
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// As objects, not through OpenSSL's configuration text, where a comma in a name would begin the
// next one.
void AddText(GENERAL_NAMES* names, int type, std::string_view text) {
  ASN1_IA5STRING* string = ASN1_IA5STRING_new();
  ASN1_STRING_set(string, text.data(), static_cast<int>(text.size()));
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, type, string);
  sk_GENERAL_NAME_push(names, name);
}

absl::Status AddAddress(GENERAL_NAMES* names, const std::string& text) {
  unsigned char bytes[16];
  const bool is_v6 = text.find(':') != std::string::npos;
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) != 1) {
    return Fail(absl::StatusCode::kInvalidArgument, "\"{}\" is no IP address", text);
  }
  ASN1_OCTET_STRING* string = ASN1_OCTET_STRING_new();
  ASN1_STRING_set(string, bytes, is_v6 ? 16 : 4);
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_IPADD, string);
  sk_GENERAL_NAME_push(names, name);
  return absl::OkStatus();
}

absl::Status AddNames(X509* certificate, const IssueSpec& spec) {
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  for (const std::string& uri : spec.uris) {
    AddText(names.get(), GEN_URI, uri);
  }
  for (const std::string& dns : spec.dns_names) {
    AddText(names.get(), GEN_DNS, dns);
  }
  for (const std::string& address : spec.ip_addresses) {
    RONDA_RETURN_IF_ERROR(AddAddress(names.get(), address));
  }
  if (sk_GENERAL_NAME_num(names.get()) > 0 &&
      X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_APPEND) !=
          1) {
    return OpenSslStatus("adding names to a certificate");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PemOf(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return OpenSslStatus("writing a certificate");
  }
  return TextOf(bio.get());
}

absl::Status CheckKey(EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  const int bits = EVP_PKEY_get_bits(key);
  if ((type == EVP_PKEY_EC && (bits == 256 || bits == 384)) ||
      (type == EVP_PKEY_RSA && bits >= 2048 && bits <= 8192)) {
    return absl::OkStatus();
  }
  return Fail(absl::StatusCode::kInvalidArgument,
              "the key of the certificate request is not P-256, P-384 or RSA of 2048 bits or more");
}

}  // namespace

absl::StatusOr<Pair> NewAuthority(std::string_view name, int64_t now_ms, int64_t valid_ms) {
  RONDA_ASSIGN_OR_RETURN(const std::string key_pem, NewKey());
  RONDA_ASSIGN_OR_RETURN(const Key key, ReadKey(key_pem));
  const Certificate certificate(X509_new());
  X509* c = certificate.get();
  if (X509_set_version(c, 2) != 1 || !SetSerial(c) || !SetName(X509_get_subject_name(c), name) ||
      X509_set_issuer_name(c, X509_get_subject_name(c)) != 1 ||
      !SetTimes(c, now_ms - kBackdateMs, now_ms + valid_ms) || X509_set_pubkey(c, key.get()) != 1 ||
      !AddExtension(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(c, c, NID_subject_key_identifier, "hash") ||
      X509_sign(c, key.get(), EVP_sha256()) == 0) {
    return OpenSslStatus("making a certificate authority");
  }
  RONDA_ASSIGN_OR_RETURN(std::string pem, PemOf(c));
  return Pair{std::move(pem), key_pem};
}

absl::StatusOr<std::string> Sign(const Pair& authority, std::string_view request_pem,
                                 const IssueSpec& spec) {
  RONDA_ASSIGN_OR_RETURN(const auto issuers, ReadCertificates(authority.certificate));
  RONDA_ASSIGN_OR_RETURN(const Key signer, ReadKey(authority.key));
  RONDA_ASSIGN_OR_RETURN(const Request request, ReadRequest(request_pem));
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || X509_REQ_verify(request.get(), key) != 1) {
    OpenSslErrors();
    return Fail(absl::StatusCode::kInvalidArgument,
                "the certificate request is not signed by its own key");
  }
  RONDA_RETURN_IF_ERROR(CheckKey(key));
  RONDA_ASSIGN_OR_RETURN(const CertificateInfo issuer, ReadCertificate(authority.certificate));
  X509* issuer_certificate = issuers.front().get();
  const Certificate certificate(X509_new());
  X509* c = certificate.get();
  const std::string usage = std::string(spec.for_clients ? "clientAuth" : "") +
                            (spec.for_clients && spec.for_servers ? "," : "") +
                            (spec.for_servers ? "serverAuth" : "");
  if (X509_set_version(c, 2) != 1 || !SetSerial(c) ||
      !SetName(X509_get_subject_name(c), spec.common_name) ||
      X509_set_issuer_name(c, X509_get_subject_name(issuer_certificate)) != 1 ||
      !SetTimes(c, spec.not_before_ms, std::min(spec.not_after_ms, issuer.not_after_ms)) ||
      X509_set_pubkey(c, key) != 1 ||
      !AddExtension(c, issuer_certificate, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(c, issuer_certificate, NID_key_usage, "critical,digitalSignature") ||
      (!usage.empty() && !AddExtension(c, issuer_certificate, NID_ext_key_usage, usage.c_str())) ||
      !AddExtension(c, issuer_certificate, NID_subject_key_identifier, "hash") ||
      !AddExtension(c, issuer_certificate, NID_authority_key_identifier, "keyid")) {
    return OpenSslStatus("making a certificate");
  }
  RONDA_RETURN_IF_ERROR(AddNames(c, spec));
  if (X509_sign(c, signer.get(), EVP_sha256()) == 0) {
    return OpenSslStatus("signing a certificate");
  }
  return PemOf(c);
}

}  // namespace ronda::tls
