#include "collector/cli/alert_history.h"

#include <gtest/gtest.h>

namespace ronda::cli {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1'795'046'400'000;  // 2026-11-19T00:00:00Z

query::AlertEvent Event(int64_t minute, const std::string& from, const std::string& to,
                        const std::string& labels = "{a=\"1\"}", const std::string& rule = "Hot") {
  query::AlertEvent event;
  event.t_ms = kDay + minute * kMinute;
  event.node = "web1";
  event.rule = rule;
  event.group = "g";
  event.severity = "high";
  event.labels = labels;
  event.from = from;
  event.to = to;
  return event;
}

TEST(AlertHistoryTest, ASpanIsFromFiringToResolvedWhateverIsBetween) {
  AlertHistory history;
  history.Add(Event(0, "inactive", "pending"));
  history.Add(Event(1, "pending", "firing"));
  history.Add(Event(2, "pending", "firing", "{a=\"2\"}"));
  history.Add(Event(3, "firing", "unknown"));
  history.Add(Event(4, "unknown", "firing"));
  history.Add(Event(6, "firing", "resolved"));
  history.Add(Event(7, "inactive", "firing"));
  const std::vector<FiringSpan> spans = history.Take();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].fired_ms, kDay + 1 * kMinute);
  EXPECT_EQ(spans[0].resolved_ms, kDay + 6 * kMinute);
  EXPECT_EQ(spans[0].acknowledged_ms, 0);
  EXPECT_EQ(spans[0].node, "web1");
  EXPECT_EQ(spans[0].severity, "high");
  EXPECT_EQ(spans[1].fired_ms, kDay + 7 * kMinute);
  EXPECT_EQ(spans[1].resolved_ms, 0);
  EXPECT_EQ(spans[2].fired_ms, kDay + 2 * kMinute);
  EXPECT_TRUE(history.Take().empty());
}

TEST(AlertHistoryTest, WhatFiredBeforeTheFirstRowHasNoSpan) {
  AlertHistory history;
  history.Add(Event(1, "unknown", "firing"));
  history.Add(Event(2, "firing", "resolved"));
  history.Add(Event(3, "firing", "resolved", "{a=\"1\"}", "Cold"));
  EXPECT_TRUE(history.Take().empty());
}

TEST(AlertHistoryTest, TheFirstAcknowledgementCounts) {
  AlertHistory history;
  history.Add(Event(0, "firing", "acknowledged"));
  history.Add(Event(1, "pending", "firing"));
  history.Add(Event(4, "firing", "acknowledged"));
  history.Add(Event(5, "firing", "acknowledged"));
  history.Add(Event(9, "firing", "resolved"));
  history.Add(Event(10, "pending", "firing"));
  FiringSummary summary;
  for (const FiringSpan& span : history.Take()) {
    summary.Add(span, kDay + 30 * kMinute);
  }
  EXPECT_EQ(summary.fired, 2);
  EXPECT_EQ(summary.still, 1);
  EXPECT_EQ(summary.acknowledged, 1);
  EXPECT_EQ(summary.acknowledge_ms, 3 * kMinute);
  EXPECT_EQ(summary.resolved, 1);
  EXPECT_EQ(summary.resolve_ms, 8 * kMinute);
  EXPECT_EQ(summary.firing_ms, 28 * kMinute);
  EXPECT_EQ(summary.longest_ms, 20 * kMinute);
}

TEST(AlertHistoryTest, HoursAreThoseOfTheZone) {
  AlertHistory history;
  history.Add(Event(23 * 60 + 30, "pending", "firing"));
  history.Add(Event(23 * 60 + 40, "pending", "firing", "{a=\"2\"}"));
  const std::vector<FiringSpan> spans = history.Take();
  EXPECT_EQ(ByHour(spans, absl::UTCTimeZone())[23], 2);
  EXPECT_EQ(ByHour(spans, absl::FixedTimeZone(7 * 3600))[6], 2);
}

}  // namespace
}  // namespace ronda::cli
