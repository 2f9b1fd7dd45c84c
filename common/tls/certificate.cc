#include "common/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "absl/time/time.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/tls/issue.h"
#include "common/tls/openssl.h"

namespace ronda::tls {
namespace {

std::string TextOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string CommonNameOf(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) {
    return "";
  }
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  std::string text =
      size < 0 ? "" : std::string(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

int64_t MillisecondsOf(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? int64_t{timegm(&parts)} * 1000 : 0;
}

std::string AddressOf(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int size = ASN1_STRING_length(bytes);
  if (size == 4 || size == 16) {
    inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text, sizeof(text));
  }
  return text;
}

void ReadNames(const X509* certificate, CertificateInfo* info) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) {
      info->uris.push_back(TextOf(name->d.uniformResourceIdentifier));
    } else if (name->type == GEN_DNS) {
      info->dns_names.push_back(TextOf(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      info->ip_addresses.push_back(AddressOf(name->d.iPAddress));
    }
  }
  GENERAL_NAMES_free(names);
}

std::string FingerprintOf(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest, &size);
  return ToHex({reinterpret_cast<const char*>(digest), size});
}

CertificateInfo InfoOf(X509* certificate) {
  CertificateInfo info;
  info.common_name = CommonNameOf(X509_get_subject_name(certificate));
  info.issuer = CommonNameOf(X509_get_issuer_name(certificate));
  info.serial = ToHex(TextOf(X509_get0_serialNumber(certificate)));
  info.fingerprint = FingerprintOf(certificate);
  info.not_before_ms = MillisecondsOf(X509_get0_notBefore(certificate));
  info.not_after_ms = MillisecondsOf(X509_get0_notAfter(certificate));
  info.is_authority = X509_check_ca(certificate) != 0;
  ReadNames(certificate, &info);
  return info;
}

}  // namespace

absl::StatusOr<CertificateInfo> ReadCertificate(std::string_view pem) {
  RONDA_ASSIGN_OR_RETURN(const auto all, ReadCertificates(pem));
  return InfoOf(all.front().get());
}

absl::StatusOr<std::vector<CertificateInfo>> ReadAllCertificates(std::string_view pem) {
  RONDA_ASSIGN_OR_RETURN(const auto all, ReadCertificates(pem));
  std::vector<CertificateInfo> infos;
  for (const Certificate& one : all) {
    infos.push_back(InfoOf(one.get()));
  }
  return infos;
}

std::string FindByFingerprint(std::string_view pem, std::string_view fingerprint) {
  const auto all = ReadCertificates(pem);
  if (!all.ok()) {
    return "";
  }
  for (const Certificate& one : *all) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (FingerprintOf(one.get()) == fingerprint && PEM_write_bio_X509(bio.get(), one.get()) == 1) {
      return tls::TextOf(bio.get());
    }
  }
  return "";
}

absl::Status CheckPair(std::string_view certificate_pem, std::string_view key_pem) {
  RONDA_ASSIGN_OR_RETURN(const auto all, ReadCertificates(certificate_pem));
  RONDA_ASSIGN_OR_RETURN(const Key key, ReadKey(key_pem));
  if (X509_check_private_key(all.front().get(), key.get()) != 1) {
    OpenSslErrors();
    return Fail(absl::StatusCode::kInvalidArgument, "the key is not that of the certificate");
  }
  return absl::OkStatus();
}

int64_t RenewAtMs(const CertificateInfo& certificate) {
  const int64_t begin_ms =
      std::min(certificate.not_before_ms + kBackdateMs, certificate.not_after_ms);
  return begin_ms + (certificate.not_after_ms - begin_ms) / 3 * 2;
}

std::string FormatInstant(int64_t t_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixMillis(t_ms), absl::UTCTimeZone());
}

}  // namespace ronda::tls
