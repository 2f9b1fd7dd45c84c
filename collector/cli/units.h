// Values as people read them. Machines get promql::FormatNumber: exact, and never rounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/model/metric.h"

namespace ronda::cli {

// "3.91 GiB", "512 B"; negative values keep their sign.
std::string HumanBytes(double bytes);
// "250 ms", "1.5 s", "2h 05m", "3d 4h".
std::string HumanSeconds(double seconds);
// The same for an age or a length in milliseconds.
std::string HumanDuration(int64_t ms);
// "1,234,567".
std::string HumanCount(int64_t count);
// Four significant digits: "0.5213", "12.5", "1234567" (integers whole up to 15 digits).
std::string HumanNumber(double value);

// By the metric's unit: bytes, seconds, percent or none; moments (..._time_seconds,
// ..._timestamp_seconds) and all else as a number.
std::string HumanValue(double value, const MetricInfo& metric);

}  // namespace ronda::cli
