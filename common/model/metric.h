// What a metric is: declared once by the sampler that emits it, carried in schemas, shown by
// `ronda metrics` and `ronda-agent --print-metrics`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ronda {

// On the wire and on disk: do not change the numbers.
enum class MetricType : uint8_t { kUnknown = 0, kCounter = 1, kGauge = 2 };

// "counter", "gauge", "unknown".
std::string_view ToString(MetricType type);

// One row of a sampler's declared table (constexpr).
struct MetricDescriptor {
  std::string_view name;    // as the exporter that has it names it; else ronda_*
  MetricType type = MetricType::kGauge;
  std::string_view unit;    // "seconds", "bytes", "percent", "" ...
  std::string_view labels;  // "device,mode", in the order in which the sampler gives the values
  std::string_view help;    // one sentence
};

// The same, owned: as it travels in a schema.
struct MetricInfo {
  std::string name;
  MetricType type = MetricType::kUnknown;
  std::string unit;
  std::string help;
  bool operator==(const MetricInfo&) const = default;
};

}  // namespace ronda
