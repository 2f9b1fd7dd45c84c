// What templates can call: Go's own functions, and those of Prometheus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/template/value.h"

namespace ronda::tmpl {

// What a template may ask of the world.
struct Environment {
  // Evaluates an expression now. Without one query() fails.
  std::function<absl::StatusOr<Value::Samples>(std::string_view expr)> query;
  std::string external_url;  // without a slash at its end
  int64_t now_ms = 0;
};

using Arguments = std::span<const Value>;

struct Function {
  std::string_view name;
  size_t least = 0;
  size_t most = 0;
  absl::StatusOr<Value> (*call)(Arguments arguments, const Environment& environment);
};

// Null if there is none. `and` and `or` are there for the parser; what they evaluate, and when, is
// the affair of who runs the template.
const Function* FindFunction(std::string_view name);

// Go's own (functions_go.cc), and Prometheus' (functions_prometheus.cc).
std::span<const Function> GoFunctions();
std::span<const Function> PrometheusFunctions();

// A number, or a text that is one. kInvalidArgument else.
absl::StatusOr<double> ToNumber(const Value& value);
// kInvalidArgument if it is no text.
absl::StatusOr<std::string> ToText(const Value& value);

}  // namespace ronda::tmpl
