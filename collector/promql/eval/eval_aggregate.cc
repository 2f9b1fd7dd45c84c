// Aggregations that make new series: sum and its like while reading, quantile and count_values from
// all series.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/extremes.h"
#include "collector/promql/eval/fold.h"
#include "collector/promql/eval/go_format.h"
#include "collector/promql/eval/grouping.h"
#include "collector/promql/eval/window_functions.h"
#include "common/base/status.h"
#include "common/model/labels.h"

namespace ronda::promql {

absl::StatusOr<Table> Evaluator::Aggregate(const AggregateExpr& aggregate, const Grid& grid) {
  switch (aggregate.op) {
    case AggregateOp::kQuantile:
      return Quantile(aggregate, grid);
    case AggregateOp::kCountValues:
      return CountValues(aggregate, grid);
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
      return Choose(aggregate, grid);
    default:
      return FoldRows(aggregate, grid);
  }
}

absl::StatusOr<Table> Evaluator::FoldRows(const AggregateExpr& aggregate, const Grid& grid) {
  struct Group {
    std::unique_ptr<Fold> fold;
    bool drop_name = false;
  };
  Grouping grouping(aggregate);
  std::vector<Group> groups;
  Table result(&context_);
  const int64_t bytes = Fold::BytesPerStep(aggregate.op) * static_cast<int64_t>(grid.size);
  const auto add = [&](const Row& row) {
    if (AllAbsent(row.values)) {
      return absl::OkStatus();
    }
    const size_t index = grouping.IndexOf(row.labels, row.nameless);
    if (index == groups.size()) {
      RONDA_RETURN_IF_ERROR(result.charge.Add(static_cast<int64_t>(grid.size),
                                              bytes + BytesOf(grouping.LabelsOf(index))));
      groups.push_back({Fold::New(aggregate.op, grid.size)});
    }
    groups[index].fold->Add(row.values);
    groups[index].drop_name = groups[index].drop_name || row.drop_name;
    return absl::OkStatus();
  };
  RONDA_RETURN_IF_ERROR(UniqueRows(*aggregate.operand, grid, add));
  for (size_t i = 0; i < groups.size(); ++i) {
    result.rows.push_back({grouping.LabelsOf(i), groups[i].drop_name, groups[i].fold->Finish()});
    groups[i].fold.reset();
  }
  SortByLabels(&result.rows);
  return result;
}

absl::StatusOr<Table> Evaluator::Quantile(const AggregateExpr& aggregate, const Grid& grid) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<double> q, Scalar(*aggregate.param, grid));
  const auto warn = [&](double value) {
    context_.Warn(StartOf(*aggregate.param),
                  fmt::format("quantile value should be between 0 and 1, got {}", GoG(value)));
  };
  const Extremes extremes = ExtremesOf(q);
  if (extremes.nan) {
    warn(std::numeric_limits<double>::quiet_NaN());
  }
  if (extremes.max > 1) {
    warn(extremes.max);
  }
  if (extremes.min < 0) {
    warn(extremes.min);
  }
  RONDA_ASSIGN_OR_RETURN(const Table input, Collect(*aggregate.operand, grid));
  Grouping grouping(aggregate);
  std::vector<std::vector<size_t>> members;
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const size_t index = grouping.IndexOf(input.rows[i].labels, false);
    members.resize(std::max(members.size(), index + 1));
    members[index].push_back(i);
  }
  Table result(&context_);
  std::vector<double> values;
  for (size_t g = 0; g < members.size(); ++g) {
    RONDA_RETURN_IF_ERROR(context_.Check());
    OwnedRow row{grouping.LabelsOf(g), false, std::vector<double>(grid.size, Absent())};
    for (const size_t member : members[g]) {
      row.drop_name = row.drop_name || input.rows[member].drop_name;
    }
    for (size_t i = 0; i < grid.size; ++i) {
      values.clear();
      for (const size_t member : members[g]) {
        const double value = input.rows[member].values[i];
        if (!IsAbsent(value)) {
          values.push_back(value);
        }
      }
      if (!values.empty()) {
        row.values[i] = QuantileOf(q[i], &values);
      }
    }
    result.rows.push_back(std::move(row));
  }
  RONDA_RETURN_IF_ERROR(
      result.charge.Add(static_cast<int64_t>(result.rows.size() * grid.size),
                        static_cast<int64_t>(result.rows.size() * grid.size * sizeof(double))));
  SortByLabels(&result.rows);
  return result;
}

absl::StatusOr<Table> Evaluator::CountValues(const AggregateExpr& aggregate, const Grid& grid) {
  const std::string& label =
      static_cast<const StringLiteral&>(WithoutParens(*aggregate.param)).value;
  if (!IsName(label)) {
    return Fail(absl::StatusCode::kFailedPrecondition, "invalid label name {}", GoQuote(label));
  }
  RONDA_ASSIGN_OR_RETURN(const Table input, Collect(*aggregate.operand, grid));
  Grouping grouping(aggregate, label);
  Table result(&context_);
  for (const OwnedRow& row : input.rows) {
    RONDA_RETURN_IF_ERROR(context_.Check());
    Labels labels = row.labels;
    for (size_t i = 0; i < grid.size; ++i) {
      if (IsAbsent(row.values[i])) {
        continue;
      }
      labels.Set(label, GoPlain(row.values[i]));
      const size_t index = grouping.IndexOf(labels, false);
      if (index == result.rows.size()) {
        RONDA_RETURN_IF_ERROR(
            result.charge.Add(static_cast<int64_t>(grid.size),
                              static_cast<int64_t>(grid.size * sizeof(double)) + BytesOf(labels)));
        result.rows.push_back(
            {grouping.LabelsOf(index), false, std::vector<double>(grid.size, Absent())});
      }
      double& count = result.rows[index].values[i];
      count = IsAbsent(count) ? 1 : count + 1;
    }
  }
  SortByLabels(&result.rows);
  return result;
}

}  // namespace ronda::promql
