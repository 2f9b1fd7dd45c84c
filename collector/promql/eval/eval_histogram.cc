// histogram_quantile and histogram_fraction over series that differ in `le`.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/go_format.h"
#include "collector/promql/eval/histogram.h"
#include "collector/promql/functions.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace ronda::promql {
namespace {

constexpr std::string_view kBucketLabel = "le";

struct BucketRow {
  double upper_bound;
  size_t row;
};

// The buckets of one histogram.
struct ClassicSeries {
  Labels labels;  // without le
  std::string name;
  std::vector<BucketRow> buckets;
};

std::optional<double> ParseBound(std::string_view text) {
  double bound = 0;
  if (text.empty() || !absl::SimpleAtod(ToAbsl(text), &bound)) {
    return std::nullopt;
  }
  return bound;
}

}  // namespace

absl::StatusOr<Table> Evaluator::ClassicHistogram(const CallExpr& call, const Grid& grid) {
  const bool fraction = call.function.id == FunctionId::kHistogramFraction;
  const Expr& vector = *call.args.back();
  const bool delayed = context_.delayed_names();
  std::vector<std::vector<double>> params;
  for (size_t i = 0; i + 1 < call.args.size(); ++i) {
    RONDA_ASSIGN_OR_RETURN(params.emplace_back(), Scalar(*call.args[i], grid));
  }
  for (const double q : params[0]) {
    if (!fraction && !(q >= 0 && q <= 1)) {
      context_.Warn(StartOf(*call.args[0]),
                    fmt::format("quantile value should be between 0 and 1, got {}", GoG(q)));
    }
  }
  RONDA_ASSIGN_OR_RETURN(const Table input, Collect(vector, grid));

  absl::flat_hash_map<Labels, size_t> index;
  std::vector<ClassicSeries> histograms;
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const Labels& labels = input.rows[i].labels;
    const std::string_view bound_text = labels.Get(kBucketLabel);
    const std::optional<double> bound = ParseBound(bound_text);
    if (!bound.has_value()) {
      const std::string_view name = delayed ? labels.Get(kMetricName) : "";
      context_.Warn(
          StartOf(vector),
          fmt::format("bucket label \"le\" is missing or has a malformed value of {}{}",
                      GoQuote(bound_text),
                      name.empty() ? "" : fmt::format(" for metric name {}", GoQuote(name))));
      continue;
    }
    Labels rest = labels;
    rest.Set(kBucketLabel, "");
    const std::string name(labels.Get(kMetricName));
    const auto [it, is_new] = index.emplace(rest, histograms.size());
    if (is_new) {
      histograms.push_back({std::move(rest), delayed ? name : "", {}});
    }
    histograms[it->second].buckets.push_back({*bound, i});
  }

  Table result(&context_);
  std::vector<Bucket> buckets;
  for (ClassicSeries& histogram : histograms) {
    RONDA_RETURN_IF_ERROR(context_.Check());
    OwnedRow row{delayed ? histogram.labels : WithoutMetadata(histogram.labels), delayed,
                 std::vector<double>(grid.size, Absent())};
    for (size_t i = 0; i < grid.size; ++i) {
      buckets.clear();
      for (const BucketRow& bucket : histogram.buckets) {
        const double count = input.rows[bucket.row].values[i];
        if (!IsAbsent(count)) {
          buckets.push_back({bucket.upper_bound, count});
        }
      }
      if (buckets.empty()) {
        continue;
      }
      if (fraction) {
        row.values[i] = HistogramFraction(params[0][i], params[1][i], &buckets);
        continue;
      }
      MonotonicityFix fix;
      row.values[i] = HistogramQuantile(params[0][i], &buckets, &fix);
      if (fix.forced) {
        context_.ForcedMonotonicity(StartOf(vector), histogram.name, grid.At(i), fix.min_bucket,
                                    fix.max_bucket, fix.max_diff);
      }
    }
    RONDA_RETURN_IF_ERROR(
        result.charge.Add(static_cast<int64_t>(grid.size),
                          static_cast<int64_t>(grid.size * sizeof(double)) + BytesOf(row.labels)));
    result.rows.push_back(std::move(row));
  }
  RONDA_RETURN_IF_ERROR(MergeSameLabels(&result.rows));
  return result;
}

}  // namespace ronda::promql
