// Windows of two hours, and which of them a history file holds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ronda::store {

// Window k holds the samples of (k * 2 h, (k + 1) * 2 h], in UTC: half open to the left, as the
// windows of PromQL are.
inline constexpr int64_t kWindowMs = int64_t{2} * 3'600'000;
constexpr int64_t WindowStartMs(int64_t window) { return window * kWindowMs; }
constexpr int64_t WindowEndMs(int64_t window) { return (window + 1) * kWindowMs; }
constexpr int64_t WindowOf(int64_t t_ms) {
  const int64_t k = t_ms / kWindowMs;
  return t_ms % kWindowMs > 0 ? k : k - 1;
}

// The windows of a file; aligned to a multiple of its length.
struct SegmentSpan {
  int64_t first_window = 0;
  int64_t windows = 0;

  bool Holds(int64_t window) const {
    return window >= first_window && window < first_window + windows;
  }
  int64_t start_ms() const { return WindowStartMs(first_window); }
  int64_t end_ms() const { return WindowStartMs(first_window + windows); }
  bool operator==(const SegmentSpan&) const = default;
};

// How many windows a file has, the longest first. Of samples: a day, or less if a day is too much.
inline constexpr int64_t kRawSpans[] = {12, 3, 1};
// Of roll-ups of a minute and of an hour: 30 days and 360 days, or less likewise.
inline constexpr int64_t kMinuteSpans[] = {360, 60, 12, 1};
inline constexpr int64_t kHourSpans[] = {4320, 360, 60, 12, 1};

// The span of so many windows that holds `window`.
SegmentSpan SpanOf(int64_t window, int64_t windows);

// "20261120T06-6h.db": the first hour, in UTC, and the length.
std::string SegmentFileName(const SegmentSpan& span);
// nullopt: not the name of a file with one of the spans.
std::optional<SegmentSpan> ParseSegmentFileName(std::string_view name,
                                                std::span<const int64_t> spans);

}  // namespace ronda::store
