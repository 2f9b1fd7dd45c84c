// Any text gives pairs or an error; pairs that are written again are read as the same. The same
// bytes are tried as what parameters hold, and as gzip.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/http/form.h"
#include "collector/http/gzip.h"
#include "collector/http/json.h"
#include "collector/http/params.h"
#include "common/base/check.h"

namespace {

void AppendEncoded(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    *out += '%';
    *out += kDigits[static_cast<uint8_t>(c) >> 4];
    *out += kDigits[static_cast<uint8_t>(c) & 15];
  }
}

}  // namespace

int Fuzz_http_form(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr size_t kMost = 1 << 20;
  if (const auto plain = ronda::http::Gunzip(text, kMost); plain.ok()) {
    RONDA_CHECK(plain->size() <= kMost);
  }
  ronda::http::ParseTimeMs(text);
  ronda::http::ParseStepMs(text);
  ronda::http::UnescapeName(text);
  std::string json;
  ronda::http::AppendText(text, &json);
  std::vector<ronda::http::Pair> pairs;
  if (!ronda::http::ParseForm(text, &pairs).ok()) {
    return 0;
  }
  std::string again;
  for (const auto& [name, value] : pairs) {
    AppendEncoded(name, &again);
    again += '=';
    AppendEncoded(value, &again);
    again += '&';
  }
  std::vector<ronda::http::Pair> read;
  RONDA_CHECK(ronda::http::ParseForm(again, &read).ok());
  RONDA_CHECK(read == pairs);
  return 0;
}
