// Any body gives a WriteRequest or an error, as it comes and as the content of a snappy block; what
// was read lies within the decompressed bytes and within the limits.
#include <snappy.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "collector/remote/write_request.h"
#include "common/base/check.h"
#include "common/base/utf8.h"

namespace {

void Take(std::string_view body) {
  constexpr ronda::remote::WriteLimits kLimits{1 << 20, 1000, 10'000};
  const auto request = ronda::remote::DecodeWriteRequest(body, kLimits);
  if (!request.ok()) {
    return;
  }
  RONDA_CHECK(request->bytes.size() <= kLimits.max_bytes);
  RONDA_CHECK(request->series.size() <= kLimits.max_series);
  RONDA_CHECK(request->samples.size() <= kLimits.max_samples);
  const char* const begin = request->bytes.data();
  const char* const end = begin + request->bytes.size();
  const auto inside = [&](std::string_view text) {
    return text.empty() || (std::less_equal<>()(begin, text.data()) &&
                            std::less_equal<>()(text.data() + text.size(), end));
  };
  for (const auto& label : request->labels) {
    RONDA_CHECK(inside(label.name) && inside(label.value));
    ronda::IsUtf8(label.value);
  }
  size_t labels = 0;
  size_t samples = 0;
  for (const auto& series : request->series) {
    RONDA_CHECK(series.first_label == labels && series.first_sample == samples);
    labels += series.labels;
    samples += series.samples;
  }
  RONDA_CHECK(labels == request->labels.size() && samples == request->samples.size());
}

}  // namespace

int Fuzz_write_request(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Take(bytes);
  std::string compressed;
  snappy::Compress(bytes.data(), bytes.size(), &compressed);
  Take(compressed);
  return 0;
}
