// VictoriaMetrics and Prometheus from Debian, fed by remote-write, asked over HTTP.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/http_client.h"
#include "tests/bench/remote_write.h"
#include "tests/bench/system.h"

namespace ronda::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Peer : public System {
 public:
  Peer(std::string name, std::string program, const std::string& dir)
      : dir_(dir + "/" + name), name_(std::move(name)), program_(std::move(program)) {}

  std::string name() const override { return name_; }
  std::string Missing() const override {
    return RunProgram({"/bin/sh", "-c", "command -v " + program_}).exit_code == 0
               ? ""
               : fmt::format("not installed (Debian package {})", program_);
  }

  absl::StatusOr<ReadBack> ReadAll(const ScaleSet& set) override {
    ReadBack read;
    for (const MetricInfo& metric : set.schema->metrics) {
      const std::string query =
          fmt::format("sum(count_over_time({}[{}s]))", metric.name, set.ticks + 300);
      RONDA_ASSIGN_OR_RETURN(
          const std::string body,
          http_->Get(fmt::format("/api/v1/query?nocache=1&query={}&time={}",
                                 HttpClient::Escape(query), set.end_ms() / 1000)));
      const json answer = json::parse(body, nullptr, false);
      for (const json& sum : answer["data"]["result"]) {
        read.samples += std::stoll(sum["value"][1].get<std::string>());
      }
    }
    return read;
  }

 protected:
  // Starts the program with these options, and waits until `ready_path` is answered with 200.
  absl::Status StartServer(int port, std::vector<std::string> argv, const std::string& ready_path) {
    argv.insert(argv.begin(), program_);
    RONDA_RETURN_IF_ERROR(StartProcess(argv, dir_ + "/log"));
    http_ = std::make_unique<HttpClient>(fmt::format("http://127.0.0.1:{}", port));
    return WaitUntil([&] { return http_->Get(ready_path).ok(); });
  }

  absl::StatusOr<Answer> Ask(const std::string& path, int64_t (*count)(const std::string&)) {
    Answer answer;
    const auto start = std::chrono::steady_clock::now();
    RONDA_ASSIGN_OR_RETURN(const std::string body, http_->Get(path));
    answer.ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    answer.points = count(body);
    return answer;
  }

  static std::string RangePath(const ReadQuery& query) {
    return fmt::format("/api/v1/query_range?query={}&start={:.3f}&end={:.3f}&step={}{}",
                       HttpClient::Escape(query.metric), Seconds(query.start_ms),
                       Seconds(query.end_ms), Seconds(query.step_ms),
                       query.no_cache ? "&nocache=1" : "");
  }
  static double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

  static int64_t CountMatrix(const std::string& body) {
    const json answer = json::parse(body, nullptr, false);
    int64_t points = 0;
    if (!answer.is_discarded()) {
      for (const json& series : answer["data"]["result"]) {
        points += static_cast<int64_t>(series["values"].size());
      }
    }
    return points;
  }

  const std::string dir_;
  std::unique_ptr<HttpClient> http_;

 private:
  const std::string name_;
  const std::string program_;
};

class VictoriaMetrics : public Peer {
 public:
  explicit VictoriaMetrics(const std::string& dir)
      : Peer("victoriametrics", "victoria-metrics", dir) {}

  absl::Status Start() override {
    RONDA_RETURN_IF_ERROR(MakeDirectories(dir_));
    const int port = FreePort();
    return StartServer(
        port,
        {fmt::format("-httpListenAddr=127.0.0.1:{}", port), "-storageDataPath=" + dir_ + "/data",
         "-retentionPeriod=100y", "-search.latencyOffset=0s", "-loggerLevel=WARN"},
        "/api/v1/query?query=vector(1)");
  }

  absl::Status Feed(const ScaleSet& set) override {
    RONDA_RETURN_IF_ERROR(FeedRemoteWrite(set, http_.get()));
    return http_->Get("/internal/force_flush").status();
  }

  // It holds what came last in memory for some seconds.
  bool KeepsWhatItTook() const override { return false; }

  absl::Status Settle() override {
    RONDA_RETURN_IF_ERROR(http_->Get("/internal/force_flush").status());
    RONDA_RETURN_IF_ERROR(http_->Get("/internal/force_merge").status());
    // It merges in the background: over when nothing merges and nothing changes for two seconds.
    int64_t bytes = -1;
    for (int quiet = 0; quiet < 20;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      RONDA_ASSIGN_OR_RETURN(const std::string metrics, http_->Get("/metrics"));
      bool merges = false;
      for (size_t at = metrics.find("\nvm_active_merges{"); at != std::string::npos;
           at = metrics.find("\nvm_active_merges{", at + 1)) {
        const size_t value = metrics.find("} ", at);
        merges = merges || metrics.compare(value, 4, "} 0\n") != 0;
      }
      const int64_t now = BytesBelow(dir_ + "/data/data");
      quiet = merges || now != bytes ? 0 : quiet + 1;
      bytes = now;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<DiskUse> Disk() const override {
    DiskUse use;
    use.total_bytes = BytesBelow(dir_ + "/data");
    use.samples_bytes = BytesBelow(dir_ + "/data", "cache");  // made anew from the rest
    return use;
  }

  absl::StatusOr<Answer> Read(const ReadQuery& query) override {
    if (query.step_ms > 0) {
      return Ask(RangePath(query), CountMatrix);
    }
    return Ask(fmt::format("/api/v1/export?match[]={}&start={:.3f}&end={:.3f}",
                           HttpClient::Escape(query.metric), Seconds(query.start_ms + 1),
                           Seconds(query.end_ms)),
               [](const std::string& body) {
                 int64_t points = 0;
                 for (size_t at = 0; at < body.size();) {
                   const size_t end = std::min(body.find('\n', at), body.size());
                   const json line = json::parse(body.substr(at, end - at), nullptr, false);
                   points += line.is_discarded() ? 0 : static_cast<int64_t>(line["values"].size());
                   at = end + 1;
                 }
                 return points;
               });
  }
};

class Prometheus : public Peer {
 public:
  explicit Prometheus(const std::string& dir) : Peer("prometheus", "prometheus", dir) {}

  absl::Status Start() override {
    RONDA_RETURN_IF_ERROR(MakeDirectories(dir_));
    std::ofstream(dir_ + "/prometheus.yml") << "global: {scrape_interval: 1m}\n";
    const int port = FreePort();
    return StartServer(
        port,
        {"--config.file=" + dir_ + "/prometheus.yml",
         fmt::format("--web.listen-address=127.0.0.1:{}", port),
         "--storage.tsdb.path=" + dir_ + "/data", "--storage.tsdb.retention.time=100y",
         "--web.enable-remote-write-receiver", "--web.enable-admin-api", "--log.level=warn"},
        "/-/ready");
  }

  absl::Status Feed(const ScaleSet& set) override { return FeedRemoteWrite(set, http_.get()); }

  // A snapshot holds everything as blocks, the head too.
  absl::Status Settle() override {
    fs::remove_all(dir_ + "/data/snapshots");
    return http_->Post("/api/v1/admin/tsdb/snapshot", "").status();
  }

  absl::StatusOr<DiskUse> Disk() const override {
    DiskUse use;
    use.samples_bytes = BytesBelow(dir_ + "/data/snapshots");
    use.total_bytes = BytesBelow(dir_ + "/data", "snapshots");
    use.journal_bytes = BytesBelow(dir_ + "/data/wal") + BytesBelow(dir_ + "/data/chunks_head");
    return use;
  }

  absl::StatusOr<Answer> Read(const ReadQuery& query) override {
    if (query.step_ms > 0) {
      return Ask(RangePath(query), CountMatrix);
    }
    const std::string window =
        fmt::format("{}[{}ms]", query.metric, query.end_ms - query.start_ms - 1);
    return Ask(fmt::format("/api/v1/query?query={}&time={:.3f}", HttpClient::Escape(window),
                           Seconds(query.end_ms)),
               CountMatrix);
  }
};

}  // namespace

std::unique_ptr<System> NewVictoriaMetrics(const std::string& dir) {
  return std::make_unique<VictoriaMetrics>(dir);
}

std::unique_ptr<System> NewPrometheus(const std::string& dir) {
  return std::make_unique<Prometheus>(dir);
}

}  // namespace ronda::bench
