// Any text gives certificates or an error; what is read has a name of its own.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "common/base/status.h"
#include "common/tls/certificate.h"

int Fuzz_certificate(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto one = ronda::tls::ReadCertificate(text);
  if (one.ok()) {
    RONDA_CHECK(one->fingerprint.size() == 64);
    RONDA_CHECK(!ronda::tls::FindByFingerprint(text, one->fingerprint).empty());
    RONDA_CHECK(!ronda::tls::FormatInstant(one->not_after_ms).empty());
  } else {
    RONDA_CHECK(!ronda::Message(one.status()).empty());
  }
  if (const auto all = ronda::tls::ReadAllCertificates(text); all.ok()) {
    RONDA_CHECK(!all->empty());
  }
  return 0;
}
