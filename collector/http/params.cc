// Tested by tests/unit/collector/http/params_test.cc.
#include "collector/http/params.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "absl/time/time.h"
#include "collector/promql/number_text.h"
#include "collector/promql/parser.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/utf8.h"

namespace ronda::http {
namespace {

std::optional<double> ParseDouble(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

absl::Status Invalid(std::string_view name, std::string_view what) {
  return Fail(absl::StatusCode::kInvalidArgument, "invalid parameter \"{}\": {}", name, what);
}

}  // namespace

std::optional<int64_t> ParseTimeMs(std::string_view text) {
  constexpr double kFarMs = 9e15;
  if (const std::optional<double> seconds = ParseDouble(text)) {
    const double ms = std::round(*seconds * 1000);
    return static_cast<int64_t>(std::fmin(std::fmax(ms, -kFarMs), kFarMs));
  }
  absl::Time time;
  std::string error;
  if (text.empty() || text.find(' ') != std::string_view::npos ||
      !absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error) ||
      time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return std::nullopt;
  }
  return absl::ToUnixMillis(time);
}

std::optional<int64_t> ParseStepMs(std::string_view text) {
  constexpr double kMostMs = 9e15;
  if (const std::optional<double> seconds = ParseDouble(text)) {
    const double ms = std::trunc(*seconds * 1000 + (*seconds < 0 ? -1e-6 : 1e-6));
    return std::fabs(ms) > kMostMs ? std::nullopt
                                   : std::optional<int64_t>(static_cast<int64_t>(ms));
  }
  return promql::ParseDurationMs(text);
}

absl::StatusOr<int64_t> TimeParam(const Request& request, std::string_view name,
                                  int64_t default_ms) {
  const std::string_view text = request.Param(name).value_or("");
  if (text.empty()) {
    return default_ms;
  }
  const std::optional<int64_t> t_ms = ParseTimeMs(text);
  if (!t_ms) {
    return Invalid(name, fmt::format("cannot parse \"{}\" to a valid timestamp", text));
  }
  return *t_ms;
}

absl::StatusOr<std::optional<int64_t>> DurationParam(const Request& request,
                                                     std::string_view name) {
  const std::string_view text = request.Param(name).value_or("");
  if (text.empty()) {
    return std::optional<int64_t>();
  }
  const std::optional<int64_t> ms = ParseStepMs(text);
  if (!ms) {
    return Invalid(name, fmt::format("cannot parse \"{}\" to a valid duration", text));
  }
  return ms;
}

absl::StatusOr<size_t> LimitParam(const Request& request) {
  const std::string_view text = request.Param("limit").value_or("");
  if (text.empty()) {
    return size_t{0};
  }
  int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Invalid("limit", fmt::format("\"{}\" is not a number", text));
  }
  if (limit < 0) {
    return Invalid("limit", "limit must be non-negative");
  }
  return static_cast<size_t>(limit);
}

absl::StatusOr<std::vector<std::vector<Matcher>>> MatchParams(const Request& request) {
  std::vector<std::vector<Matcher>> out;
  for (const std::string_view text : request.AllParams("match[]")) {
    auto matchers = promql::ParseSelector(text);
    if (!matchers.ok()) {
      return Invalid("match[]", Message(matchers.status()));
    }
    out.push_back(*std::move(matchers));
  }
  return out;
}

std::string UnescapeName(std::string_view name) {
  constexpr std::string_view kPrefix = "U__";
  if (!name.starts_with(kPrefix)) {
    return std::string(name);
  }
  std::string out;
  const std::string_view rest = name.substr(kPrefix.size());
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '_') {
      out.push_back(rest[i]);
      continue;
    }
    if (i + 1 < rest.size() && rest[i + 1] == '_') {
      out.push_back('_');
      ++i;
      continue;
    }
    const size_t end = rest.find('_', i + 1);
    uint32_t code = 0;
    if (end == std::string_view::npos || end == i + 1 || end - i > 7) {
      return std::string(name);
    }
    const auto [stop, error] = std::from_chars(rest.data() + i + 1, rest.data() + end, code, 16);
    if (error != std::errc() || stop != rest.data() + end || code > 0x10ffff) {
      return std::string(name);
    }
    AppendUtf8(code, &out);
    i = end;
  }
  return out;
}

}  // namespace ronda::http
