#include "collector/template/value.h"

#include <charconv>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "common/base/status.h"

namespace ronda::tmpl {
namespace {

// "map[a:1 b:2]" of what `next` appends for each entry.
template <typename Entries, typename Append>
std::string PrintMap(const Entries& entries, Append append) {
  std::string out = "map[";
  bool first = true;
  for (const auto& entry : entries) {
    out += first ? "" : " ";
    first = false;
    append(entry, &out);
  }
  return out + "]";
}

std::string PrintLabels(const Labels& labels) {
  return PrintMap(labels.all(), [](const Label& label, std::string* out) {
    *out += label.name + ":" + label.value;
  });
}

std::string PrintSample(const Sample& sample) {
  return fmt::format("{{{} {}}}", PrintLabels(sample.labels), PrintNumber(sample.value));
}

// What every digit of a fraction says, and no more.
std::string Fraction(double v) {
  std::string text = fmt::format("{:.9f}", v);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

bool Value::Truth() const {
  if (const bool* v = As<bool>()) {
    return *v;
  }
  if (const int64_t* v = As<int64_t>()) {
    return *v != 0;
  }
  if (const double* v = As<double>()) {
    return *v != 0;
  }
  if (const std::string* v = As<std::string>()) {
    return !v->empty();
  }
  if (const Labels* v = As<Labels>()) {
    return !v->all().empty();
  }
  if (const Samples* v = As<Samples>()) {
    return !v->empty();
  }
  if (const List* v = As<List>()) {
    return !v->empty();
  }
  if (const Dict* v = As<Dict>()) {
    return !v->open || !v->entries.empty();
  }
  return !IsNil();
}

std::string Value::Print() const {
  if (const bool* v = As<bool>()) {
    return *v ? "true" : "false";
  }
  if (const int64_t* v = As<int64_t>()) {
    return std::to_string(*v);
  }
  if (const double* v = As<double>()) {
    return PrintNumber(*v);
  }
  if (const std::string* v = As<std::string>()) {
    return *v;
  }
  if (const Time* v = As<Time>()) {
    return PrintTime(*v);
  }
  if (const Duration* v = As<Duration>()) {
    return PrintDuration(*v);
  }
  if (const Labels* v = As<Labels>()) {
    return PrintLabels(*v);
  }
  if (const Sample* v = As<Sample>()) {
    return PrintSample(*v);
  }
  std::string out = "[";
  if (const Samples* v = As<Samples>()) {
    for (const Sample& sample : *v) {
      out += (out.size() > 1 ? " " : "") + PrintSample(sample);
    }
    return out + "]";
  }
  if (const List* v = As<List>()) {
    for (const Value& value : *v) {
      out += (out.size() > 1 ? " " : "") + value.Print();
    }
    return out + "]";
  }
  if (const Dict* v = As<Dict>()) {
    return PrintMap(v->entries, [](const auto& entry, std::string* text) {
      *text += entry.first + ":" + entry.second.Print();
    });
  }
  return "<no value>";
}

std::string_view Value::TypeName() const {
  static constexpr std::string_view kNames[] = {
      "nil",    "bool",         "int",           "float64",
      "string", "time.Time",    "time.Duration", "map[string]string",
      "sample", "query result", "list",          "map[string]interface {}"};
  return kNames[data_.index()];
}

absl::StatusOr<Value> Value::Field(std::string_view name) const {
  if (const Labels* v = As<Labels>()) {
    return Value(std::string(v->Get(name)));
  }
  if (const Sample* v = As<Sample>()) {
    if (name == "Labels") {
      return Value(v->labels);
    }
    if (name == "Value") {
      return Value(v->value);
    }
  }
  if (const Dict* v = As<Dict>()) {
    if (const auto found = v->entries.find(name); found != v->entries.end()) {
      return found->second;
    }
    if (v->open) {
      return Value();
    }
  }
  if (IsNil()) {
    return Fail(absl::StatusCode::kInvalidArgument, "nil has no field .{}", name);
  }
  return Fail(absl::StatusCode::kInvalidArgument, "can't evaluate field {} in type {}", name,
              TypeName());
}

std::string PrintNumber(double v) {
  if (std::isnan(v)) {
    return "NaN";
  }
  if (std::isinf(v)) {
    return v > 0 ? "+Inf" : "-Inf";
  }
  const double size = std::fabs(v);
  const auto format = v != 0 && (size < 1e-4 || size >= 1e21) ? std::chars_format::scientific
                                                              : std::chars_format::fixed;
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), v, format);
  return std::string(buffer, result.ptr);
}

std::string PrintTime(Time time) {
  const double whole = std::floor(time.seconds);
  if (!(std::fabs(whole) < 1e11)) {
    return PrintNumber(time.seconds);
  }
  const auto seconds = static_cast<time_t>(whole);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string fraction = Fraction(std::round((time.seconds - whole) * 1e3) / 1e3);
  fraction = fraction == "0" || fraction == "1" ? "" : fraction.substr(1);
  return fmt::format("{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}{} +0000 UTC", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     fraction);
}

std::string PrintDuration(Duration duration) {
  const double size = std::fabs(duration.seconds);
  const std::string_view sign = duration.seconds < 0 ? "-" : "";
  if (size == 0) {
    return "0s";
  }
  if (size < 1) {
    const auto [factor, unit] = size < 1e-6   ? std::pair(1e9, "ns")
                                : size < 1e-3 ? std::pair(1e6, "µs")
                                              : std::pair(1e3, "ms");
    return fmt::format("{}{}{}", sign, Fraction(size * factor), unit);
  }
  const double minutes = std::floor(size / 60);
  const std::string seconds = Fraction(size - minutes * 60) + "s";
  if (minutes == 0) {
    return fmt::format("{}{}", sign, seconds);
  }
  const double hours = std::floor(minutes / 60);
  if (hours == 0) {
    return fmt::format("{}{:.0f}m{}", sign, minutes, seconds);
  }
  return fmt::format("{}{:.0f}h{:.0f}m{}", sign, hours, minutes - hours * 60, seconds);
}

}  // namespace ronda::tmpl
