// A ronda-collector, fed by its own frames, asked over gRPC.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "collector/query/remote_api.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/agent_feed.h"
#include "tests/bench/system.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

namespace fs = std::filesystem;

int64_t BigEndian(std::string_view bytes) {
  int64_t value = 0;
  for (const char byte : bytes) {
    value = value << 8 | static_cast<uint8_t>(byte);
  }
  return value;
}

// Bytes of a SQLite file's pages that are free (https://sqlite.org/fileformat.html, 1.3): they are
// used again before the file grows.
int64_t FreeBytes(const fs::path& path) {
  std::array<char, 100> header{};
  std::ifstream(path).read(header.data(), header.size());
  const std::string_view text(header.data(), header.size());
  if (!text.starts_with("SQLite format 3")) {
    return 0;
  }
  const int64_t page = BigEndian(text.substr(16, 2));
  return BigEndian(text.substr(36, 4)) * (page == 1 ? 65536 : page);
}

class RondaSystem : public System {
 public:
  RondaSystem(const std::string& dir, bool live_lane)
      : dir_(dir + "/ronda"), data_(dir_ + "/data"), live_lane_(live_lane) {}

  std::string name() const override { return "ronda"; }

  absl::Status Start() override {
    // A folder without rule files: nothing is watched, as in the peers.
    RONDA_RETURN_IF_ERROR(MakeDirectories(dir_ + "/rules"));
    const std::string address = dir_ + "/address";
    fs::remove(address);
    // One agent sends here what else hundreds do: it is read as fast as it sends.
    const std::string config = dir_ + "/collector.yml";
    RONDA_RETURN_IF_ERROR(WriteFileAtomically(config, "limits: {max_samples: 100000000}\n"));
    RONDA_RETURN_IF_ERROR(
        StartProcess({ProgramPath("ronda-collector"), "--insecure", "--config", config, "--data",
                      data_, "--listen", "127.0.0.1:0", "--no-socket", "--rules", dir_ + "/rules",
                      "--print-address", address, "--log-level", "warn"},
                     dir_ + "/log"));
    RONDA_RETURN_IF_ERROR(WaitUntil([&] {
      address_ = ReadFile(address).value_or("");
      return address_.ends_with('\n');
    }));
    address_.pop_back();
    api_ = query::NewRemoteApi({.address = address_});
    return api_->Time().status();
  }

  absl::Status Feed(const ScaleSet& set) override {
    return FeedCollector(set, {.address = address_, .live = live_lane_});
  }

  absl::StatusOr<ReadBack> ReadAll(const ScaleSet& set) override {
    RONDA_RETURN_IF_ERROR(Stop());
    return ReadBackAll(set, data_);
  }

  // The one place that knows how a collector is made to compact. It seals by age only, so that the
  // collector is stopped and another process (RunStoreCompact) seals and compacts its folder.
  absl::Status Settle() override {
    RONDA_RETURN_IF_ERROR(Stop());
    const Output output = RunProgram(
        {fs::read_symlink("/proc/self/exe").string(), "store-compact", data_}, 1'800'000);
    char* rest = nullptr;
    const double cpu_seconds = std::strtod(output.out.c_str(), &rest);
    const double peak_rss_mib = std::strtod(rest, nullptr);
    if (output.exit_code != 0 || peak_rss_mib <= 0) {
      return Fail(absl::StatusCode::kInternal, "compacting {}: {}{}", data_, output.out,
                  output.err);
    }
    AddCost(cpu_seconds, peak_rss_mib);
    return absl::OkStatus();
  }

  absl::StatusOr<DiskUse> Disk() const override {
    DiskUse use;
    for (const auto& entry : fs::recursive_directory_iterator(data_)) {
      // The reserve is room held back for a full disk, not data.
      if (!entry.is_regular_file() || entry.path().filename() == "reserve") {
        continue;
      }
      const auto bytes = static_cast<int64_t>(entry.file_size());
      const int64_t free = FreeBytes(entry.path());
      const std::string folder = entry.path().parent_path().filename().string();
      const std::string file = entry.path().filename().string();
      use.total_bytes += bytes;
      if (folder == "minute" || folder == "hour") {
        use.rollup_bytes += bytes;
      } else if (file.ends_with("-wal") || file.ends_with("-shm")) {
        use.journal_bytes += bytes;
      } else {
        use.samples_bytes += bytes - free;
        use.journal_bytes += free;
      }
    }
    return use;
  }

  absl::StatusOr<Answer> Read(const ReadQuery& query) override {
    query::SelectSpec spec;
    spec.matchers.push_back(Matcher::Equal(std::string(kMetricName), query.metric));
    spec.start_ms = query.start_ms;
    spec.end_ms = query.end_ms;
    spec.step_ms = query.step_ms;
    Answer answer;
    const auto start = std::chrono::steady_clock::now();
    RONDA_RETURN_IF_ERROR(api_->Select(spec, [&](query::SeriesData series) {
      answer.points += static_cast<int64_t>(series.values.size());
      return true;
    }));
    answer.ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return answer;
  }

 protected:
  void Disconnect() override { api_.reset(); }

 private:
  const std::string dir_;
  const std::string data_;
  const bool live_lane_;
  std::string address_;
  std::unique_ptr<query::Api> api_;
};

}  // namespace

std::unique_ptr<System> NewRonda(const std::string& dir, bool live_lane) {
  return std::make_unique<RondaSystem>(dir, live_lane);
}

}  // namespace ronda::bench
