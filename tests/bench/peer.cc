#include "tests/bench/peer.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/remote_write.h"

namespace ronda::bench {

using nlohmann::json;

Peer::Peer(std::string name, std::string program, const std::string& dir)
    : dir_(dir + "/" + name), name_(std::move(name)), program_(std::move(program)) {}

std::string Peer::Missing() const {
  return RunProgram({"/bin/sh", "-c", "command -v " + program_}).exit_code == 0
             ? ""
             : fmt::format("not installed (Debian package {})", program_);
}

absl::Status Peer::StartServer(int port, std::vector<std::string> options,
                               const std::string& ready_path) {
  RONDA_RETURN_IF_ERROR(MakeDirectories(dir_));
  options.insert(options.begin(), program_);
  RONDA_RETURN_IF_ERROR(StartProcess(options, dir_ + "/log"));
  http_ = std::make_unique<HttpClient>(fmt::format("http://127.0.0.1:{}", port));
  return WaitUntil([&] { return http_->Get(ready_path).ok(); });
}

absl::Status Peer::Feed(const ScaleSet& set) { return FeedRemoteWrite(set, http_.get()); }

absl::StatusOr<ReadBack> Peer::ReadAll(const ScaleSet& set) {
  ReadBack read;
  for (const MetricInfo& metric : set.schema->metrics) {
    const std::string query =
        fmt::format("sum(count_over_time({}[{}s]))", metric.name, set.ticks + 300);
    RONDA_ASSIGN_OR_RETURN(
        const std::string body,
        http_->Get(fmt::format("/api/v1/query?nocache=1&query={}&time={}",
                               HttpClient::Escape(query), Seconds(set.end_ms()))));
    const json answer = json::parse(body, nullptr, false);
    for (const json& sum : answer["data"]["result"]) {
      read.samples += std::stoll(sum["value"][1].get<std::string>());
    }
  }
  return read;
}

absl::StatusOr<Answer> Peer::Read(const ReadQuery& query) {
  if (query.step_ms == 0) {
    return ReadRaw(query);
  }
  return Ask(
      fmt::format("/api/v1/query_range?query={}&start={}&end={}&step={}{}",
                  HttpClient::Escape(query.metric), Seconds(query.start_ms), Seconds(query.end_ms),
                  Seconds(query.step_ms), query.no_cache ? "&nocache=1" : ""),
      CountMatrix);
}

absl::StatusOr<Answer> Peer::Ask(const std::string& path, int64_t (*count)(const std::string&)) {
  Answer answer;
  const auto start = std::chrono::steady_clock::now();
  RONDA_ASSIGN_OR_RETURN(const std::string body, http_->Get(path));
  answer.ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  answer.points = count(body);
  return answer;
}

absl::StatusOr<Answer> Peer::Query(const PromQuery& query) {
  const std::string path =
      query.step_ms == 0
          ? fmt::format("/api/v1/query?nocache=1&query={}&time={}", HttpClient::Escape(query.expr),
                        Seconds(query.end_ms))
          : fmt::format("/api/v1/query_range?nocache=1&query={}&start={}&end={}&step={}",
                        HttpClient::Escape(query.expr), Seconds(query.start_ms),
                        Seconds(query.end_ms), Seconds(query.step_ms));
  Answer answer;
  const auto start = std::chrono::steady_clock::now();
  RONDA_ASSIGN_OR_RETURN(answer.body, http_->Get(path));
  answer.ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return answer;
}

int64_t Peer::CountMatrix(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  int64_t points = 0;
  if (!answer.is_discarded()) {
    for (const json& series : answer["data"]["result"]) {
      points += static_cast<int64_t>(series["values"].size());
    }
  }
  return points;
}

std::string Peer::Seconds(int64_t ms) {
  return fmt::format("{:.3f}", static_cast<double>(ms) / 1000);
}

}  // namespace ronda::bench
