#include "common/model/metric.h"

namespace ronda {

std::string_view ToString(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace ronda
