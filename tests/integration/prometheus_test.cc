// Against Debian's Prometheus: its remote-write, its promtool, and its answers.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/model/sample.h"
#include "tests/integration/prometheus_pair.h"
#include "tests/support/http_fetch.h"
#include "tests/support/write_request.h"

namespace ronda {
namespace {

using testing::HasSubstr;

class PrometheusTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!PrometheusPair::IsInstalled()) {
      GTEST_SKIP() << "Debian's package prometheus is not installed";
    }
  }

  Output Promtool(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"promtool", "query"});
    return RunProgram(arguments);
  }

  PrometheusPair pair_;
};

bool IsLong() { return std::getenv("RONDA_LONG") != nullptr; }

// A Prometheus sends what it scrapes while the collector is killed and comes back: every sample
// that it holds of the time is in Ronda, with its time and value.
TEST_F(PrometheusTest, RemoteWriteLosesNothingOverAKill) {
  ASSERT_TRUE(pair_.StartCollector()) << pair_.CollectorLog();
  ASSERT_TRUE(pair_.StartPrometheus(fmt::format(
      R"(global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: prometheus
    static_configs: [{{targets: ["127.0.0.1:{}"]}}]
remote_write:
  - url: http://{}/api/v1/write
    authorization: {{credentials_file: {}}}
    queue_config: {{batch_send_deadline: 500ms, min_backoff: 100ms, max_backoff: 500ms}}
    metadata_config: {{send_interval: 1s}}
)",
      pair_.prometheus_port(), pair_.ronda(), pair_.token_file())));
  const SystemClock clock;
  const auto count = [&](const std::string& address) {
    const PromAnswer answer =
        PrometheusPair::Ask(address, "count_over_time(up[1h])", 0, clock.NowMs(), 0);
    return answer.points.empty() ? 0 : answer.points.begin()->second;
  };
  const int64_t scrapes = IsLong() ? 300 : 5;
  const int64_t patience_ms = scrapes * 1000 + 60'000;
  ASSERT_TRUE(Eventually(patience_ms, [&] {
    return count(pair_.ronda()) >= static_cast<double>(scrapes);
  })) << pair_.CollectorLog();
  pair_.KillCollector();
  const double before = count(pair_.prometheus());
  ASSERT_TRUE(Eventually(patience_ms, [&] { return count(pair_.prometheus()) >= before + 3; }));
  ASSERT_TRUE(pair_.StartCollector()) << pair_.CollectorLog();
  const double after = count(pair_.prometheus());
  ASSERT_TRUE(Eventually(patience_ms, [&] {
    return count(pair_.prometheus()) >= after + static_cast<double>(scrapes);
  }));
  const int64_t end_ms = clock.NowMs() - 1000;
  std::string difference;
  for (const char* expr : {"up[1h]", R"({__name__=~"scrape_.*|go_.*|process_.*"}[1h])",
                           "prometheus_tsdb_head_samples_appended_total[1h]"}) {
    EXPECT_TRUE(Eventually(
        60'000,
        [&] {
          const PromAnswer theirs = PrometheusPair::Ask(pair_.prometheus(), expr, 0, end_ms, 0);
          difference =
              theirs.points.size() < 5
                  ? "Prometheus has no points"
                  : Difference(PrometheusPair::Ask(pair_.ronda(), expr, 0, end_ms, 0), theirs);
          return difference.empty();
        }))
        << expr << ": " << difference;
  }
  EXPECT_THAT(HttpFetch(pair_.ronda(), "GET", "/api/v1/metadata?metric=go_goroutines").body,
              HasSubstr(R"("type":"gauge")"));
}

// Thirty minutes of three machines, at half seconds so that no sample lies on the edge of a window:
// Prometheus 2 takes what lies on the left edge, 3 and Ronda do not.
class Machines {
 public:
  explicit Machines(int64_t end_ms) : start_ms_(end_ms - kTicks * kStepMs) {
    for (int host = 0; host < 3; ++host) {
      AddHost(fmt::format("web{}:9100", host));
    }
  }

  std::vector<std::string> Requests() {
    std::vector<std::string> out;
    for (int64_t tick = 0; tick < kTicks; tick += kTicksPerRequest) {
      std::vector<PushedSeries> request;
      for (Made& made : series_) {
        PushedSeries one = made.series;
        for (int64_t t = tick; t < tick + kTicksPerRequest; ++t) {
          Step(t, &made, &one);
        }
        if (!one.samples.empty()) {
          request.push_back(std::move(one));
        }
      }
      out.push_back(Snappy(EncodePush(request)));
    }
    return out;
  }

  static constexpr int64_t kStepMs = 15'000;
  static constexpr int64_t kTicks = 120;

 private:
  static constexpr int64_t kTicksPerRequest = 6;
  struct Made {
    PushedSeries series;
    bool counter = false;
    double value = 0;
    int64_t ends = kTicks;  // with a marker
    std::set<int64_t> missed;
  };

  void Add(const std::string& instance, const std::string& name, bool counter,
           std::vector<std::pair<std::string, std::string>> labels = {}) {
    Made made;
    made.series.labels = {{"__name__", name}, {"instance", instance}, {"job", "node"}};
    made.series.labels.insert(made.series.labels.end(), labels.begin(), labels.end());
    std::sort(made.series.labels.begin(), made.series.labels.end());
    made.counter = counter;
    made.value = counter ? Draw() * 1000 : Draw() * 100;
    if (Draw() < 0.1) {
      made.ends = 40 + static_cast<int64_t>(Draw() * 60);
    }
    for (int64_t t = 0; t < kTicks; ++t) {
      if (Draw() < 0.02) {
        made.missed.insert(t);
      }
    }
    series_.push_back(std::move(made));
  }

  void AddHost(const std::string& host) {
    for (const char* cpu : {"0", "1"}) {
      for (const char* mode : {"idle", "user", "system", "iowait", "nice"}) {
        Add(host, "node_cpu_seconds_total", true, {{"cpu", cpu}, {"mode", mode}});
      }
    }
    for (const char* device : {"sda", "sdb"}) {
      for (const char* name :
           {"node_disk_read_bytes_total", "node_disk_written_bytes_total",
            "node_disk_reads_completed_total", "node_disk_io_time_seconds_total"}) {
        Add(host, name, true, {{"device", device}});
      }
    }
    for (const char* device : {"eth0", "lo"}) {
      for (const char* name :
           {"node_network_receive_bytes_total", "node_network_transmit_bytes_total",
            "node_network_receive_errs_total"}) {
        Add(host, name, true, {{"device", device}});
      }
      Add(host, "node_network_up", false, {{"device", device}});
    }
    for (const char* mount : {"/", "/var"}) {
      for (const char* name : {"node_filesystem_avail_bytes", "node_filesystem_size_bytes",
                               "node_filesystem_files_free"}) {
        Add(host, name, false, {{"mountpoint", mount}, {"fstype", "ext4"}});
      }
    }
    for (const char* name :
         {"node_load1", "node_load5", "node_memory_MemAvailable_bytes",
          "node_memory_MemTotal_bytes", "node_memory_MemFree_bytes", "node_memory_Cached_bytes",
          "node_memory_Buffers_bytes", "node_memory_SwapFree_bytes", "node_procs_running",
          "node_filefd_allocated", "node_sockstat_TCP_inuse", "up"}) {
      Add(host, name, false);
    }
    for (const char* name : {"node_context_switches_total", "node_intr_total", "node_forks_total",
                             "node_vmstat_pgfault", "node_netstat_Tcp_InSegs"}) {
      Add(host, name, true);
    }
    for (const char* le : {"0.1", "0.5", "1", "5", "+Inf"}) {
      Add(host, "http_request_duration_seconds_bucket", true, {{"le", le}});
    }
  }

  double Draw() { return std::uniform_real_distribution<>(0, 1)(random_); }

  void Step(int64_t tick, Made* made, PushedSeries* out) {
    if (made->counter) {
      made->value = Draw() < 0.01 ? 0 : made->value + std::floor(Draw() * 500) / 8;
    } else if (Draw() < 0.6) {
      made->value += std::floor((Draw() - 0.5) * 64) / 4;
    }
    if (tick > made->ends || made->missed.contains(tick)) {
      return;
    }
    out->samples.emplace_back(start_ms_ + tick * kStepMs + 500,
                              tick == made->ends ? StaleMarker() : made->value);
  }

  const int64_t start_ms_;
  std::mt19937_64 random_{4711};
  std::vector<Made> series_;
};

// The steps of subqueries are at whole minutes and half ones: an offset keeps them off the edges.
//
// The shapes of dashboards and rule files, each over the metrics that it is used with.
std::vector<std::string> Expressions() {
  const std::vector<std::string> counters = {"node_cpu_seconds_total",
                                             "node_disk_read_bytes_total",
                                             "node_disk_io_time_seconds_total",
                                             "node_disk_reads_completed_total",
                                             "node_network_receive_bytes_total",
                                             "node_network_transmit_bytes_total",
                                             "node_network_receive_errs_total",
                                             "node_context_switches_total",
                                             "node_intr_total",
                                             "node_forks_total",
                                             "node_vmstat_pgfault",
                                             "node_netstat_Tcp_InSegs",
                                             "http_request_duration_seconds_bucket"};
  const std::vector<std::string> gauges = {"node_load1",
                                           "node_memory_MemAvailable_bytes",
                                           "node_memory_MemFree_bytes",
                                           "node_memory_Cached_bytes",
                                           "node_filesystem_avail_bytes",
                                           "node_filesystem_files_free",
                                           "node_procs_running",
                                           "node_filefd_allocated",
                                           "node_sockstat_TCP_inuse",
                                           "node_network_up",
                                           "up"};
  std::vector<std::string> out;
  const auto add = [&](const std::vector<std::string>& metrics,
                       const std::vector<std::string>& shapes) {
    for (const std::string& shape : shapes) {
      for (const std::string& metric : metrics) {
        std::string expr = shape;
        for (size_t at = expr.find('$'); at != std::string::npos; at = expr.find('$')) {
          expr.replace(at, 1, metric);
        }
        out.push_back(expr);
      }
    }
  };
  add(counters, {"rate($[5m])", "irate($[2m])", "increase($[10m])",
                 "sum by (instance) (rate($[5m]))", "avg without (instance) (rate($[1m]))",
                 "max(rate($[5m])) - min(rate($[5m]))", "rate($[5m]) > 10", "resets($[10m])",
                 "sum(rate($[5m] offset 5m))", R"(rate(${instance=~"web[01].*"}[3m]) * 8)",
                 "changes($[7m])", "sum(increase($[5m])) / sum(increase($[5m] offset 10m))",
                 "max_over_time(sum by (job) (rate($[2m]))[10m:1m] offset 30s)",
                 "count(rate($[5m]) > 0)", "stddev by (job) (rate($[5m]))"});
  add(gauges, {"$",
               "sum($)",
               "avg by (instance) ($)",
               "max_over_time($[10m])",
               "min_over_time($[10m])",
               "avg_over_time($[5m])",
               "quantile_over_time(0.9, $[10m])",
               "delta($[10m])",
               "deriv($[10m])",
               "predict_linear($[10m], 3600)",
               "quantile(0.5, $)",
               "$ > 50",
               "$ > bool 50",
               "count_over_time($[5m])",
               "stddev_over_time($[10m])",
               "last_over_time($[3m])",
               "absent($)",
               "$ offset 3m",
               "abs(delta($[5m]))",
               "sort_desc($)",
               "clamp_max($, 60)",
               "round($, 0.5)",
               "topk(2, $)",
               "bottomk by (job) (1, $)",
               "count without (instance) ($ == $)",
               "timestamp($)",
               "$ and on (instance) (node_load1 > 0)",
               "idelta($[2m])",
               "present_over_time($[1m])"});
  const std::vector<std::string> whole = {
      R"(100 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)",
      R"(sum by (instance, mode) (rate(node_cpu_seconds_total{mode!="idle"}[5m])))",
      "scalar(node_load1{instance=\"web0:9100\"}) * 100 / count(count(node_cpu_seconds_total) by "
      "(cpu))",
      "node_filesystem_avail_bytes / node_filesystem_size_bytes * 100 < 90",
      "1 - node_filesystem_avail_bytes / ignoring (fstype) node_filesystem_size_bytes",
      "node_memory_MemTotal_bytes - node_memory_MemFree_bytes - node_memory_Cached_bytes - "
      "node_memory_Buffers_bytes",
      "(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100",
      "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
      "histogram_quantile(0.5, sum by (le, instance) "
      "(rate(http_request_duration_seconds_bucket[5m])))",
      "avg(sum without (mode) (rate(node_cpu_seconds_total[5m])))",
      "sum by (instance) (rate(node_cpu_seconds_total[5m])) / on (instance) group_left "
      "sum by (instance) (node_load1) > 0",
      "rate(node_disk_read_bytes_total[5m]) + on (instance, device) "
      "rate(node_disk_written_bytes_total[5m])",
      "(node_disk_reads_completed_total > bool 0) * rate(node_disk_io_time_seconds_total[5m])",
      R"(label_replace(node_load1, "host", "$1", "instance", "(.*):.*"))",
      R"(label_join(up, "where", "/", "job", "instance"))",
      "up == 0 or node_load1 > 20",
      "node_load1 unless on (instance) (node_load5 > 50)",
      "count_values(\"v\", round(node_load1, 50))",
      "min by (instance) (node_filesystem_avail_bytes) > node_load1 * 0",
      "avg_over_time(rate(node_intr_total[1m])[5m:30s] offset 15s)",
      "vector(1) + 2 ^ 3 % 5",
      "time() - 1",
      "hour(timestamp(node_load1)) >= 0",
      "day_of_week() >= 0",
      "sum(node_load1) by (job) / scalar(count(up))",
      "group by (job) ({__name__=~\"node_memory_.*\"})",
      "count by (__name__) ({__name__=~\"node_.*_total\"})",
      "node_load1 @ end()",
      "rate(node_intr_total[5m] @ end()) * 2",
      "-node_load1",
      "node_load1 % 7",
      "sgn(delta(node_load1[5m]))",
      "ln(node_memory_MemFree_bytes) + log2(node_load1) + log10(node_load5)",
      "absent_over_time(nothing_here[5m])",
      "absent(nothing{a=\"b\"})",
      "sum(nothing)",
      "1.5e3",
      "0x1f",
      "\"text\"",
      "node_load1[2m]",
      "rate(node_intr_total[5m])[2m:30s] offset 15s"};
  out.insert(out.end(), whole.begin(), whole.end());
  return out;
}

TEST_F(PrometheusTest, AnswersAreThoseOfPrometheus) {
  ASSERT_TRUE(pair_.StartCollector()) << pair_.CollectorLog();
  ASSERT_TRUE(pair_.StartPrometheus(""));
  const SystemClock clock;
  const int64_t end_ms = clock.NowMs() / 60'000 * 60'000 - 60'000;
  for (const std::string& request : Machines(end_ms).Requests()) {
    ASSERT_EQ(pair_.Push(request), "");
  }
  const std::vector<std::string> expressions = Expressions();
  EXPECT_GT(expressions.size(), 500u);
  size_t empty = 0;
  for (const std::string& expr : expressions) {
    for (const int64_t step_ms : {int64_t{0}, int64_t{60'000}}) {
      const int64_t start_ms = end_ms - 15 * 60'000;
      const PromAnswer theirs =
          PrometheusPair::Ask(pair_.prometheus(), expr, start_ms, end_ms, step_ms);
      const PromAnswer mine = PrometheusPair::Ask(pair_.ronda(), expr, start_ms, end_ms, step_ms);
      EXPECT_EQ(mine.status, theirs.status) << expr << " step " << step_ms << mine.error;
      EXPECT_EQ(Difference(mine, theirs), "") << expr << " step " << step_ms;
      empty += theirs.points.empty() ? 1 : 0;
    }
  }
  EXPECT_LT(empty, expressions.size() / 5) << "expressions that answer nothing compare nothing";
}

TEST_F(PrometheusTest, PromtoolAsksACollector) {
  ASSERT_TRUE(pair_.StartCollector()) << pair_.CollectorLog();
  const SystemClock clock;
  const int64_t now_ms = clock.NowMs();
  PushedSeries series = {{{"__name__", "up"}, {"instance", "a:1"}, {"job", "j"}}, {}};
  for (int i = 10; i >= 1; --i) {
    series.samples.emplace_back(now_ms - i * 1000, i);
  }
  const HttpAnswer pushed =
      HttpFetch(pair_.ronda(), "POST", "/api/v1/write", Snappy(EncodePush({series})),
                {"Content-Encoding: snappy", "Authorization: Bearer " + pair_.token()});
  ASSERT_EQ(pushed.status, 204) << pushed.body;
  const std::string url = "http://" + pair_.ronda();
  const Output instant = Promtool({"instant", url, "up"});
  EXPECT_EQ(instant.exit_code, 0) << instant.err;
  EXPECT_THAT(instant.out, HasSubstr(R"(up{instance="a:1", job="j", node="prom1"} => 1)"));
  const Output range = Promtool(
      {"range", url, "up * 2", "--start", std::to_string(now_ms / 1000 - 20), "--step", "1s"});
  EXPECT_EQ(range.exit_code, 0) << range.err;
  EXPECT_THAT(range.out, HasSubstr(R"({instance="a:1", job="j", node="prom1"} =>)"));
  const Output found = Promtool({"series", url, "--match", R"(up{job="j"})"});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr(R"({__name__="up", instance="a:1", job="j", node="prom1"})"));
  const Output labels = Promtool({"labels", url, "instance"});
  EXPECT_EQ(labels.out, "a:1\n") << labels.err;
  const Output wrong = Promtool({"instant", url, "up{"});
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_THAT(wrong.err, HasSubstr("parse error"));
}

}  // namespace
}  // namespace ronda
