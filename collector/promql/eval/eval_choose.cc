// Aggregations that let some of the series through: topk, bottomk, limitk and limit_ratio.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/extremes.h"
#include "collector/promql/eval/go_format.h"
#include "collector/promql/eval/grouping.h"
#include "collector/promql/eval/series_hash.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

// Checks k, and what of the parameter is odd at all steps; false if nothing is let through at any.
absl::StatusOr<bool> CheckCount(const std::vector<double>& k) {
  const auto [max, min, nan] = ExtremesOf(k);
  if (max < 1 && !nan) {
    return false;
  }
  if (nan) {
    return absl::FailedPreconditionError("Parameter value is NaN");
  }
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (min <= -kTwoTo63) {
    return Fail(absl::StatusCode::kFailedPrecondition, "Scalar value {} underflows int64",
                GoG(min));
  }
  if (max >= kTwoTo63) {
    return Fail(absl::StatusCode::kFailedPrecondition, "Scalar value {} overflows int64", GoG(max));
  }
  return true;
}

// The best first: for topk the largest; NaN last; of equal ones the first by labels.
struct Better {
  const Table& table;
  size_t step;
  bool want_max;
  bool operator()(size_t a, size_t b) const {
    const double x = table.rows[a].values[step];
    const double y = table.rows[b].values[step];
    if (x == y || (std::isnan(x) && std::isnan(y))) {
      return table.rows[a].labels < table.rows[b].labels;
    }
    if (std::isnan(x) || std::isnan(y)) {
      return std::isnan(y);
    }
    return want_max ? x > y : x < y;
  }
};

std::vector<size_t> GroupsByLabels(const Grouping& grouping) {
  std::vector<size_t> groups(grouping.size());
  std::iota(groups.begin(), groups.end(), size_t{0});
  std::sort(groups.begin(), groups.end(),
            [&](size_t a, size_t b) { return grouping.LabelsOf(a) < grouping.LabelsOf(b); });
  return groups;
}

}  // namespace

absl::StatusOr<Table> Evaluator::Choose(const AggregateExpr& aggregate, const Grid& grid) {
  const AggregateOp op = aggregate.op;
  RONDA_ASSIGN_OR_RETURN(std::vector<double> param, Scalar(*aggregate.param, grid));
  RONDA_ASSIGN_OR_RETURN(Table input, Collect(*aggregate.operand, grid));
  if (op == AggregateOp::kLimitRatio) {
    const Position at = StartOf(*aggregate.param);
    if (std::all_of(param.begin(), param.end(), [](double r) { return r == 0; })) {
      return Table(&context_);
    }
    const Extremes extremes = ExtremesOf(param);
    if (extremes.nan) {
      return absl::FailedPreconditionError("Ratio value is NaN");
    }
    const auto warn = [&](double ratio, int capped) {
      context_.Warn(at, fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                                    GoG(ratio), capped));
    };
    if (extremes.max > 1) {
      warn(extremes.max, 1);
    }
    if (extremes.min < -1) {
      warn(extremes.min, -1);
    }
    for (double& ratio : param) {
      ratio = std::clamp(ratio, -1.0, 1.0);
    }
  } else {
    RONDA_ASSIGN_OR_RETURN(const bool some, CheckCount(param));
    if (!some) {
      return Table(&context_);
    }
  }
  if (op != AggregateOp::kTopk && op != AggregateOp::kBottomk) {
    SortByLabels(&input.rows);
  }
  Grouping grouping(aggregate);
  std::vector<std::vector<size_t>> members;
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const size_t index = grouping.IndexOf(input.rows[i].labels, false);
    members.resize(std::max(members.size(), index + 1));
    members[index].push_back(i);
  }
  // Per row, the steps at which it is let through; the others become absent.
  std::vector<std::vector<bool>> chosen(input.rows.size(), std::vector<bool>(grid.size, false));
  std::vector<size_t> present;
  std::vector<size_t> order;  // of the rows, as the last step has them: what an instant query shows
  for (const size_t g : GroupsByLabels(grouping)) {
    const std::vector<size_t>& group = members[g];
    RONDA_RETURN_IF_ERROR(context_.Check());
    for (size_t i = 0; i < grid.size; ++i) {
      present.clear();
      for (const size_t row : group) {
        if (!IsAbsent(input.rows[row].values[i])) {
          present.push_back(row);
        }
      }
      if (op == AggregateOp::kLimitRatio) {
        const double ratio = param[i];
        std::erase_if(present, [&](size_t row) {
          const double place = static_cast<double>(SeriesHash(input.rows[row].labels)) /
                               static_cast<double>(std::numeric_limits<uint64_t>::max());
          return !((ratio >= 0 && place < ratio) || (ratio < 0 && place >= 1 + ratio));
        });
      } else {
        const auto k =
            param[i] < 1
                ? size_t{0}
                : static_cast<size_t>(std::min(param[i], static_cast<double>(present.size())));
        if (op != AggregateOp::kLimitk) {
          std::partial_sort(present.begin(), present.begin() + static_cast<std::ptrdiff_t>(k),
                            present.end(), Better{input, i, op == AggregateOp::kTopk});
        }
        present.resize(k);
      }
      for (const size_t row : present) {
        chosen[row][i] = true;
      }
    }
    order.insert(order.end(), present.begin(), present.end());
  }
  Table result(&context_);
  result.charge = std::move(input.charge);
  if (grid.size == 1) {
    for (const size_t row : order) {
      result.rows.push_back(std::move(input.rows[row]));
    }
    return result;
  }
  for (size_t row = 0; row < input.rows.size(); ++row) {
    for (size_t i = 0; i < grid.size; ++i) {
      if (!chosen[row][i]) {
        input.rows[row].values[i] = Absent();
      }
    }
    if (!AllAbsent(input.rows[row].values)) {
      result.rows.push_back(std::move(input.rows[row]));
    }
  }
  return result;
}

}  // namespace ronda::promql
