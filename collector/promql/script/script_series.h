// Series and numbers as scripts write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/promql/script/script.h"

namespace ronda::promql {

// "name{a="b"} 1 2+3x4 _": the errors have no line.
absl::StatusOr<ScriptSeries> ParseScriptSeries(std::string_view text);

// "name{a="b"}" alone, or the part of `text` before its first point; the rest is left in `text`.
absl::StatusOr<Labels> TakeScriptLabels(std::string_view* text);

// A number with a sign, Inf or NaN; hexadecimal too.
std::optional<double> ParseScriptNumber(std::string_view text);

// A time since the beginning: 0, 90s, 1h30m, -5m, or seconds as a number.
std::optional<int64_t> ParseScriptTime(std::string_view text);

}  // namespace ronda::promql
