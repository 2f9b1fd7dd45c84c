#include "agent/schedule/group.h"

#include <map>
#include <optional>

#include "common/codec/frame.h"
#include "common/codec/sample_run.h"
#include "common/codec/schema_codec.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/schedule/fake_source.h"

namespace ronda::agent {
namespace {

class GroupTest : public testing::Test {
 protected:
  void AddSampler(const std::string& name, int interval_s, FunctionSampler::Body body) {
    samplers_.push_back(std::make_unique<FunctionSampler>(name, interval_s, std::move(body)));
  }
  // Counts its runs, sets thing{name=NAME} to the count; fails while failing_[name].
  void AddCounter(const std::string& name, int interval_s = 1) {
    AddSampler(name, interval_s, [this, name](int64_t, SeriesTable& table) -> absl::Status {
      ++runs_[name];
      clock_.Advance(cost_ms_[name]);
      table.Set(table.Declare(kThing, {name}), runs_[name]);
      return failing_[name] ? absl::UnavailableError("down") : absl::OkStatus();
    });
  }
  void MakeGroup(std::vector<std::string> essential = {}) {
    GroupOptions options;
    options.group = 3;
    options.identity = {"test", "job", "instance"};
    options.essential = std::move(essential);
    options.scrape_metrics = scrape_;
    group_.emplace(std::move(options), std::move(samplers_), clock_);
  }
  // One tick; then values_ holds what a collector would decode.
  void Tick(int64_t seconds = 1) {
    t_ms_ += seconds * 1000;
    group_->Tick(t_ms_, sink_);
    const std::vector<std::string> frames = sink_.frames();
    ASSERT_OK(decoder_.Decode(frames.back()));
    EXPECT_EQ(decoder_.t_ms(), t_ms_);
    const Schema& schema = *group_->table().schema();
    EXPECT_EQ(decoder_.schema_hash(), codec::HashSchema(schema));
    values_.clear();
    for (size_t i = 0; i < schema.series.size(); ++i) {
      if (!IsStale(decoder_.values()[i])) {
        std::string name = schema.metric_of(i).name;
        for (const Label& label : schema.series[i].labels.all()) {
          name += " " + label.value;
        }
        values_[name] = decoder_.values()[i];
      }
    }
  }
  std::optional<double> Value(const std::string& name) {
    const auto it = values_.find(name);
    return it == values_.end() ? std::nullopt : std::optional(it->second);
  }

  FakeClock clock_;
  const ScrapeMetrics* scrape_ = nullptr;
  std::vector<std::unique_ptr<Sampler>> samplers_;
  std::map<std::string, int> runs_;
  std::map<std::string, bool> failing_;
  std::map<std::string, int> cost_ms_;
  std::optional<Group> group_;
  KeepingSink sink_;
  codec::SampleRunDecoder decoder_;
  int64_t t_ms_ = 1'795'132'800'000;
  std::map<std::string, double> values_;
};

constexpr ScrapeMetrics kScrape = {
    {"x_scrape_seconds", MetricType::kGauge, "seconds", "collector", "Time."},
    {"x_scrape_success", MetricType::kGauge, "", "collector", "Success."},
};

TEST_F(GroupTest, TellsOfItsSamplersUnderAnExportersNamesToo) {
  AddCounter("a");
  AddCounter("b");
  cost_ms_["a"] = 3;
  failing_["b"] = true;
  scrape_ = &kScrape;
  MakeGroup();
  Tick();
  EXPECT_EQ(Value("x_scrape_seconds a"), 0.003);
  EXPECT_EQ(Value("x_scrape_success a"), 1);
  EXPECT_EQ(Value("x_scrape_success b"), 0);
}

TEST_F(GroupTest, OneTickIsOneFrameWithItsOwnSeries) {
  AddCounter("a");
  cost_ms_["a"] = 3;
  MakeGroup();
  Tick();
  EXPECT_EQ(sink_.frames().size(), 1U);
  EXPECT_EQ(decoder_.header().group, 3U);
  EXPECT_EQ(decoder_.identity(), (GroupIdentity{"test", "job", "instance"}));
  const std::map<std::string, double> expected = {{"thing a", 1},
                                                  {"up", 1},
                                                  {"ronda_sampler_success a", 1},
                                                  {"ronda_sampler_duration_seconds a", 0.003},
                                                  {"ronda_sampler_interval_seconds a", 1},
                                                  {"ronda_ticks_missed_total", 0},
                                                  {"ronda_series_refused_total", 0}};
  EXPECT_EQ(values_, expected);
  group_->set_missed_ticks(4);
  Tick();
  EXPECT_EQ(Value("ronda_ticks_missed_total"), 4);
  EXPECT_EQ(Value("thing a"), 2);
  EXPECT_EQ(decoder_.header().kind, codec::FrameKind::kSampleDelta);
}

TEST_F(GroupTest, AFailingSamplerLeavesNoSampleAndDoesNotDisturbOthers) {
  AddCounter("a");
  AddCounter("b");
  MakeGroup();
  failing_["a"] = true;
  Tick();
  EXPECT_EQ(Value("thing a"), std::nullopt);
  EXPECT_EQ(Value("thing b"), 1);
  EXPECT_EQ(Value("ronda_sampler_success a"), 0);
  EXPECT_EQ(Value("ronda_sampler_success b"), 1);
  EXPECT_EQ(Value("up"), 1);
  failing_["a"] = false;
  Tick();
  EXPECT_EQ(Value("thing a"), 2);
}

TEST_F(GroupTest, WhenNoSamplerSucceedsTheSourceIsDown) {
  AddCounter("a");
  AddCounter("b");
  MakeGroup();
  failing_["a"] = failing_["b"] = true;
  Tick();
  EXPECT_EQ(Value("up"), 0);
}

// pg_up has to be 0 while the server is down, not missing: rules ask for it.
TEST_F(GroupTest, ASamplerMaySayThatItsSourceIsDown) {
  AddCounter("a");
  static_cast<FunctionSampler&>(*samplers_[0]).set_down([](SeriesTable& table) {
    table.Set(table.Declare(kThing, {"down"}), 1);
  });
  MakeGroup();
  Tick();
  EXPECT_EQ(Value("thing down"), std::nullopt);
  failing_["a"] = true;
  for (int i = 0; i < 2; ++i) {
    Tick();
    EXPECT_EQ(Value("up"), 0);
    EXPECT_EQ(Value("thing down"), 1);
    EXPECT_EQ(Value("thing a"), std::nullopt);
  }
  failing_["a"] = false;
  Tick();
  EXPECT_EQ(Value("thing down"), std::nullopt);
}

TEST_F(GroupTest, WhileAnEssentialSamplerFailsAllElseIsStale) {
  AddCounter("essential");
  AddCounter("slow", 30);
  AddCounter("fast");
  MakeGroup({"essential"});
  Tick(10);  // far from the slow one's turn
  EXPECT_EQ(Value("up"), 1);
  EXPECT_EQ(Value("thing slow"), 1);
  failing_["essential"] = true;
  Tick();
  EXPECT_EQ(Value("up"), 0);
  EXPECT_EQ(Value("thing essential"), std::nullopt);
  EXPECT_EQ(Value("thing slow"), std::nullopt);
  EXPECT_EQ(Value("thing fast"), std::nullopt);
  failing_["essential"] = false;
  Tick();
  EXPECT_EQ(Value("up"), 1);
  EXPECT_EQ(Value("thing essential"), 3);
  EXPECT_EQ(Value("thing fast"), 3);
  Tick();  // the slow one does not wait for its turn
  EXPECT_EQ(Value("thing slow"), 2);
  Tick();
  EXPECT_EQ(runs_["slow"], 2);
}

TEST_F(GroupTest, ASlowSamplerHoldsItsValueInBetween) {
  AddCounter("a");
  AddCounter("slow", 5);
  MakeGroup();
  for (int i = 0; i < 50; ++i) {
    Tick();
    EXPECT_TRUE(Value("thing slow").has_value());
  }
  EXPECT_EQ(runs_["a"], 50);
  EXPECT_GE(runs_["slow"], 10);
  EXPECT_LE(runs_["slow"], 11);  // the first is out of turn
  t_ms_ -= 3'600'000;            // the clock steps back: nobody waits an hour
  Tick();
  Tick(5);
  EXPECT_GE(runs_["slow"], 12);
}

TEST_F(GroupTest, ADearSamplerRunsLessOften) {
  AddCounter("a");
  AddCounter("dear");
  cost_ms_["dear"] = 30;
  MakeGroup();
  for (int i = 0; i < 60; ++i) {
    Tick();
  }
  EXPECT_EQ(Value("ronda_sampler_interval_seconds dear"), 2);
  EXPECT_NEAR(runs_["dear"], 35, 1);
  EXPECT_EQ(runs_["a"], 60);
}

TEST_F(GroupTest, ANewSeriesStartsARunAndOneThatIsGoneLeavesAfterAWholeRun) {
  bool there = true;
  AddSampler("a", 1, [&](int64_t, SeriesTable& table) {
    table.Set(table.Declare(kThing, {"stays"}), 1);
    if (there) {
      table.Set(table.Declare(kThing, {"goes"}), 2);
    }
    return absl::OkStatus();
  });
  MakeGroup();
  Tick();
  const size_t with = group_->table().size();
  there = false;
  for (int i = 0; i < codec::kMaxRunFrames - 1; ++i) {
    Tick();
    ASSERT_EQ(Value("thing goes"), std::nullopt);
    ASSERT_EQ(decoder_.header().kind, codec::FrameKind::kSampleDelta);
  }
  Tick();
  EXPECT_EQ(decoder_.header().kind, codec::FrameKind::kSampleKey);
  EXPECT_EQ(group_->table().size(), with);
  for (int i = 0; i < codec::kMaxRunFrames; ++i) {
    Tick();
  }
  EXPECT_EQ(decoder_.header().kind, codec::FrameKind::kSampleKey);
  EXPECT_EQ(group_->table().size(), with - 1);
  EXPECT_EQ(Value("thing stays"), 1);
  EXPECT_EQ(Value("up"), 1);
  there = true;
  Tick();
  EXPECT_EQ(decoder_.header().kind, codec::FrameKind::kSampleKey);
  EXPECT_EQ(Value("thing goes"), 2);
}

TEST_F(GroupTest, TheSinkCanAskForAKeyFrame) {
  AddCounter("a");
  MakeGroup();
  Tick();
  Tick();
  EXPECT_EQ(decoder_.header().kind, codec::FrameKind::kSampleDelta);
  sink_.StartNextRun();
  Tick();
  EXPECT_EQ(decoder_.header().kind, codec::FrameKind::kSampleKey);
  EXPECT_EQ(Value("thing a"), 3);
}

}  // namespace
}  // namespace ronda::agent
