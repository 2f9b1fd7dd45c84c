// An Api that passes everything on and keeps what was asked.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "collector/query/api.h"

namespace ronda::query {

class CountingApi : public Api {
 public:
  explicit CountingApi(Api& api) : api_(api) {}

  absl::StatusOr<TimeBase> Time() override { return api_.Time(); }
  absl::StatusOr<CollectorStatus> Status() override { return api_.Status(); }
  absl::StatusOr<std::vector<NodeStatus>> Nodes(std::string_view only) override {
    asked_nodes.emplace_back(only);
    return api_.Nodes(only);
  }
  absl::StatusOr<std::vector<MetricStatus>> Metrics(std::string_view pattern,
                                                    bool count_series) override {
    return api_.Metrics(pattern, count_series);
  }
  absl::Status Select(const SelectSpec& spec, absl::FunctionRef<bool(SeriesData)> visit) override {
    selects.push_back(spec);
    return api_.Select(spec, [&](SeriesData series) {
      samples += static_cast<int64_t>(series.t_ms.size());
      return visit(std::move(series));
    });
  }
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) override {
    ++series_calls;
    return api_.Series(matchers, start_ms, end_ms);
  }
  absl::StatusOr<EvalResult> Evaluate(const EvalSpec& spec,
                                      const std::atomic<bool>* cancelled) override {
    return api_.Evaluate(spec, cancelled);
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms, int64_t end_ms) override {
    return api_.LabelValues(name, matchers, start_ms, end_ms);
  }
  absl::StatusOr<std::vector<ActiveAlert>> Alerts() override { return api_.Alerts(); }
  absl::StatusOr<std::vector<SilenceStatus>> Silences(bool expired) override {
    return api_.Silences(expired);
  }
  absl::Status AlertLog(int64_t start_ms, int64_t end_ms, std::string_view node,
                        absl::FunctionRef<bool(AlertEvent)> visit) override {
    alert_windows.emplace_back(start_ms, end_ms);
    asked_nodes.emplace_back(node);
    return api_.AlertLog(start_ms, end_ms, node, visit);
  }
  absl::StatusOr<std::vector<Gap>> Gaps(int64_t start_ms, int64_t end_ms,
                                        std::string_view node) override {
    asked_nodes.emplace_back(node);
    return api_.Gaps(start_ms, end_ms, node);
  }

  // The matchers of a Select as text: __name__="up" node="web1".
  static std::string Text(const SelectSpec& spec) {
    std::string text;
    for (const Matcher& matcher : spec.matchers) {
      text += text.empty() ? "" : " ";
      text += matcher.ToString();
    }
    return text;
  }

  std::vector<SelectSpec> selects;
  int64_t samples = 0;  // that Select gave
  int series_calls = 0;
  std::vector<std::string> asked_nodes;
  std::vector<std::pair<int64_t, int64_t>> alert_windows;

 private:
  Api& api_;
};

}  // namespace ronda::query
