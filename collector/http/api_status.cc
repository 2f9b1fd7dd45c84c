// /api/v1/status/*
#include <sys/resource.h>

#include <algorithm>
#include <map>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/http/params.h"
#include "collector/promql/number_text.h"
#include "collector/store/store.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::http {
namespace {

// Clients decide by it what they may ask. The language is that of Prometheus 3.
constexpr std::string_view kPrometheusVersion = "3.0.0";

std::string BuildInfo() {
  return fmt::format(
      R"({{"version":"{}","revision":"ronda-{}","branch":"ronda","buildUser":"","buildDate":"","goVersion":""}})",
      kPrometheusVersion, Version());
}

std::string RuntimeInfo(const Sources& sources) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const store::StoreStats stats = sources.store->Stats();
  std::string out = fmt::format(R"({{"startTime":"{}","CWD":"/","hostname":"","serverTime":"{}",)",
                                TimeText(sources.started_ms), TimeText(sources.clock->NowMs()));
  out += fmt::format(
      R"("reloadConfigSuccess":true,"lastConfigTime":"{}","corruptionCount":{},"goroutineCount":0,)",
      TimeText(sources.started_ms),
      stats.counters.corrupt_blocks + stats.counters.corrupt_journal_rows);
  out += fmt::format(
      R"("GOMAXPROCS":0,"GOMEMLIMIT":0,"GOGC":"","GODEBUG":"","storageRetention":"{}"}})",
      promql::FormatDurationMs(sources.retention_ms));
  return out;
}

void AppendTop(std::string_view name, const std::map<std::string, int64_t>& counts, size_t limit,
               std::string* out) {
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  sorted.resize(std::min(sorted.size(), limit));
  *out += fmt::format(",\"{}\":[", name);
  for (size_t i = 0; i < sorted.size(); ++i) {
    *out += i == 0 ? "{\"name\":" : ",{\"name\":";
    AppendText(sorted[i].first, out);
    *out += fmt::format(",\"value\":{}}}", sorted[i].second);
  }
  *out += "]";
}

// Series of the last hour: what a head holds elsewhere.
absl::StatusOr<std::string> TsdbStatus(const Sources& sources, size_t limit) {
  const int64_t now = sources.clock->NowMs();
  constexpr int64_t kHourMs = 3'600'000;
  auto any = Matcher::New(Matcher::Type::kNotEqual, std::string(kMetricName), "");
  RONDA_RETURN_IF_ERROR(any.status());
  RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series,
                         sources.store->Series({*any}, now - kHourMs, now + kHourMs));
  std::map<std::string, int64_t> by_metric;
  std::map<std::string, std::map<std::string, int64_t>> by_label;
  std::map<std::string, int64_t> bytes_by_label;
  for (const Labels& labels : series) {
    ++by_metric[std::string(labels.Get(kMetricName))];
    for (const Label& label : labels.all()) {
      ++by_label[label.name][label.value];
    }
  }
  std::map<std::string, int64_t> values_by_label;
  std::map<std::string, int64_t> by_pair;
  int64_t pairs = 0;
  for (const auto& [name, values] : by_label) {
    values_by_label[name] = static_cast<int64_t>(values.size());
    pairs += static_cast<int64_t>(values.size());
    for (const auto& [value, count] : values) {
      bytes_by_label[name] += static_cast<int64_t>(value.size());
      by_pair[name + "=" + value] = count;
    }
  }
  std::string out = fmt::format(
      R"({{"headStats":{{"numSeries":{},"numLabelPairs":{},"chunkCount":{},"minTime":{},"maxTime":{}}})",
      series.size(), pairs, sources.store->Stats().blocks, now - kHourMs, now);
  AppendTop("seriesCountByMetricName", by_metric, limit, &out);
  AppendTop("labelValueCountByLabelName", values_by_label, limit, &out);
  AppendTop("memoryInBytesByLabelName", bytes_by_label, limit, &out);
  AppendTop("seriesCountByLabelValuePair", by_pair, limit, &out);
  return out + "}";
}

Response Tsdb(const Sources& sources, const Request& request) {
  auto limit = LimitParam(request);
  if (!limit.ok()) {
    return StatusResponse(limit.status());
  }
  auto data = TsdbStatus(sources, *limit == 0 ? 10 : *limit);
  return data.ok() ? DataResponse(*data) : StatusResponse(data.status());
}

std::string Config(const Sources& sources) {
  std::string out = "{\"yaml\":";
  AppendText(sources.config_text, &out);
  return out + "}";
}

std::string Flags(const Sources& sources) {
  std::string out = "{";
  for (const auto& [name, value] : sources.flags) {
    out += out.size() > 1 ? "," : "";
    AppendText(name, &out);
    out += ":";
    AppendText(value, &out);
  }
  return out + "}";
}

}  // namespace

void AddStatus(const Sources& sources, const Lanes& lanes, Router* router) {
  const auto add = [&](std::string path, WorkerPool* pool,
                       std::function<Response(const Request&)> run) {
    router->Add({{Method::kGet},
                 "/api/v1/status/" + path,
                 Access::kRead,
                 pool,
                 true,
                 64 << 10,
                 std::move(run)});
  };
  add("buildinfo", nullptr, [](const Request&) { return DataResponse(BuildInfo()); });
  add("runtimeinfo", lanes.quick,
      [sources](const Request&) { return DataResponse(RuntimeInfo(sources)); });
  add("config", lanes.quick, [sources](const Request&) { return DataResponse(Config(sources)); });
  add("flags", lanes.quick, [sources](const Request&) { return DataResponse(Flags(sources)); });
  add("tsdb", lanes.query, [sources](const Request& request) { return Tsdb(sources, request); });
  add("walreplay", nullptr, [](const Request&) {
    return DataResponse(R"({"min":0,"max":0,"current":0,"state":"done"})");
  });
}

}  // namespace ronda::http
