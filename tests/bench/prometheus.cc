// Prometheus as Debian has it, as a receiver of remote-write.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/peer.h"

namespace ronda::bench {
namespace {

namespace fs = std::filesystem;

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

 protected:
  absl::StatusOr<Answer> ReadRaw(const ReadQuery& query) override {
    const std::string window =
        fmt::format("{}[{}ms]", query.metric, query.end_ms - query.start_ms - 1);
    return Ask(fmt::format("/api/v1/query?query={}&time={}", HttpClient::Escape(window),
                           Seconds(query.end_ms)),
               CountMatrix);
  }
};

}  // namespace

std::unique_ptr<System> NewPrometheus(const std::string& dir) {
  return std::make_unique<Prometheus>(dir);
}

}  // namespace ronda::bench
