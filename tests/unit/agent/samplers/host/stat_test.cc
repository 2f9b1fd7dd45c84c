#include "agent/samplers/host/stat.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

constexpr char kTwoCpus[] =
    "cpu  300 10 200 1000 50 1 2 3 4 5\n"
    "cpu0 100 10 100 400 20 1 1 1 4 5\n"
    "cpu1 200 0 100 600 30 0 1 2 0 0\n"
    "intr 205193 0 0 7 0\n"
    "ctxt 378828\n"
    "btime 1795202171\n"
    "processes 7766\n"
    "procs_running 2\n"
    "procs_blocked 1\n"
    "softirq 174211 0 28340\n";

class StatSamplerTest : public testing::Test {
 protected:
  absl::Status Sample(std::string_view text) {
    tree_.Write("proc/stat", text);
    table_.BeginSampler(1);
    return sampler_.Sample(0, table_);
  }
  double Value(const std::string& series) {
    const auto values = ValuesOf(table_);
    const auto it = values.find(series);
    return it == values.end() ? -1 : it->second;
  }

  FakeTree tree_;
  StatSampler sampler_{tree_.proc()};
  SeriesTable table_;
};

TEST_F(StatSamplerTest, GivesExactDecimalsOfAllFields) {
  ASSERT_OK(Sample(kTwoCpus));
  const std::map<std::string, double> expected = {
      {R"(node_cpu_seconds_total{cpu="0",mode="user"})", 1},
      {R"(node_cpu_seconds_total{cpu="0",mode="nice"})", 0.1},
      {R"(node_cpu_seconds_total{cpu="0",mode="system"})", 1},
      {R"(node_cpu_seconds_total{cpu="0",mode="idle"})", 4},
      {R"(node_cpu_seconds_total{cpu="0",mode="iowait"})", 0.2},
      {R"(node_cpu_seconds_total{cpu="0",mode="irq"})", 0.01},
      {R"(node_cpu_seconds_total{cpu="0",mode="softirq"})", 0.01},
      {R"(node_cpu_seconds_total{cpu="0",mode="steal"})", 0.01},
      {R"(node_cpu_guest_seconds_total{cpu="0",mode="user"})", 0.04},
      {R"(node_cpu_guest_seconds_total{cpu="0",mode="nice"})", 0.05},
      {R"(node_cpu_seconds_total{cpu="1",mode="user"})", 2},
      {R"(node_cpu_seconds_total{cpu="1",mode="nice"})", 0},
      {R"(node_cpu_seconds_total{cpu="1",mode="system"})", 1},
      {R"(node_cpu_seconds_total{cpu="1",mode="idle"})", 6},
      {R"(node_cpu_seconds_total{cpu="1",mode="iowait"})", 0.3},
      {R"(node_cpu_seconds_total{cpu="1",mode="irq"})", 0},
      {R"(node_cpu_seconds_total{cpu="1",mode="softirq"})", 0.01},
      {R"(node_cpu_seconds_total{cpu="1",mode="steal"})", 0.02},
      {R"(node_cpu_guest_seconds_total{cpu="1",mode="user"})", 0},
      {R"(node_cpu_guest_seconds_total{cpu="1",mode="nice"})", 0},
      {"node_intr_total", 205193},
      {"node_context_switches_total", 378828},
      {"node_boot_time_seconds", 1795202171},
      {"node_forks_total", 7766},
      {"node_procs_running", 2},
      {"node_procs_blocked", 1},
  };
  EXPECT_EQ(ValuesOf(table_), expected);
  EXPECT_EQ(CheckDeclared(table_, sampler_.metrics()), "");
}

TEST_F(StatSamplerTest, UsageIsTheBusyShareSinceTheLastSample) {
  ASSERT_OK(Sample(kTwoCpus));
  ASSERT_OK(
      Sample("cpu  330 10 210 1050 60 1 2 3 4 5\n"
             "cpu0 130 10 110 450 20 1 1 1 4 5\n"
             "cpu1 200 0 100 600 40 0 1 2 0 0\n"));
  EXPECT_EQ(Value("ronda_cpu_usage_percent"), 40);  // 30 user + 10 system of 100; 10 iowait
  EXPECT_EQ(Value(R"(ronda_cpu_core_usage_percent{cpu="0"})"), 44.44);  // 40 of 90
  EXPECT_EQ(Value(R"(ronda_cpu_core_usage_percent{cpu="1"})"), 0);
  // No time has passed: no share.
  ASSERT_OK(
      Sample("cpu  330 10 210 1050 60 1 2 3 4 5\n"
             "cpu0 130 10 110 450 20 1 1 1 4 5\n"));
  EXPECT_EQ(Value("ronda_cpu_usage_percent"), -1);
}

TEST_F(StatSamplerTest, ACpuThatGoesOfflineEndsAndComesBackWithoutAJump) {
  ASSERT_OK(Sample(kTwoCpus));
  ASSERT_OK(
      Sample("cpu  400 10 200 1000 50 1 2 3 4 5\n"
             "cpu0 200 10 100 400 20 1 1 1 4 5\n"));
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="0",mode="user"})"), 2);
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="1",mode="user"})"), -1);
  // It comes back with fresh counters, and its usage needs a second sample.
  ASSERT_OK(
      Sample("cpu  500 10 200 1000 50 1 2 3 4 5\n"
             "cpu0 300 10 100 400 20 1 1 1 4 5\n"
             "cpu1 2 0 1 6 0 0 0 0 0 0\n"));
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="1",mode="user"})"), 0.02);
  EXPECT_EQ(Value(R"(ronda_cpu_core_usage_percent{cpu="1"})"), -1);
}

TEST_F(StatSamplerTest, IdleTimeThatStepsBackALittleDoesNotMakeACounterFall) {
  ASSERT_OK(Sample("cpu  10 0 0 1000 5 0 0 0 0 0\ncpu0 10 0 0 1000 5 0 0 0 0 0\n"));
  ASSERT_OK(Sample("cpu  20 0 0 998 4 0 0 0 0 0\ncpu0 20 0 0 998 4 0 0 0 0 0\n"));
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="0",mode="idle"})"), 10);
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="0",mode="iowait"})"), 0.05);
  EXPECT_EQ(Value("ronda_cpu_usage_percent"), 100);
}

TEST_F(StatSamplerTest, ManyCpusAndHugeCounters) {
  std::string text = "cpu  0 0 0 0\n";
  for (int i = 0; i < 256; ++i) {
    text += "cpu" + std::to_string(i) + " 18446744073709551615 0 0 1\n";
  }
  ASSERT_OK(Sample(text));
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="255",mode="user"})"),
            18446744073709551615.0 / 100);
  EXPECT_EQ(Value(R"(node_cpu_seconds_total{cpu="255",mode="steal"})"), 0);
  ASSERT_OK(Sample(text));
}

TEST_F(StatSamplerTest, SaysWhichFieldIsMalformed) {
  const std::string path = tree_.proc() + "/stat";
  const auto data_loss = absl::StatusCode::kDataLoss;
  EXPECT_THAT(Sample("cpu  1 2 3 4\ncpu0 1 x 3 4\n"),
              StatusIs(data_loss, "reading " + path + ": field cpu0 nice is not a number: 'x'"));
  EXPECT_THAT(Sample("cpu  1 2 3 4\ncpu0 1 2"), StatusIs(data_loss, "field cpu0 system"));
  EXPECT_THAT(Sample("cpu  1 2 3 4\ncpuX 1 2 3 4"), StatusIs(data_loss, "field cpu is not"));
  EXPECT_THAT(Sample("cpu  1 2 3 4\ncpu99999 1 2 3 4"), StatusIs(data_loss, "'cpu99999'"));
  EXPECT_THAT(Sample("cpu  1 2 3 4\nctxt"), StatusIs(data_loss, "field ctxt"));
  EXPECT_THAT(Sample("cpu  1 2 3 4\nctxt -5"), StatusIs(data_loss, "'-5'"));
  EXPECT_THAT(Sample("cpu  1 2 3 18446744073709551616\n"), StatusIs(data_loss, "cpu idle"));
  EXPECT_THAT(Sample(""), StatusIs(data_loss, "the line cpu is missing"));
  tree_.Remove("proc/stat");
  StatSampler another(tree_.proc());
  EXPECT_THAT(another.Sample(0, table_), StatusIs(absl::StatusCode::kNotFound, path));
}

}  // namespace
}  // namespace ronda::agent
