// What the agent costs its node, beside prometheus-node-exporter scraped once a second over a
// connection that is kept, both on this machine in the same minute.
#include <curl/curl.h>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "collector/query/local_api.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/byte_relay.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

struct Figures {
  double rss_mib = 0;
  double pss_mib = 0;
  double core_percent = 0;
  double series = 0;
  double wire_bytes_per_sample = 0;
};

// Scrapes a node_exporter over one connection.
class Scraper {
 public:
  explicit Scraper(int port) : curl_(curl_easy_init(), &curl_easy_cleanup) {
    curl_easy_setopt(curl_.get(), CURLOPT_URL,
                     fmt::format("http://127.0.0.1:{}/metrics", port).c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, &body_);
    curl_easy_setopt(
        curl_.get(), CURLOPT_WRITEFUNCTION, +[](char* data, size_t size, size_t n, void* to) {
          static_cast<std::string*>(to)->append(data, size * n);
          return size * n;
        });
  }

  // The number of samples, 0 if it failed.
  int64_t Scrape() {
    body_.clear();
    if (curl_easy_perform(curl_.get()) != CURLE_OK) {
      return 0;
    }
    curl_off_t received = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_SIZE_DOWNLOAD_T, &received);
    long header = 0;
    long request = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_HEADER_SIZE, &header);
    curl_easy_getinfo(curl_.get(), CURLINFO_REQUEST_SIZE, &request);
    bytes_ += received + header + request;
    int64_t samples = 0;
    for (size_t at = 0; at < body_.size();) {
      const size_t end = body_.find('\n', at);
      samples += body_[at] != '#' && end != at ? 1 : 0;
      at = end == std::string::npos ? body_.size() : end + 1;
    }
    return samples;
  }
  int64_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
  std::string body_;
  int64_t bytes_ = 0;
};

std::optional<int> WaitForAddress(const std::string& path) {
  std::string text;
  const bool there = Eventually(15'000, [&] {
    text = ReadFile(path).value_or("");
    return !text.empty();
  });
  if (!there) {
    return std::nullopt;
  }
  return std::stoi(text.substr(text.rfind(':') + 1));
}

Figures MakeFigures(const ProcessCost& before, const ProcessCost& after, double seconds,
                    double series, int64_t bytes, double samples) {
  Figures figures;
  figures.rss_mib = after.rss_mib;
  figures.pss_mib = after.pss_mib;
  figures.core_percent = (after.cpu_ms - before.cpu_ms) / (seconds * 10);
  figures.series = series;
  figures.wire_bytes_per_sample = samples > 0 ? static_cast<double>(bytes) / samples : 0;
  return figures;
}

nlohmann::json ToJson(const Figures& figures) {
  return {{"rss_mib", figures.rss_mib},
          {"pss_mib", figures.pss_mib},
          {"core_percent", figures.core_percent},
          {"cpu_us_per_tick", figures.core_percent * 1e4},
          {"series", figures.series},
          {"wire_bytes_per_sample", figures.wire_bytes_per_sample},
          {"tls", false}};
}

void PrintRow(const char* name, const Figures& f) {
  fmt::print("{:<34}{:>10.1f}{:>10.1f}{:>10.3f}{:>12.0f}{:>9.0f}{:>12.2f}\n", name, f.rss_mib,
             f.pss_mib, f.core_percent, f.core_percent * 1e4, f.series, f.wire_bytes_per_sample);
}

// Series with a sample in the last seconds before the end.
double CountSeries(const std::string& data_dir) {
  SystemClock clock;
  auto store = store::Store::OpenReadOnly(data_dir, clock);
  if (!store.ok()) {
    return 0;
  }
  const int64_t now = clock.NowMs();
  auto any = Matcher::New(Matcher::Type::kNotEqual, "__name__", "");
  auto series = (*store)->Series({*any}, now - 5000, now);
  return series.ok() ? static_cast<double>(series->size()) : 0;
}

}  // namespace

int RunAgent(const AgentWorkload& workload) {
  TempDir dir;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Process collector;
  collector.Start({ProgramPath("ronda-collector"), "--insecure", "--data", dir.File("data"),
                   "--listen", "127.0.0.1:0", "--no-socket", "--print-address", dir.File("address"),
                   "--log-level", "error"});
  const std::optional<int> port = WaitForAddress(dir.File("address"));
  if (!port.has_value()) {
    fmt::print(stderr, "ronda-bench: the collector did not start\n");
    return 1;
  }
  ByteRelay relay(*port);
  std::vector<std::string> command = {ProgramPath("ronda-agent"),
                                      "--insecure",
                                      "--spool",
                                      dir.File("spool.db"),
                                      "--collector",
                                      fmt::format("127.0.0.1:{}", relay.port()),
                                      "--log-level",
                                      "error"};
  if (!workload.postgres.empty()) {
    command.insert(command.end(), {"--postgres", workload.postgres});
  }
  Process agent;
  agent.Start(command);
  const int exporter_port = FreePort();
  Process exporter;
  exporter.Start({"prometheus-node-exporter", "--no-collector.systemd", "--log.level=error",
                  fmt::format("--web.listen-address=127.0.0.1:{}", exporter_port)});
  Scraper scraper(exporter_port);
  Eventually(10'000, [&] { return scraper.Scrape() > 0; });

  // One loop drives the scrapes; the agent drives itself.
  auto next = std::chrono::steady_clock::now();
  int64_t scraped = 0;
  int64_t last_scrape = 0;
  const auto run = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      last_scrape = scraper.Scrape();
      scraped += last_scrape;
      next += std::chrono::seconds(1);
      std::this_thread::sleep_until(next);
    }
  };
  run(workload.warm_up_seconds);
  const ProcessCost agent_before = CostOf(agent.pid());
  const ProcessCost exporter_before = CostOf(exporter.pid());
  const ProcessCost collector_before = CostOf(collector.pid());
  const int64_t relay_before = relay.bytes();
  const int64_t scraper_before = scraper.bytes();
  scraped = 0;
  run(workload.seconds);
  const ProcessCost agent_after = CostOf(agent.pid());
  const ProcessCost exporter_after = CostOf(exporter.pid());
  const ProcessCost collector_after = CostOf(collector.pid());
  const double series = CountSeries(dir.File("data"));
  const Figures ours = MakeFigures(agent_before, agent_after, workload.seconds, series,
                                   relay.bytes() - relay_before, series * workload.seconds);
  const Figures theirs = MakeFigures(
      exporter_before, exporter_after, workload.seconds, static_cast<double>(last_scrape),
      scraper.bytes() - scraper_before, static_cast<double>(scraped));
  const Figures central =
      MakeFigures(collector_before, collector_after, workload.seconds, series, 0, 0);
  agent.Signal(SIGTERM);
  agent.Wait(5000);
  collector.Signal(SIGTERM);
  collector.Wait(5000);

  fmt::print("{:<34}{:>10}{:>10}{:>10}{:>12}{:>9}{:>12}\n", fmt::format("{} s", workload.seconds),
             "RSS MiB", "PSS MiB", "% core", "us/tick", "series", "wire B/smp");
  PrintRow("ronda-agent", ours);
  PrintRow("prometheus-node-exporter, 1 s", theirs);
  PrintRow("(ronda-collector, for that agent)", central);
  nlohmann::json line = ToJson(ours);
  line["workload"] = "agent";
  line["peers"]["node_exporter"] = ToJson(theirs);
  fmt::print("{}\n", line.dump());
  return series > 0 && last_scrape > 0 ? 0 : 1;
}

}  // namespace ronda::bench
