#include "collector/sql/json_text.h"

#include <fmt/format.h>

namespace ronda::sql {

std::string JsonText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string LabelsJson(const Labels& labels) {
  std::string out = "{";
  for (const Label& label : labels.all()) {
    if (label.name != kMetricName) {
      out += out.size() > 1 ? "," : "";
      out += JsonText(label.name) + ":" + JsonText(label.value);
    }
  }
  return out + "}";
}

}  // namespace ronda::sql
