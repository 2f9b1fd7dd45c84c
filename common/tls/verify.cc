#include "common/tls/verify.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <vector>

#include "common/base/status.h"
#include "common/tls/certificate.h"
#include "common/tls/openssl.h"

namespace ronda::tls {
namespace {

using StorePtr = Owned<X509_STORE, X509_STORE_free>;
using ContextPtr = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;

std::string Explain(int error, std::string_view subject, const CertificateInfo& info,
                    Purpose purpose, int64_t now_ms) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("{} expired on {}, it is {} here", subject,
                         FormatInstant(info.not_after_ms), FormatInstant(now_ms));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is not valid before {}, it is {} here: is a clock wrong?", subject,
                         FormatInstant(info.not_before_ms), FormatInstant(now_ms));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return fmt::format("{} is self-signed, or of an authority that is not trusted here", subject);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format("{} is of another authority (\"{}\"), which is not trusted here", subject,
                         info.issuer);
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
      return fmt::format("{} is not what the authority signed: its signature is wrong", subject);
    case X509_V_ERR_INVALID_PURPOSE:
      return fmt::format("{} is not made for {} (extended key usage)", subject,
                         purpose == Purpose::kClient ? "clients" : "servers");
    default:
      return fmt::format("{}: {}", subject, X509_verify_cert_error_string(error));
  }
}

bool HasUsage(X509* certificate, Purpose purpose) {
  const uint32_t wanted = purpose == Purpose::kClient ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
  return (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0 &&
         (X509_get_extended_key_usage(certificate) & wanted) != 0;
}

}  // namespace

absl::Status Verify(std::string_view chain_pem, std::string_view authority_pem, Purpose purpose,
                    int64_t now_ms) {
  RONDA_ASSIGN_OR_RETURN(const auto chain, ReadCertificates(chain_pem));
  RONDA_ASSIGN_OR_RETURN(const auto authorities, ReadCertificates(authority_pem));
  RONDA_ASSIGN_OR_RETURN(const auto infos, ReadAllCertificates(chain_pem));
  const StorePtr store(X509_STORE_new());
  for (const Certificate& authority : authorities) {
    X509_STORE_add_cert(store.get(), authority.get());
  }
  STACK_OF(X509)* between = sk_X509_new_null();
  for (size_t i = 1; i < chain.size(); ++i) {
    sk_X509_push(between, chain[i].get());
  }
  const ContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), between);
  X509_STORE_CTX_set_purpose(context.get(), purpose == Purpose::kClient ? X509_PURPOSE_SSL_CLIENT
                                                                        : X509_PURPOSE_SSL_SERVER);
  X509_STORE_CTX_set_time(context.get(), 0, static_cast<std::time_t>(now_ms / 1000));
  // An authority that is named is trusted, also one that is not a root.
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
  const bool good = X509_verify_cert(context.get()) == 1;
  int error = X509_STORE_CTX_get_error(context.get());
  const auto depth =
      static_cast<size_t>(std::max(X509_STORE_CTX_get_error_depth(context.get()), 0));
  sk_X509_free(between);
  OpenSslErrors();
  // OpenSSL lets one without extended key usage pass for any purpose; ours all have it.
  if (good && !HasUsage(chain.front().get(), purpose)) {
    error = X509_V_ERR_INVALID_PURPOSE;
  } else if (good) {
    return absl::OkStatus();
  }
  const CertificateInfo& culprit = depth < infos.size() ? infos[depth] : infos.front();
  const std::string subject = depth == 0
                                  ? fmt::format("the certificate of \"{}\"", culprit.common_name)
                                  : fmt::format("the authority \"{}\"", culprit.issuer);
  return Fail(absl::StatusCode::kUnauthenticated, "{}",
              Explain(error, subject, culprit, purpose, now_ms));
}

absl::Status VerifyHost(std::string_view certificate_pem, const std::string& host) {
  RONDA_ASSIGN_OR_RETURN(const auto all, ReadCertificates(certificate_pem));
  RONDA_ASSIGN_OR_RETURN(const CertificateInfo info, ReadCertificate(certificate_pem));
  X509* certificate = all.front().get();
  if (X509_check_ip_asc(certificate, host.c_str(), 0) == 1 ||
      X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1) {
    return absl::OkStatus();
  }
  OpenSslErrors();
  std::vector<std::string> names = info.dns_names;
  names.insert(names.end(), info.ip_addresses.begin(), info.ip_addresses.end());
  return Fail(absl::StatusCode::kUnauthenticated, "the certificate is not of {} but of {}", host,
              fmt::join(names, ", "));
}

}  // namespace ronda::tls
