// JSON as Prometheus' API writes it, appended to a string.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/model/labels.h"

namespace ronda::http {

// In double quotes, escaped; bytes that are not UTF-8 become U+FFFD.
void AppendText(std::string_view text, std::string* out);

// The shortest digits that read back as the same number, without quotes: "1.5", "NaN", "+Inf",
// "100000000000000000000". With `exponents` as "1e-07" below 1e-6 and "1e+21" from 1e21 on, which
// is how samples of vectors and matrices are written; scalars never have them.
void AppendNumber(double value, bool exponents, std::string* out);

// Seconds: "1435781451", "1435781451.010".
void AppendTime(int64_t t_ms, std::string* out);

// [1435781451.781,"1"]
void AppendPoint(int64_t t_ms, double value, bool exponents, std::string* out);

// {"__name__":"up","job":"node"}
void AppendLabels(const Labels& labels, std::string* out);

// ["a","b"]
void AppendTexts(std::span<const std::string> texts, std::string* out);

// 2026-11-20T10:00:00.123Z (RFC 3339, UTC); without a fraction if it is zero.
std::string TimeText(int64_t t_ms);

}  // namespace ronda::http
