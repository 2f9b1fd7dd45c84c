// PromQL evaluated over a few series: whatever parses is answered or refused, within its limits,
// and no answer holds a series without a value.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/promql/engine.h"

#include "collector/promql/parser.h"
#include "collector/promql/script/memory_series.h"
#include "common/base/check.h"
#include "common/model/sample.h"

namespace {

using ronda::promql::Engine;
using ronda::promql::MemorySeries;
using ronda::promql::QueryOptions;
using ronda::promql::QueryResult;

const MemorySeries& Data() {
  static const auto* const series = [] {
    auto* data = new MemorySeries;
    for (int i = 0; i < 40; ++i) {
      const int64_t t_ms = i * 10'000;
      data->Add(ronda::Labels::Of("a", {{"x", "1"}}), t_ms, i % 7);
      data->Add(ronda::Labels::Of("a", {{"x", "2"}}), t_ms, i == 20 ? ronda::StaleMarker() : i);
      data->Add(ronda::Labels::Of("b", {{"x", "1"}, {"le", "1"}}), t_ms, i / 2);
      data->Add(ronda::Labels::Of("b", {{"x", "1"}, {"le", "+Inf"}}), t_ms, i);
      data->Add(ronda::Labels::Of("c"), t_ms, i == 3 ? NAN : 1.0 / i);
    }
    return data;
  }();
  return *series;
}

}  // namespace

int Fuzz_promql_eval(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expr = ronda::promql::Parse(text);
  if (!expr.ok()) {
    return 0;
  }
  QueryOptions options;
  options.max_samples = 20'000;
  options.max_bytes = 4 << 20;
  options.timeout_ms = 1000;
  options.delayed_name_removal = size % 2 == 0;
  const Engine engine(Data());
  const auto range = engine.Range(**expr, 100'000, 220'000, 30'000, options);
  const auto instant = engine.Instant(**expr, 160'000, options);
  for (const auto* answer : {&range, &instant}) {
    if (!answer->ok()) {
      RONDA_CHECK(answer->status().code() != absl::StatusCode::kInternal);
      continue;
    }
    for (const ronda::promql::Series& series : (*answer)->series) {
      RONDA_CHECK(!series.t_ms.empty() && series.t_ms.size() == series.values.size());
      for (const double value : series.values) RONDA_CHECK(!ronda::IsStale(value));
    }
  }
  return 0;
}
