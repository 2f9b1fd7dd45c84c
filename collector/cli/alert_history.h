// What the alert log says of each time that an alert fired, and of all of them together.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "collector/query/api.h"

namespace ronda::cli {

// The state in the log that says that somebody has taken an alert on.
inline constexpr std::string_view kAcknowledged = "acknowledged";

// From firing to resolved. Data that went missing in between ends nothing.
struct FiringSpan {
  std::string node;
  std::string rule;
  std::string severity;
  int64_t fired_ms = 0;
  int64_t acknowledged_ms = 0;  // 0: nobody has
  int64_t resolved_ms = 0;      // 0: it fires still
};

// Takes the log's rows, those of one alert in the order of time. Of an alert that fired before the
// first row nothing is known but that it did: it has no span. Not thread-safe.
class AlertHistory {
 public:
  void Add(const query::AlertEvent& event);
  // In the order in which they ended; those that fire still come last.
  std::vector<FiringSpan> Take();

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // group, rule, labels
  std::map<Key, FiringSpan> open_;
  std::vector<FiringSpan> over_;
};

struct FiringSummary {
  int64_t fired = 0;
  int64_t still = 0;      // of them fire at the end
  int64_t firing_ms = 0;  // all together, until `end_ms` where they fire still
  int64_t longest_ms = 0;
  int64_t resolved = 0;
  int64_t resolve_ms = 0;  // until resolved, of those that are
  int64_t acknowledged = 0;
  int64_t acknowledge_ms = 0;  // until acknowledged, of those that were

  void Add(const FiringSpan& span, int64_t end_ms);
};

// How many fired in each hour of the day.
std::vector<int64_t> ByHour(const std::vector<FiringSpan>& spans, absl::TimeZone zone);

}  // namespace ronda::cli
