#include "collector/query/record_view.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"

namespace ronda::query {
namespace {

constexpr int64_t kT = 1'795'132'800'000;
constexpr int64_t kDayMs = 86'400'000;

class MemoryRecords : public store::RecordReader {
 public:
  struct Row {
    std::string kind;
    std::string node;
    Record record;
  };

  absl::Status ScanRecords(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const override {
    for (const Row& row : rows) {
      const bool wanted = row.kind == kind && (node.empty() || row.node == node) &&
                          row.record.t_ms >= start_ms && row.record.t_ms <= end_ms;
      if (wanted && !visit(row.node, row.record)) {
        break;
      }
    }
    return absl::OkStatus();
  }

  void AddGap(std::string node, int64_t t_ms, int64_t from_ms, int64_t to_ms) {
    rows.push_back({"gap", std::move(node), {t_ms, {from_ms, to_ms, "", "network", "why"}}});
  }

  std::vector<Row> rows;
};

TEST(RecordView, TheClosingRecordOfAGapCounts) {
  MemoryRecords records;
  records.AddGap("n1", kT, kT, 0);
  records.AddGap("n1", kT + 500, kT, kT + 400);
  records.AddGap("n2", kT + 100, kT, 0);
  ASSERT_OK_AND_ASSIGN(const std::vector<Gap> gaps, ReadGaps(records, kT - 1, kT + 1000, ""));
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0], (Gap{"n1", kT, kT + 400, "", "network", "why"}));
  EXPECT_EQ(gaps[1].to_ms, 0);
}

TEST(RecordView, GapsThatTouchTheWindow) {
  MemoryRecords records;
  records.AddGap("before", kT, kT - 100, kT - 50);
  records.AddGap("into", kT, kT - 100, kT + 5);
  records.AddGap("out of", kT + 2 * kDayMs, kT + 5, kT + kDayMs);
  records.AddGap("around", kT + 2 * kDayMs, kT - kDayMs, kT + kDayMs);
  records.AddGap("after", kT + kDayMs, kT + 11, kT + 20);
  ASSERT_OK_AND_ASSIGN(const std::vector<Gap> gaps, ReadGaps(records, kT, kT + 10, ""));
  ASSERT_EQ(gaps.size(), 3U);
  EXPECT_EQ(gaps[0].node, "around");
  EXPECT_EQ(gaps[1].node, "into");
  EXPECT_EQ(gaps[2].node, "out of");
  ASSERT_OK_AND_ASSIGN(const std::vector<Gap> one, ReadGaps(records, kT, kT + 10, "into"));
  EXPECT_EQ(one.size(), 1U);
}

TEST(RecordView, NodesThatDoNotSendHaveAnOpenGap) {
  std::vector<Gap> gaps = {{"recorded", kT + 100, 0, "", "agent killed", ""},
                           {"silent", kT - 500, kT - 400, "", "network", ""}};
  std::vector<NodeStatus> nodes(4);
  nodes[0].name = "live";
  nodes[0].state = NodeState::kLive;
  nodes[1].name = "silent";
  nodes[1].state = NodeState::kSilent;
  nodes[1].last_sample_ms = kT + 50;
  nodes[2].name = "recorded";
  nodes[2].state = NodeState::kSilent;
  nodes[3].name = "stopped";
  nodes[3].state = NodeState::kStopped;
  nodes[3].last_sample_ms = kT + 200;
  AddOpenGaps(nodes, &gaps);
  ASSERT_EQ(gaps.size(), 4U);
  EXPECT_EQ(gaps[1].node, "silent");
  EXPECT_EQ(gaps[1].from_ms, kT + 50);
  EXPECT_EQ(gaps[1].to_ms, 0);
  EXPECT_EQ(gaps[2].cause, "agent killed");
  EXPECT_EQ(gaps[3].cause, "agent stopped");
}

TEST(RecordView, AlertTransitionsByColumn) {
  MemoryRecords records;
  records.rows.push_back({"alert",
                          "db1",
                          {kT,
                           {"TooManyConnections", "postgres", "critical", "{node=\"db1\"}",
                            "pending", "firing", 97.5, kT - 60'000, "", "97 % in use"}}});
  // A row of a version with fewer columns.
  records.rows.push_back({"alert", "db1", {kT + 1, {"TooManyConnections", "postgres"}}});
  std::vector<AlertEvent> events;
  ASSERT_OK(ReadAlertLog(records, kT, kT + 1, "db1", [&](AlertEvent event) {
    events.push_back(std::move(event));
    return true;
  }));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0],
            (AlertEvent{kT, "db1", "TooManyConnections", "postgres", "critical", "{node=\"db1\"}",
                        "pending", "firing", 97.5, kT - 60'000, "", "97 % in use"}));
  EXPECT_EQ(events[1].rule, "TooManyConnections");
  EXPECT_EQ(events[1].to, "");
}

}  // namespace
}  // namespace ronda::query
