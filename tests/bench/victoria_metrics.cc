// VictoriaMetrics as Debian has it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/base/status.h"
#include "tests/bench/peer.h"

namespace ronda::bench {
namespace {

class VictoriaMetrics : public Peer {
 public:
  explicit VictoriaMetrics(const std::string& dir)
      : Peer("victoriametrics", "victoria-metrics", dir) {}

  absl::Status Start() override {
    const int port = FreePort();
    return StartServer(
        port,
        {fmt::format("-httpListenAddr=127.0.0.1:{}", port), "-storageDataPath=" + dir_ + "/data",
         "-retentionPeriod=100y", "-search.latencyOffset=0s", "-loggerLevel=WARN"},
        "/api/v1/query?query=vector(1)");
  }

  absl::Status Feed(const ScaleSet& set) override {
    RONDA_RETURN_IF_ERROR(Peer::Feed(set));
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

 protected:
  absl::StatusOr<Answer> ReadRaw(const ReadQuery& query) override {
    return Ask(
        fmt::format("/api/v1/export?match[]={}&start={}&end={}", HttpClient::Escape(query.metric),
                    Seconds(query.start_ms + 1), Seconds(query.end_ms)),
        CountLines);
  }

 private:
  // One JSON object a line and series.
  static int64_t CountLines(const std::string& body) {
    int64_t points = 0;
    for (size_t at = 0; at < body.size();) {
      const size_t end = std::min(body.find('\n', at), body.size());
      const auto line = nlohmann::json::parse(body.substr(at, end - at), nullptr, false);
      points += line.is_discarded() ? 0 : static_cast<int64_t>(line["values"].size());
      at = end + 1;
    }
    return points;
  }
};

}  // namespace

std::unique_ptr<System> NewVictoriaMetrics(const std::string& dir) {
  return std::make_unique<VictoriaMetrics>(dir);
}

}  // namespace ronda::bench
