// Any text is a token or an error; a token is written as it was read.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "common/base/status.h"
#include "common/tls/enroll_token.h"

int Fuzz_enroll_token(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto token = ronda::tls::ParseEnrollToken(text);
  if (token.ok()) {
    RONDA_CHECK(text.find(ronda::tls::FormatEnrollToken(*token)) != std::string_view::npos);
  } else {
    RONDA_CHECK(!ronda::Message(token.status()).empty());
  }
  return 0;
}
