// Tested by tests/unit/collector/cli/alert_history_test.cc.
#include "collector/cli/alert_history.h"

#include <algorithm>
#include <utility>

namespace ronda::cli {

void AlertHistory::Add(const query::AlertEvent& event) {
  Key key(event.group, event.rule, event.labels);
  if (event.to == "firing" && event.from != "unknown") {
    FiringSpan span;
    span.node = event.node;
    span.rule = event.rule;
    span.severity = event.severity;
    span.fired_ms = event.t_ms;
    open_[std::move(key)] = std::move(span);
    return;
  }
  const auto found = open_.find(key);
  if (found == open_.end()) {
    return;
  }
  if (event.to == kAcknowledged && found->second.acknowledged_ms == 0) {
    found->second.acknowledged_ms = event.t_ms;
  } else if (event.to == "resolved") {
    found->second.resolved_ms = event.t_ms;
    over_.push_back(std::move(found->second));
    open_.erase(found);
  }
}

std::vector<FiringSpan> AlertHistory::Take() {
  for (auto& [key, span] : open_) {
    over_.push_back(std::move(span));
  }
  open_.clear();
  return std::exchange(over_, {});
}

void FiringSummary::Add(const FiringSpan& span, int64_t end_ms) {
  ++fired;
  const int64_t until_ms = span.resolved_ms != 0 ? span.resolved_ms : end_ms;
  const int64_t ms = std::max<int64_t>(until_ms - span.fired_ms, 0);
  firing_ms += ms;
  longest_ms = std::max(longest_ms, ms);
  if (span.resolved_ms != 0) {
    ++resolved;
    resolve_ms += ms;
  } else {
    ++still;
  }
  if (span.acknowledged_ms != 0) {
    ++acknowledged;
    acknowledge_ms += std::max<int64_t>(span.acknowledged_ms - span.fired_ms, 0);
  }
}

std::vector<int64_t> ByHour(const std::vector<FiringSpan>& spans, absl::TimeZone zone) {
  std::vector<int64_t> hours(24, 0);
  for (const FiringSpan& span : spans) {
    ++hours[static_cast<size_t>(zone.At(absl::FromUnixMillis(span.fired_ms)).cs.hour())];
  }
  return hours;
}

}  // namespace ronda::cli
