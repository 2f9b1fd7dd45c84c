#include "tests/integration/prometheus_pair.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/base/files.h"
#include "tests/support/http_fetch.h"

namespace ronda {
namespace {

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += fmt::format("%{:02x}", static_cast<uint8_t>(c));
  }
  return out;
}

std::string Seconds(int64_t ms) { return fmt::format("{:.3f}", static_cast<double>(ms) / 1000); }

double Number(const nlohmann::json& text) {
  return std::strtod(text.get<std::string>().c_str(), nullptr);
}

bool IsReady(const std::string& address) {
  return HttpFetch(address, "GET", "/-/ready").status == 200;
}

}  // namespace

bool PrometheusPair::IsInstalled() {
  return RunProgram({"/bin/sh", "-c", "command -v prometheus && command -v promtool"}).exit_code ==
         0;
}

int PrometheusPair::prometheus_port() {
  if (prometheus_port_ == 0) {
    prometheus_port_ = FreePort();
  }
  return prometheus_port_;
}

bool PrometheusPair::StartPrometheus(const std::string& config) {
  std::ofstream(dir_.File("prometheus.yml"))
      << (config.empty() ? "global: {scrape_interval: 1m}\n" : config);
  prometheus_ = fmt::format("127.0.0.1:{}", prometheus_port());
  return prometheus_process_.Start(
             {"prometheus", "--config.file=" + dir_.File("prometheus.yml"),
              "--web.listen-address=" + prometheus_, "--storage.tsdb.path=" + dir_.File("prom"),
              "--web.enable-remote-write-receiver", "--log.level=warn",
              "--rules.alert.for-grace-period=0s"},
             dir_.File("prometheus.log")) &&
         Eventually(30'000, [this] { return IsReady(prometheus_); });
}

bool PrometheusPair::StartCollector(const std::vector<std::string>& more) {
  if (ronda_.empty()) {
    ronda_ = fmt::format("127.0.0.1:{}", FreePort());
    const Output added = RunProgram({ProgramPath("ronda-collector"), "token", "add", "prom1",
                                     "--role", "write", "--data", dir_.File("ronda")});
    token_ = added.out.substr(0, added.out.find('\n'));
    std::ofstream(token_file()) << token_;
  }
  std::vector<std::string> argv = {ProgramPath("ronda-collector"),
                                   "--data",
                                   dir_.File("ronda"),
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--http-listen",
                                   ronda_,
                                   "--no-socket"};
  argv.insert(argv.end(), more.begin(), more.end());
  return collector_.Start(argv, dir_.File("collector.log")) &&
         Eventually(30'000, [this] { return IsReady(ronda_); });
}

std::string PrometheusPair::CollectorLog() const {
  return ReadFile(dir_.File("collector.log")).value_or("");
}

std::string PrometheusPair::Push(const std::string& body) {
  for (const std::string& address : {ronda_, prometheus_}) {
    const HttpAnswer answer =
        HttpFetch(address, "POST", "/api/v1/write", body,
                  {"Content-Encoding: snappy", "Content-Type: application/x-protobuf",
                   "X-Prometheus-Remote-Write-Version: 0.1.0", "Authorization: Bearer " + token_});
    if (answer.status / 100 != 2) {
      return fmt::format("{}: {} {}", address, answer.status, answer.body);
    }
  }
  return "";
}

PromAnswer PrometheusPair::Ask(const std::string& address, const std::string& expr,
                               int64_t start_ms, int64_t end_ms, int64_t step_ms) {
  const std::string form = step_ms == 0
                               ? fmt::format("query={}&time={}", Escape(expr), Seconds(end_ms))
                               : fmt::format("query={}&start={}&end={}&step={}", Escape(expr),
                                             Seconds(start_ms), Seconds(end_ms), Seconds(step_ms));
  const HttpAnswer http =
      HttpFetch(address, "POST", step_ms == 0 ? "/api/v1/query" : "/api/v1/query_range", form,
                {"Content-Type: application/x-www-form-urlencoded"});
  PromAnswer answer;
  answer.status = http.status;
  const auto json = nlohmann::json::parse(http.body, nullptr, false);
  if (json.is_discarded() || json.value("status", "") != "success") {
    answer.error = http.body;
    return answer;
  }
  answer.type = json["data"]["resultType"];
  const auto& result = json["data"]["result"];
  if (answer.type == "scalar" || answer.type == "string") {
    answer.points[answer.type == "string" ? result[1].get<std::string>() : ""] =
        answer.type == "string" ? 0 : Number(result[1]);
    return answer;
  }
  for (auto series : result) {
    series["metric"].erase("node");
    const std::string labels = series["metric"].dump();
    const auto add = [&](const nlohmann::json& point) {
      answer.points[fmt::format("{} @{:.3f}", labels, point[0].get<double>())] = Number(point[1]);
    };
    if (series.contains("value")) {
      add(series["value"]);
    }
    for (const auto& point : series.value("values", nlohmann::json::array())) {
      add(point);
    }
  }
  return answer;
}

std::string Difference(const PromAnswer& mine, const PromAnswer& theirs) {
  constexpr double kTolerance = 1e-9;
  if (mine.type != theirs.type) {
    return fmt::format("type {} {}, Prometheus: {} {}", mine.type, mine.error, theirs.type,
                       theirs.error);
  }
  for (const auto& [key, value] : theirs.points) {
    const auto found = mine.points.find(key);
    if (found == mine.points.end()) {
      return fmt::format("{} is missing: {}", key, value);
    }
    const double other = found->second;
    const bool same =
        (std::isnan(value) && std::isnan(other)) || value == other ||
        std::fabs(value - other) <=
            kTolerance * std::fmax(1e-6, std::fmax(std::fabs(value), std::fabs(other)));
    if (!same) {
      return fmt::format("{} is {}, Prometheus: {}", key, other, value);
    }
  }
  for (const auto& [key, value] : mine.points) {
    if (!theirs.points.contains(key)) {
      return fmt::format("{} is too much: {}", key, value);
    }
  }
  return "";
}

}  // namespace ronda
