// The Prometheus text format, as far as node_exporter uses it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace ronda {

struct ExposedSeries {
  std::string metric;
  std::string type;  // "counter", "gauge", "untyped"
  double value = 0;
};

// By name{labels}, labels sorted and without empty ones, as Labels::ToString() prints them. Lines
// that are not understood are given under the name "error".
std::map<std::string, ExposedSeries> ParseExposition(std::string_view text);

}  // namespace ronda
