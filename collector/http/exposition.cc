#include "collector/http/exposition.h"

#include <fmt/format.h>

#include "collector/http/json.h"

namespace ronda::http {

void Exposition::Metric(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void Exposition::Sample(double value, const Labels& labels) {
  text_ += name_;
  if (!labels.empty()) {
    text_ += labels.ToString();
  }
  text_ += ' ';
  AppendNumber(value, true, &text_);
  text_ += '\n';
}

void Exposition::Gauge(std::string_view name, double value, std::string_view help) {
  Metric(name, "gauge", help);
  Sample(value);
}

void Exposition::Counter(std::string_view name, double value, std::string_view help) {
  Metric(name, "counter", help);
  Sample(value);
}

}  // namespace ronda::http
