#include "collector/query/local_api.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::query {
namespace {

class SetLive : public LiveStatus {
 public:
  std::vector<LiveNode> LiveNodes() const override { return nodes; }
  ProcessFacts Process() const override { return {kFolderEnd - 5000, 123.5}; }

  std::vector<LiveNode> nodes;
};

class LocalApiTest : public testing::Test {
 protected:
  LocalApiTest() : folder_(dir_.path()) {}

  LocalApi Live() { return {folder_.store(), &live_, folder_.clock(), {dir_.path(), {}}}; }

  TempDir dir_;
  SampleFolder folder_;
  SetLive live_;
};

TEST_F(LocalApiTest, TheStateOfANodeFollowsItsStream) {
  LocalApi api = Live();
  const auto state = [&](bool connected, int64_t last_frame_ms, bool silent) {
    live_.nodes = {{"web1", connected, last_frame_ms, 250, silent}};
    return (*api.Nodes(""))[0].state;
  };
  EXPECT_EQ(state(true, kFolderEnd, false), NodeState::kLive);
  EXPECT_EQ(state(true, kFolderEnd, true), NodeState::kSilent);
  EXPECT_EQ(state(false, kFolderEnd, false), NodeState::kLive) << "silence is not decided yet";
  EXPECT_EQ(state(false, kFolderEnd, true), NodeState::kSilent);
  EXPECT_EQ(state(false, 0, false), NodeState::kUnknown) << "the collector has just started";
  store::NodeInfo node = *folder_.store().FindNode("web1");
  node.said_goodbye = true;
  ASSERT_OK(folder_.store().PutNode(node));
  EXPECT_EQ(state(false, kFolderEnd, true), NodeState::kStopped);
  EXPECT_EQ(state(true, kFolderEnd, false), NodeState::kLive);
}

TEST_F(LocalApiTest, NodesSayWhatIsKnown) {
  live_.nodes = {{"web1", true, kFolderEnd, 250, false}};
  LocalApi api = Live();
  ASSERT_OK_AND_ASSIGN(const std::vector<NodeStatus> nodes, api.Nodes("web1"));
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_EQ(nodes[0].last_sample_ms, kFolderEnd);
  EXPECT_EQ(nodes[0].agent_version, "0.1.0");
  EXPECT_EQ(nodes[0].labels.Get("role"), "web");
  EXPECT_EQ(nodes[0].sources, (std::vector<SourceStatus>{{"node", "web1", true}}));
  EXPECT_EQ(nodes[0].clock_offset_ms, 250);
  EXPECT_EQ(nodes[0].gaps_24h, 1);
  EXPECT_TRUE(api.Nodes("web2")->empty());
}

TEST_F(LocalApiTest, StatusCounts) {
  live_.nodes = {{"web1", true, kFolderEnd, 0, false}};
  ASSERT_OK_AND_ASSIGN(const CollectorStatus status, Live().Status());
  EXPECT_EQ(status.nodes_live, 1);
  EXPECT_EQ(status.alerts_firing, 1);
  EXPECT_EQ(status.series, 3);
  EXPECT_EQ(status.uptime_ms, 5000);
  EXPECT_EQ(status.samples_per_second, 123.5);
  EXPECT_EQ(status.newest_sample_ms, kFolderEnd);
  EXPECT_GT(status.disk_total_bytes, status.disk_free_bytes);
  EXPECT_NE(status.disk, DiskState::kUnknown);
  EXPECT_GT(status.commits, 0);
  EXPECT_EQ(status.commit_failures, 0);
}

// Not what statvfs(3) says now, but what the store goes by.
TEST(LocalApiDiskTest, StatusSaysThatTheStoreTakesNothing) {
  const TempDir dir;
  const FakeClock clock;
  store::Store::Options options;
  options.dir = dir.path();
  options.measure_disk_for_test = [] {
    return absl::StatusOr<store::DiskUse>(store::DiskUse{1 << 20, 100 << 20});
  };
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<store::Store> store,
                       store::Store::Open(options, clock));
  LocalApi api(*store, nullptr, clock, {.data_dir = dir.path(), .limits = {}});
  ASSERT_OK_AND_ASSIGN(const CollectorStatus status, api.Status());
  EXPECT_EQ(status.disk, DiskState::kHard);
  EXPECT_EQ(status.disk_free_bytes, 1 << 20);
  EXPECT_EQ(status.disk_total_bytes, 100 << 20);
  EXPECT_EQ(status.journal_error, "");
}

TEST_F(LocalApiTest, AlertsNowAndPast) {
  LocalApi api = Live();
  ASSERT_OK_AND_ASSIGN(const std::vector<ActiveAlert> alerts, api.Alerts());
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].rule, "CpuBusy");
  EXPECT_EQ(alerts[0].state, "firing");
  EXPECT_EQ(alerts[0].summary, "CPU at 97 %");
  std::vector<AlertEvent> events;
  ASSERT_OK(api.AlertLog(0, kFolderEnd, "", [&](AlertEvent event) {
    events.push_back(std::move(event));
    return true;
  }));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].from, "pending");
  EXPECT_EQ(events[0].to, "firing");
  EXPECT_EQ(events[0].value, 97);
  EXPECT_EQ(events[0].node, "web1");
}

TEST_F(LocalApiTest, ASilentNodeHasAnOpenGap) {
  live_.nodes = {{"web1", false, kFolderEnd, 0, true}};
  LocalApi api = Live();
  ASSERT_OK_AND_ASSIGN(const std::vector<Gap> gaps,
                       api.Gaps(kFolderEnd - 86'400'000, kFolderEnd, ""));
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].cause, "network");
  EXPECT_EQ(gaps[1].from_ms, kFolderEnd);
  EXPECT_EQ(gaps[1].to_ms, 0);
  // A window of the past holds nothing of the present.
  EXPECT_EQ(api.Gaps(0, kFolderEnd - 1, "")->size(), 1U);
}

TEST_F(LocalApiTest, MetricsByPattern) {
  LocalApi api = Live();
  ASSERT_OK_AND_ASSIGN(const std::vector<MetricStatus> metrics,
                       api.Metrics("mem.*bytes$|^up", true));
  EXPECT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].info.name, "node_memory_MemAvailable_bytes");
  EXPECT_EQ(metrics[0].info.unit, "bytes");
  EXPECT_EQ(metrics[0].series, 1);
  EXPECT_EQ(api.Metrics("", false)->size(), 3U);
  EXPECT_THAT(api.Metrics("(", true),
              StatusIs(absl::StatusCode::kInvalidArgument, "pattern of metric names"));
}

TEST_F(LocalApiTest, OfflineTheNewestSampleIsNow) {
  folder_.Close();
  FakeClock clock;
  clock.Advance(3 * 86'400'000);
  ASSERT_OK_AND_ASSIGN(const auto store, store::Store::OpenReadOnly(dir_.path(), clock));
  LocalApi api(*store, nullptr, clock, {dir_.path(), {}});
  ASSERT_OK_AND_ASSIGN(const TimeBase time, api.Time());
  EXPECT_TRUE(time.offline);
  EXPECT_EQ(time.now_ms, kFolderEnd);
  ASSERT_OK_AND_ASSIGN(const CollectorStatus status, api.Status());
  EXPECT_EQ(status.uptime_ms, std::nullopt);
  EXPECT_EQ(status.nodes_unknown, 1);
}

TEST_F(LocalApiTest, BesideACollectorTheClockIsNow) {
  FakeClock clock;
  clock.Advance(5000);
  ASSERT_OK_AND_ASSIGN(const auto store, store::Store::OpenReadOnly(dir_.path(), clock));
  LocalApi api(*store, nullptr, clock, {dir_.path(), {}});
  ASSERT_OK_AND_ASSIGN(const TimeBase time, api.Time());
  EXPECT_FALSE(time.offline);
  EXPECT_TRUE(time.beside_collector);
  EXPECT_EQ(time.now_ms, kFolderEnd + 5000);
  EXPECT_EQ((*api.Nodes(""))[0].state, NodeState::kLive);
  clock.Advance(60'000);
  EXPECT_EQ((*api.Nodes(""))[0].state, NodeState::kUnknown);
}

}  // namespace
}  // namespace ronda::query
