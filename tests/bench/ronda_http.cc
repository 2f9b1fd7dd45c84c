// A ronda-collector as the peers are: fed by remote-write, asked over Prometheus' HTTP API.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/peer.h"
#include "tests/bench/remote_write.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

namespace fs = std::filesystem;

class RondaHttp : public Peer {
 public:
  explicit RondaHttp(const std::string& dir)
      : Peer("ronda", ProgramPath("ronda-collector"), dir), data_(dir_ + "/data") {}

  std::string Missing() const override { return ""; }

  absl::Status Start() override {
    RONDA_RETURN_IF_ERROR(MakeDirectories(dir_ + "/rules"));
    // Peers answer a request before it is durable; here each one waits for its commit.
    std::ofstream(dir_ + "/collector.yml") << "commit_interval: 1ms\n";
    const Output token =
        RunProgram({ProgramPath("ronda-collector"), "token", "add", "bench", "--role", "write",
                    "--node-label", "instance", "--token-file", dir_ + "/tokens-new"});
    RONDA_RETURN_IF_ERROR(MakeDirectories(data_));
    fs::rename(dir_ + "/tokens-new", data_ + "/http-tokens");
    token_ = token.out.substr(0, token.out.find('\n'));
    const int port = FreePort();
    return StartServer(port,
                       {"--config", dir_ + "/collector.yml", "--data", data_, "--listen",
                        "127.0.0.1:0", "--no-socket", "--rules", dir_ + "/rules", "--log-level",
                        "warn", "--http-listen", fmt::format("127.0.0.1:{}", port)},
                       "/-/ready");
  }

  absl::Status Feed(const ScaleSet& set) override {
    return FeedRemoteWrite(set, http_.get(), {"Authorization: Bearer " + token_});
  }

  absl::Status Settle() override {
    RONDA_RETURN_IF_ERROR(Stop());
    const Output output = RunProgram(
        {fs::read_symlink("/proc/self/exe").string(), "store-compact", data_}, 1'800'000);
    return output.exit_code == 0 ? absl::OkStatus()
                                 : Fail(absl::StatusCode::kInternal, "compacting {}: {}{}", data_,
                                        output.out, output.err);
  }

  absl::StatusOr<DiskUse> Disk() const override {
    DiskUse use;
    use.total_bytes = BytesBelow(data_);
    return use;
  }

 protected:
  absl::StatusOr<Answer> ReadRaw(const ReadQuery& query) override {
    return Ask(fmt::format("/api/v1/query?query={}&time={}",
                           HttpClient::Escape(fmt::format("{}[{}ms]", query.metric,
                                                          query.end_ms - query.start_ms)),
                           Seconds(query.end_ms)),
               CountMatrix);
  }

 private:
  const std::string data_;
  std::string token_;
};

}  // namespace

std::unique_ptr<System> NewRondaHttp(const std::string& dir) {
  return std::make_unique<RondaHttp>(dir);
}

}  // namespace ronda::bench
