// Parameters as Prometheus' API takes them. Errors (kInvalidArgument) have its words:
// invalid parameter "time": cannot parse "x" to a valid timestamp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/http/message.h"
#include "common/model/matcher.h"

namespace ronda::http {

// No sample is outside: from 1970 to the end of the year 9999.
inline constexpr int64_t kMinTimeMs = 0;
inline constexpr int64_t kMaxTimeMs = 253'402'300'799'999;

// Unix seconds with a fraction, or RFC 3339. Milliseconds; times that are far out stay far out.
std::optional<int64_t> ParseTimeMs(std::string_view text);
// Seconds with a fraction, or "1h30m".
std::optional<int64_t> ParseStepMs(std::string_view text);

absl::StatusOr<int64_t> TimeParam(const Request& request, std::string_view name,
                                  int64_t default_ms);
// nullopt if it is not there.
absl::StatusOr<std::optional<int64_t>> DurationParam(const Request& request, std::string_view name);
// 0: no limit.
absl::StatusOr<size_t> LimitParam(const Request& request);

// The selectors of match[].
absl::StatusOr<std::vector<std::vector<Matcher>>> MatchParams(const Request& request);

// "U__http_2e_status" is "http.status"; other names stay as they are.
std::string UnescapeName(std::string_view name);

}  // namespace ronda::http
