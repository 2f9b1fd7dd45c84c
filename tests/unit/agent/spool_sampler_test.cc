#include "agent/spool_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

class SpoolSamplerTest : public testing::Test {
 protected:
  // "name" or "name label-value" to value.
  std::map<std::string, double> Sample() {
    SeriesTable table;
    table.BeginSampler(1);
    EXPECT_OK(sampler_.Sample(clock_.NowMs(), table));
    std::map<std::string, double> out;
    for (size_t i = 0; i < table.schema()->series.size(); ++i) {
      std::string name = table.schema()->metric_of(i).name;
      for (const Label& label : table.schema()->series[i].labels.all()) {
        name += " " + label.value;
      }
      out[name] = table.values()[i];
    }
    return out;
  }

  FakeClock clock_;
  const int64_t t_ = clock_.NowMs();
  TempDir dir_;
  RunQueue queue_{
      {.company = std::chrono::milliseconds(0), .spool_after = std::chrono::milliseconds(0)}};
  Spool spool_{{.path = dir_.File("spool.db"), .node = "web1"}, queue_, clock_};
  SpoolSampler sampler_{queue_, spool_, clock_};
};

TEST_F(SpoolSamplerTest, SaysWhatWaitsAndWhatWasGivenUp) {
  auto values = Sample();
  EXPECT_EQ(values.size(), 10u);
  for (const auto& [name, value] : values) {
    EXPECT_EQ(value, 0) << name;
  }
  Producer producer(2, queue_);
  for (int i = 1; i <= 10; ++i) {
    producer.Tick(t_ + i * 1000, i);
  }
  clock_.Advance(70'000);
  spool_.WorkForTest(true);
  values = Sample();
  EXPECT_EQ(values["ronda_agent_spool_frames"], 10);
  EXPECT_EQ(values["ronda_agent_spool_oldest_age_seconds"], 69);
  EXPECT_EQ(values["ronda_agent_spool_bytes memory"], queue_.bytes());
  EXPECT_GT(values["ronda_agent_spool_bytes disk"], 0);
  EXPECT_GT(values["ronda_agent_spool_written_bytes_total"], 0);
  queue_.Acknowledge(0, {{1, 4}});
  queue_.Reject(0, {{5, 6}}, "no");
  values = Sample();
  EXPECT_EQ(values["ronda_agent_spool_frames"], 4);
  EXPECT_EQ(values["ronda_agent_spool_oldest_age_seconds"], 63);
  EXPECT_EQ(values["ronda_agent_spool_dropped_frames_total rejected"], 2);
  queue_.LimitDisk(0, 0);
  values = Sample();
  EXPECT_EQ(values["ronda_agent_spool_dropped_frames_total overflow"], 4);
  EXPECT_EQ(values["ronda_agent_spool_frames"], 0);
  EXPECT_EQ(values["ronda_agent_spool_oldest_age_seconds"], 0);
}

}  // namespace
}  // namespace ronda::agent
