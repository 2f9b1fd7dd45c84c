// Prometheus' text format, written.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/model/labels.h"

namespace ronda::http {

class Exposition {
 public:
  // The metric that the samples after it belong to. `type` is counter, gauge or untyped.
  void Metric(std::string_view name, std::string_view type, std::string_view help);
  void Sample(double value, const Labels& labels = {});
  // A metric with one sample.
  void Gauge(std::string_view name, double value, std::string_view help);
  void Counter(std::string_view name, double value, std::string_view help);

  std::string Take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

}  // namespace ronda::http
