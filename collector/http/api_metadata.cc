// /api/v1/series, labels, label/:name/values, metadata.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/http/params.h"
#include "collector/query/api.h"
#include "collector/remote/receiver.h"
#include "collector/store/store.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";

struct Window {
  std::vector<std::vector<Matcher>> selectors;
  int64_t start_ms = kMinTimeMs;
  int64_t end_ms = kMaxTimeMs;
  size_t limit = 0;
};

absl::StatusOr<Window> ReadWindow(const Request& request) {
  Window window;
  RONDA_ASSIGN_OR_RETURN(window.start_ms, TimeParam(request, "start", kMinTimeMs));
  RONDA_ASSIGN_OR_RETURN(window.end_ms, TimeParam(request, "end", kMaxTimeMs));
  if (window.end_ms < window.start_ms) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "invalid parameter \"end\": end timestamp must not be before start time");
  }
  window.start_ms = std::clamp(window.start_ms, kMinTimeMs, kMaxTimeMs);
  window.end_ms = std::clamp(window.end_ms, kMinTimeMs, kMaxTimeMs);
  RONDA_ASSIGN_OR_RETURN(window.selectors, MatchParams(request));
  RONDA_ASSIGN_OR_RETURN(window.limit, LimitParam(request));
  return window;
}

template <typename T>
bool Truncate(size_t limit, std::vector<T>* items) {
  const bool truncated = limit > 0 && items->size() > limit;
  if (truncated) {
    items->resize(limit);
  }
  return truncated;
}

// What `find` gives for each selector, sorted, without doubles.
template <typename T, typename Find>
absl::StatusOr<std::vector<T>> Union(const std::vector<std::vector<Matcher>>& selectors,
                                     Find find) {
  std::vector<T> all;
  for (const std::vector<Matcher>& matchers : selectors) {
    RONDA_ASSIGN_OR_RETURN(std::vector<T> found, find(matchers));
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  if (selectors.size() > 1) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  return all;
}

absl::StatusOr<Response> Series(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(const Window window, ReadWindow(request));
  if (window.selectors.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "no match[] parameter provided");
  }
  RONDA_ASSIGN_OR_RETURN(std::vector<Labels> series,
                         Union<Labels>(window.selectors, [&](const auto& matchers) {
                           return sources.api->Series(matchers, window.start_ms, window.end_ms);
                         }));
  const bool truncated = Truncate(window.limit, &series);
  std::string data = "[";
  for (size_t i = 0; i < series.size(); ++i) {
    data += i > 0 ? "," : "";
    AppendLabels(series[i], &data);
  }
  data += "]";
  return DataResponse(data, truncated ? std::vector<std::string>{std::string(kTruncated)}
                                      : std::vector<std::string>{});
}

Response TextsResponse(std::vector<std::string> texts, size_t limit) {
  const bool truncated = Truncate(limit, &texts);
  std::string data;
  AppendTexts(texts, &data);
  return DataResponse(data, truncated ? std::vector<std::string>{std::string(kTruncated)}
                                      : std::vector<std::string>{});
}

absl::StatusOr<Response> LabelNames(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(Window window, ReadWindow(request));
  if (window.selectors.empty()) {
    window.selectors.emplace_back();
  }
  RONDA_ASSIGN_OR_RETURN(std::vector<std::string> names,
                         Union<std::string>(window.selectors, [&](const auto& matchers) {
                           return sources.api->LabelValues("", matchers, window.start_ms,
                                                           window.end_ms);
                         }));
  return TextsResponse(std::move(names), window.limit);
}

absl::StatusOr<Response> LabelValues(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(Window window, ReadWindow(request));
  const std::string name = UnescapeName(request.PathParam("name"));
  if (name.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "invalid label name: \"\"");
  }
  if (window.selectors.empty()) {
    window.selectors.emplace_back();
  }
  RONDA_ASSIGN_OR_RETURN(std::vector<std::string> values,
                         Union<std::string>(window.selectors, [&](const auto& matchers) {
                           return sources.api->LabelValues(name, matchers, window.start_ms,
                                                           window.end_ms);
                         }));
  return TextsResponse(std::move(values), window.limit);
}

// Families that senders described, and what agents and imports declared, by name.
std::map<std::string, remote::FamilyInfo> Descriptions(const Sources& sources) {
  std::map<std::string, remote::FamilyInfo> all = sources.receiver->Families();
  for (MetricInfo& info : sources.store->Metrics()) {
    const bool derived = info.type == MetricType::kUnknown && info.help.empty();
    const remote::FamilyType type = info.type == MetricType::kCounter ? remote::FamilyType::kCounter
                                    : info.type == MetricType::kGauge
                                        ? remote::FamilyType::kGauge
                                        : remote::FamilyType::kUnknown;
    // Parts of a histogram (x_bucket) stand under its family.
    bool of_family = false;
    for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
      of_family =
          of_family || (info.name.ends_with(suffix) &&
                        all.contains(info.name.substr(0, info.name.size() - suffix.size())));
    }
    if (!derived && !of_family) {
      all.try_emplace(info.name, remote::FamilyInfo{type, info.help, info.unit});
    }
  }
  return all;
}

absl::StatusOr<Response> Metadata(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(const size_t limit, LimitParam(request));
  const std::string_view only = request.Param("metric").value_or("");
  std::string data = "{";
  size_t count = 0;
  for (const auto& [name, info] : Descriptions(sources)) {
    if (!only.empty() && name != only) {
      continue;
    }
    if (limit > 0 && count == limit) {
      break;
    }
    data += count++ > 0 ? "," : "";
    AppendText(name, &data);
    data += fmt::format(R"(:[{{"type":"{}","help":)", remote::ToString(info.type));
    AppendText(info.help, &data);
    data += ",\"unit\":";
    AppendText(info.unit, &data);
    data += "}]";
  }
  return DataResponse(data + "}");
}

using Endpoint = absl::StatusOr<Response> (*)(const Sources&, const Request&);

}  // namespace

void AddMetadata(const Sources& sources, const Lanes& lanes, Router* router) {
  const auto add = [&](std::vector<Method> methods, std::string path, Endpoint endpoint) {
    router->Add({std::move(methods), "/api/v1/" + path, Access::kRead, lanes.query, true, 10 << 20,
                 [sources, endpoint](const Request& request) {
                   absl::StatusOr<Response> response = endpoint(sources, request);
                   return response.ok() ? *std::move(response) : StatusResponse(response.status());
                 }});
  };
  add({Method::kGet, Method::kPost}, "series", &Series);
  add({Method::kGet, Method::kPost}, "labels", &LabelNames);
  add({Method::kGet}, "label/:name/values", &LabelValues);
  add({Method::kGet}, "metadata", &Metadata);
}

}  // namespace ronda::http
