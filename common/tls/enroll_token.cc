#include "common/tls/enroll_token.h"

#include <openssl/rand.h>

#include <algorithm>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/tls/openssl.h"

namespace ronda::tls {
namespace {

constexpr std::string_view kPrefix = "ronda1.";
constexpr size_t kHexBytes = 64;

bool IsHex(std::string_view text) {
  return text.size() == kHexBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

}  // namespace

absl::StatusOr<EnrollToken> NewEnrollToken(const std::string& ca_fingerprint) {
  unsigned char bytes[kHexBytes / 2];
  if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1) {
    return OpenSslStatus("drawing a token");
  }
  return EnrollToken{ca_fingerprint, ToHex({reinterpret_cast<char*>(bytes), sizeof(bytes)})};
}

std::string FormatEnrollToken(const EnrollToken& token) {
  return std::string(kPrefix) + token.ca_fingerprint + "." + token.secret;
}

absl::StatusOr<EnrollToken> ParseEnrollToken(std::string_view text) {
  text = Trim(text);
  if (text.starts_with(kPrefix) && text.size() == kPrefix.size() + 2 * kHexBytes + 1 &&
      text[kPrefix.size() + kHexBytes] == '.') {
    text.remove_prefix(kPrefix.size());
    EnrollToken token{std::string(text.substr(0, kHexBytes)),
                      std::string(text.substr(kHexBytes + 1))};
    if (IsHex(token.ca_fingerprint) && IsHex(token.secret)) {
      return token;
    }
  }
  return Fail(absl::StatusCode::kInvalidArgument,
              "that is no token of `ronda enroll token` (ronda1.<64 digits>.<64 digits>): copy all "
              "of it");
}

std::string HashSecret(std::string_view secret) {
  Sha256 hash;
  hash.Add(secret);
  return hash.Finish();
}

}  // namespace ronda::tls
