#include "agent/samplers/host/host_samplers.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/allocation_counter.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

// Runs all samplers as a group does, each as its own owner.
void SampleAll(std::vector<std::unique_ptr<Sampler>>& samplers, int64_t t_ms, SeriesTable& table) {
  for (uint32_t i = 0; i < samplers.size(); ++i) {
    table.BeginSampler(i + 1);
    const absl::Status status = samplers[i]->Sample(t_ms, table);
    EXPECT_TRUE(status.ok()) << samplers[i]->name() << ": " << status;
  }
}

class HostSamplersTest : public testing::Test {
 protected:
  SystemClock clock_;
};

TEST_F(HostSamplersTest, AllReadThisMachine) {
  ASSERT_OK_AND_ASSIGN(auto samplers, NewHostSamplers({}, clock_));
  std::set<std::string> metrics;
  std::set<std::string_view> names;
  for (const auto& sampler : samplers) {
    EXPECT_TRUE(names.insert(sampler->name()).second) << sampler->name();
    SeriesTable table;
    EXPECT_OK(sampler->Sample(clock_.NowMs(), table));
    EXPECT_EQ(CheckDeclared(table, sampler->metrics()), "") << sampler->name();
    for (const MetricDescriptor& metric : sampler->metrics()) {
      EXPECT_TRUE(metrics.insert(std::string(metric.name)).second)
          << metric.name << " is declared twice";
      EXPECT_TRUE(IsMetricName(metric.name));
      EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
      EXPECT_EQ(metric.type == MetricType::kCounter,
                metric.name.ends_with("_total") && metric.type != MetricType::kUnknown)
          << metric.name;
    }
  }
}

class RecordedTreeTest : public testing::TestWithParam<const char*> {
 protected:
  SystemClock clock_;
};
INSTANTIATE_TEST_SUITE_P(Trees, RecordedTreeTest, testing::Values("small", "variant"));

TEST_P(RecordedTreeTest, IsReadAsDeclared) {
  const FakeTree tree(GetParam());
  HostOptions options;
  options.procfs = tree.proc();
  options.sysfs = tree.sys();
  options.rootfs = tree.root();
  ASSERT_OK_AND_ASSIGN(auto samplers, NewHostSamplers(options, clock_));
  for (const auto& sampler : samplers) {
    SeriesTable table;
    EXPECT_OK(sampler->Sample(clock_.NowMs(), table));
    EXPECT_OK(sampler->Sample(clock_.NowMs(), table));
    EXPECT_EQ(CheckDeclared(table, sampler->metrics()), "") << sampler->name();
    // The small machine has no firmware tables and a kernel without schedstats.
    const bool missing = GetParam() == std::string("small") &&
                         (sampler->name() == "dmi" || sampler->name() == "schedstat" ||
                          sampler->name() == "kernel_hung");
    EXPECT_EQ(table.size() == 0, missing) << sampler->name();
  }
}

TEST_F(HostSamplersTest, NothingIsAllocatedInTheSteadyState) {
  HostOptions options;
  // Read once a minute; the table of sockets changes with what else this machine does.
  options.disabled = {"os", "dmi", "tcp"};
  ASSERT_OK_AND_ASSIGN(auto samplers, NewHostSamplers(options, clock_));
  SeriesTable table;
  // The first share of CPU time needs a few clock ticks to pass.
  while (ValuesOf(table, "ronda_cpu_usage_percent").empty()) {
    SampleAll(samplers, clock_.NowMs(), table);
  }
  // A mount or an interface that comes meanwhile makes series: then it was not the steady state.
  constexpr int kTries = 10;
  size_t series = 0;
  int allocations = 0;
  for (int tries = 0; tries < kTries && series != table.size(); ++tries) {
    SampleAll(samplers, clock_.NowMs(), table);
    series = table.size();
    StartCountingAllocations();
    for (int i = 0; i < 100; ++i) {
      SampleAll(samplers, clock_.NowMs(), table);
    }
    allocations = StopCountingAllocations();
  }
  EXPECT_EQ(table.size(), series);
  EXPECT_EQ(allocations, 0);
}

TEST_F(HostSamplersTest, DisabledSamplersAreLeftOutAndUnknownNamesRefused) {
  ASSERT_OK_AND_ASSIGN(const auto all, NewHostSamplers({}, clock_));
  HostOptions options;
  options.disabled = {"timex", "tcp"};
  ASSERT_OK_AND_ASSIGN(const auto some, NewHostSamplers(options, clock_));
  EXPECT_EQ(some.size() + 2, all.size());
  options.disabled = {"tmiex"};
  EXPECT_THAT(ValidateHostOptions(options),
              StatusIs(absl::StatusCode::kInvalidArgument, "no host sampler called 'tmiex'"));
}

TEST_F(HostSamplersTest, RefusesARegularExpressionThatDoesNotCompile) {
  HostOptions options;
  options.fs_types_exclude = "^(ext4";
  EXPECT_THAT(ValidateHostOptions(options),
              StatusIs(absl::StatusCode::kInvalidArgument, "'^(ext4': missing )"));
}

}  // namespace
}  // namespace ronda::agent
