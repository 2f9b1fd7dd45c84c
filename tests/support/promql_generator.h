// Random PromQL over a small set of series, for tests that compare two ways of evaluating it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/labels.h"
#include "common/model/sample.h"

namespace ronda {

struct GeneratedSeries {
  Labels labels;
  std::vector<Sample> samples;
};

// Gauges g{node,dev}, counters c_total{node,dev} with resets, buckets h_bucket{node,le}, and one{}:
// some with holes, ends (staleness markers), NaN and infinities; a sample each `interval_ms` but
// the first time.
std::vector<GeneratedSeries> GenerateSeries(std::mt19937_64& random, int64_t interval_ms,
                                            int count);

// Every expression is well typed; one in some dozens cannot be evaluated (many-to-many matching).
class PromqlGenerator {
 public:
  struct Options {
    bool query_times = false;  // @ start() and @ end()
    // Only what Prometheus 2.42 has and answers alike on any data: no newer functions, no durations
    // as numbers, nothing that looks into the future, no topk (which of equal values is chosen?),
    // no parts of dates (of NaN).
    bool prometheus2 = false;
  };

  PromqlGenerator(std::mt19937_64& random, const Options& options)
      : random_(random), options_(options) {}

  // An instant vector or a scalar.
  std::string Expression();

 private:
  std::string Vector(int depth);
  std::string Scalar(int depth);
  std::string Range(int depth);
  std::string Selector();
  std::string Shift();
  std::string Duration();
  std::string OverTime(int depth);
  std::string Aggregation(int depth);
  std::string VectorMatch(int depth);
  std::string Grouping();

  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  std::string_view Pick(std::initializer_list<std::string_view> list) {
    return list.begin()[Below(list.size())];
  }

  std::mt19937_64& random_;
  const Options options_;
};

}  // namespace ronda
