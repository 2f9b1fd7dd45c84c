#include "collector/template/functions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "common/base/status.h"

namespace ronda::tmpl {

const Function* FindFunction(std::string_view name) {
  for (const std::span<const Function> functions : {GoFunctions(), PrometheusFunctions()}) {
    const auto found = std::find_if(functions.begin(), functions.end(),
                                    [name](const Function& f) { return f.name == name; });
    if (found != functions.end()) {
      return &*found;
    }
  }
  return nullptr;
}

absl::StatusOr<double> ToNumber(const Value& value) {
  if (const double* v = value.As<double>()) {
    return *v;
  }
  if (const int64_t* v = value.As<int64_t>()) {
    return static_cast<double>(*v);
  }
  if (const Duration* v = value.As<Duration>()) {
    return v->seconds;
  }
  if (const std::string* v = value.As<std::string>()) {
    std::string_view text = *v;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
      text.remove_prefix(1);
    }
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && !text.starts_with('-')) {
      return negative ? -number : number;
    }
    return Fail(absl::StatusCode::kInvalidArgument, "\"{}\" is not a number", *v);
  }
  return Fail(absl::StatusCode::kInvalidArgument, "can't convert {} to a number", value.TypeName());
}

absl::StatusOr<std::string> ToText(const Value& value) {
  if (const std::string* v = value.As<std::string>()) {
    return *v;
  }
  return Fail(absl::StatusCode::kInvalidArgument, "expected a string, not a {}", value.TypeName());
}

}  // namespace ronda::tmpl
