// Ronda's host samplers against Debian's node_exporter, on the same machine at the same instant.
//
// Rounds of: our samplers, a scrape, our samplers. What node_exporter says of a series must lie
// between what we read before and after. Other processes make single readings jump (memory, say),
// so a series must agree in one round at least; one that is wrong agrees in none. The increase of a
// counter from the first to the last round must lie within what the four readings around allow.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/samplers/host/host_samplers.h"
#include "common/base/files.h"
#include "common/model/labels.h"
#include "tests/integration/node_exporter_process.h"
#include "tests/integration/node_exporter_text.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

using agent::NewHostSamplers;
using agent::Sampler;
using agent::SeriesTable;

// The collectors that our samplers stand for.
const std::vector<std::string> kCollectors = {
    "arp", "conntrack", "cpu", "diskstats", "dmi", "entropy", "filefd", "filesystem", "interrupts",
    "loadavg", "meminfo", "netclass", "netdev", "netstat", "os", "pressure", "processes",
    "schedstat", "sockstat", "softnet", "stat", "tcpstat", "time", "timex", "udp_queues", "uname",
    "vmstat",
    // Its default, and what dashboards ask for beyond it.
    "netstat.fields=^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|"
    "Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|"
    "TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab|"
    "MaxConn)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"};

// What those collectors give and we do not.
bool IsLeftOut(const std::string& metric) {
  for (const std::string_view prefix : {
           "node_scrape_collector_",        // about node_exporter itself
           "node_exporter_build_info",      // likewise
           "promhttp_",                     // likewise
           "node_processes_threads_state",  // a file for each thread
           "node_cpu_core_throttles_",  // of thermal sensors, which come with the hardware checks
           "node_cpu_package_throttles_",
           "node_disk_ata_",  // what udev knows about the drive, likewise
           "node_disk_filesystem_info",
           "node_disk_device_mapper_info",
       }) {
    if (metric.starts_with(prefix)) {
      return true;
    }
  }
  return false;
}

// How far a reading may lie outside, and why.
double Tolerance(const std::string& metric) {
  const std::pair<std::string_view, double> tolerances[] = {
      // The scrape's own two sockets, and those it leaves behind.
      {"node_sockstat_", 8},
      {"node_tcp_connection_states", 8},
      {"node_netstat_Tcp_CurrEstab", 4},
      // Kernel buffers of those sockets, in bytes and in pages (the entry above is for pages).
      {"node_sockstat_TCP_mem_bytes", 8 * 4096},
      // Threads that come and go on this machine.
      {"node_processes_", 64},
      // Threads of node_exporter that run for the scrape.
      {"node_procs_running", 16},
      // Counted per CPU and summed up in batches by the kernel.
      {"node_filefd_allocated", 256},
      // A page or so per process; the kernel batches these counts per CPU too.
      {"node_memory_", 4 << 20},
      // One clock tick: we may have read before it and node_exporter after, or the other way round.
      {"node_cpu_", 0.011},
  };
  double tolerance = 0;
  for (const auto& [prefix, value] : tolerances) {
    if (std::string_view(metric).starts_with(prefix)) {
      tolerance = std::max(tolerance, value);
    }
  }
  return tolerance;
}

// node_exporter lists only the TCP states that some socket is in, and the scrape is a socket.
// The same goes for the states of processes. Others Debian's version does not know yet.
bool MayBeAbsent(const std::string& metric) {
  static const std::set<std::string> metrics = {
      "node_tcp_connection_states",      "node_processes_state",
      "node_softnet_received_rps_total", "node_softnet_flow_limit_count_total",
      "node_kernel_hung_tasks_total",    "node_kernel_hung_tasks"};
  return metrics.contains(metric);
}

using Readings = std::map<std::string, ExposedSeries>;

std::string TypeName(MetricType type) {
  return type == MetricType::kUnknown ? "untyped" : std::string(ToString(type));
}

Readings Read(std::vector<std::unique_ptr<Sampler>>& samplers, SeriesTable& table) {
  const SystemClock clock;
  for (uint32_t i = 0; i < samplers.size(); ++i) {
    table.BeginSampler(i + 1);
    EXPECT_OK(samplers[i]->Sample(clock.NowMs(), table));
  }
  Readings readings;
  const Schema& schema = *table.schema();
  for (size_t i = 0; i < schema.series.size(); ++i) {
    const MetricInfo& info = schema.metric_of(i);
    if (!IsStale(table.values()[i]) && info.name.starts_with("node_")) {
      Labels labels = schema.series[i].labels;
      labels.Set(kMetricName, info.name);
      readings[labels.ToString()] = {info.name, TypeName(info.type), table.values()[i]};
    }
  }
  return readings;
}

struct Round {
  Readings before;
  Readings scraped;
  Readings after;
};

std::optional<double> ValueIn(const Readings& readings, const std::string& series) {
  const auto it = readings.find(series);
  return it == readings.end() ? std::nullopt : std::optional(it->second.value);
}

// "" or what is wrong with what node_exporter says of `series` in this round.
std::string Compare(const Round& round, const std::string& series, const ExposedSeries& theirs) {
  const Readings& ours = round.after.contains(series) ? round.after : round.before;
  const auto it = ours.find(series);
  if (it == ours.end()) {
    return MayBeAbsent(theirs.metric) ? "" : "we do not have it";
  }
  if (it->second.type != theirs.type) {
    return "we say it is a " + it->second.type + ", node_exporter a " + theirs.type;
  }
  const double before = ValueIn(round.before, series).value_or(it->second.value);
  const double after = ValueIn(round.after, series).value_or(it->second.value);
  const double slack = Tolerance(theirs.metric) + 1e-9 * std::abs(theirs.value);
  if (theirs.value < std::min(before, after) - slack ||
      theirs.value > std::max(before, after) + slack) {
    return fmt::format("we read {} and {}, node_exporter {} in between", before, after,
                       theirs.value);
  }
  return "";
}

class NodeExporterTest : public testing::Test {
 protected:
  static constexpr int kRounds = 7;

  void SetUp() override {
    ASSERT_OK(exporter_.Start(kCollectors));
    ASSERT_OK_AND_ASSIGN(auto samplers, NewHostSamplers({}, clock_));
    SeriesTable table;
    for (int i = 0; i < kRounds; ++i) {
      if (i > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));  // for counters to rise
      }
      Round round;
      round.before = Read(samplers, table);
      ASSERT_OK_AND_ASSIGN(const std::string text, exporter_.Scrape());
      round.after = Read(samplers, table);
      round.scraped = ParseExposition(text);
      ASSERT_FALSE(round.scraped.contains("error")) << text;
      std::erase_if(round.scraped, [](const auto& e) { return IsLeftOut(e.second.metric); });
      rounds_.push_back(std::move(round));
    }
  }

  SystemClock clock_;
  NodeExporterProcess exporter_;
  std::vector<Round> rounds_;
};

TEST_F(NodeExporterTest, EverySharedSeriesHasTheSameLabelsTypeAndValue) {
  std::map<std::string, std::string> errors;  // "" once it agreed
  for (const Round& round : rounds_) {
    for (const auto& [series, theirs] : round.scraped) {
      const auto [it, first] = errors.try_emplace(series, "not compared");
      if (!it->second.empty()) {
        it->second = Compare(round, series, theirs);
      }
    }
    for (const auto& [series, ours] : round.after) {
      const auto [it, first] = errors.try_emplace(series, "node_exporter does not have it");
      if (first && MayBeAbsent(ours.metric)) {
        it->second = "";
      }
    }
  }
  for (const auto& [series, error] : errors) {
    EXPECT_EQ(error, "") << series;
  }
  EXPECT_GE(errors.size(), 250U);
  RecordProperty("series", static_cast<int>(errors.size()));
}

TEST_F(NodeExporterTest, EverySharedCounterRisesAlike) {
  const Round& first = rounds_.front();
  const Round& last = rounds_.back();
  int counters = 0;
  int rising = 0;
  for (const auto& [series, end] : last.scraped) {
    const bool is_gauge = end.type == "gauge" || end.metric == "node_netstat_Tcp_CurrEstab";
    const auto start = ValueIn(first.scraped, series);
    const auto before_start = ValueIn(first.before, series);
    const auto after_start = ValueIn(first.after, series);
    const auto before_end = ValueIn(last.before, series);
    const auto after_end = ValueIn(last.after, series);
    if (is_gauge || !start || !before_start || !after_start || !before_end || !after_end) {
      continue;
    }
    ++counters;
    const double increase = end.value - *start;
    rising += increase > 0 ? 1 : 0;
    const double slack = 2 * Tolerance(end.metric) + 1e-9 * std::abs(end.value);
    EXPECT_GE(increase, *before_end - *after_start - slack) << series;
    EXPECT_LE(increase, *after_end - *before_start + slack) << series;
  }
  EXPECT_GE(counters, 100);
  EXPECT_GE(rising, 15);
  RecordProperty("counters", counters);
}

// What the dashboard Node Exporter Full asks for (its metrics, by name) and this machine has.
TEST(NodeExporterDashboardTest, HasWhatNodeExporterHas) {
  NodeExporterProcess exporter;
  ASSERT_OK(exporter.Start(kCollectors));
  ASSERT_OK_AND_ASSIGN(const std::string text, exporter.Scrape());
  std::set<std::string> theirs;
  for (const auto& [series, exposed] : ParseExposition(text)) {
    theirs.insert(exposed.metric);
  }
  const SystemClock clock;
  ASSERT_OK_AND_ASSIGN(auto samplers, NewHostSamplers({}, clock));
  SeriesTable table;
  for (int round = 0; round < 2; ++round) {
    for (const auto& sampler : samplers) {
      EXPECT_OK(sampler->Sample(clock.NowMs(), table));
    }
  }
  std::set<std::string> ours = {std::string(agent::kNodeScrapeMetrics.duration.name),
                                std::string(agent::kNodeScrapeMetrics.success.name)};
  for (const MetricInfo& metric : table.schema()->metrics) {
    ours.insert(metric.name);
  }
  ASSERT_OK_AND_ASSIGN(const std::string names, ReadFile(TestData("dashboard_metrics.txt")));
  std::istringstream lines(names);
  int shared = 0;
  for (std::string name; std::getline(lines, name);) {
    shared += theirs.contains(name) ? 1 : 0;
    EXPECT_TRUE(ours.contains(name) || !theirs.contains(name)) << name;
  }
  EXPECT_GE(shared, 150);
}

}  // namespace
}  // namespace ronda
