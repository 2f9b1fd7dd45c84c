// Numbers and durations as PromQL and Prometheus' rule files write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ronda::promql {

// "12", "1.5e3", ".5", "0x1f", "017" (octal), "1_000". No sign, no Inf or NaN (those are words).
std::optional<double> ParseNumber(std::string_view text);

// "90s", "1h30m", "250ms": units y w d h m s ms, in this order, each at most once; "0" needs none.
// Nothing if it is not a duration or does not fit 292 years.
std::optional<int64_t> ParseDurationMs(std::string_view text);

// The shortest text that reads back as the same number; "+Inf", "-Inf", "NaN".
std::string FormatNumber(double value);

// The same without an exponent ever: 1e22 is 10000000000000000000000.
std::string FormatPlainNumber(double value);

// "1h30m", "250ms", "0s": the shortest sum of units.
std::string FormatDurationMs(int64_t ms);

// ASCII letters only; for keywords.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace ronda::promql
