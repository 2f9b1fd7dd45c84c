// Functions of labels: label_replace, label_join, the sorts, absent.
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/go_format.h"
#include "collector/promql/eval/natural_order.h"
#include "collector/promql/eval/scan.h"
#include "collector/promql/functions.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/model/labels.h"
#include "common/model/regex_groups.h"

namespace ronda::promql {
namespace {

const std::string& TextOf(const Expr& expr) {
  return static_cast<const StringLiteral&>(WithoutParens(expr)).value;
}

// Sets the label that a function is for.
void SetLabel(std::string_view name, std::string_view value, OwnedRow* row) {
  row->labels.Set(name, value);
  if (name == kMetricName) {
    row->drop_name = false;
  }
}

// The labels that only one `=` fixes.
Labels FixedLabels(const Expr& expr) {
  const Expr* selector = &WithoutParens(expr);
  if (selector->kind == NodeKind::kMatrix) {
    selector = static_cast<const MatrixSelector*>(selector)->selector.get();
  }
  Labels labels;
  if (selector->kind != NodeKind::kSelector) {
    return labels;
  }
  std::vector<std::string_view> seen;
  for (const Matcher& matcher : static_cast<const VectorSelector*>(selector)->matchers) {
    if (matcher.name() == kMetricName) {
      continue;
    }
    const bool repeated = std::find(seen.begin(), seen.end(), matcher.name()) != seen.end();
    if (matcher.type() == Matcher::Type::kEqual && !repeated) {
      labels.Set(matcher.name(), matcher.value());
      seen.push_back(matcher.name());
    } else {
      labels.Set(matcher.name(), "");
    }
  }
  return labels;
}

// NaN last, whichever way round; equal values stay as they are.
bool ValueBefore(double a, double b, bool descending) {
  if (std::isnan(a) || std::isnan(b)) {
    return !std::isnan(a);
  }
  return descending ? a > b : a < b;
}

}  // namespace

absl::StatusOr<Table> Evaluator::LabelReplace(const CallExpr& call, const Grid& grid) {
  const std::string& to = TextOf(*call.args[1]);
  const std::string& form = TextOf(*call.args[2]);
  const std::string& from = TextOf(*call.args[3]);
  const std::string& pattern = TextOf(*call.args[4]);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(1 << 20);
  const re2::RE2 regex(pattern, options);
  if (!regex.ok()) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "invalid regular expression in label_replace(): {}", pattern);
  }
  if (!IsName(to)) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "invalid destination label name in label_replace(): {}", to);
  }
  RONDA_ASSIGN_OR_RETURN(Table table, Collect(*call.args[0], grid));
  const int groups = regex.NumberOfCapturingGroups() + 1;
  std::vector<re2::StringPiece> matches(static_cast<size_t>(groups));
  for (OwnedRow& row : table.rows) {
    const std::string value(row.labels.Get(from));
    if (regex.Match(value, 0, value.size(), re2::RE2::ANCHOR_BOTH, matches.data(), groups)) {
      SetLabel(to, ExpandGroups(form, regex, matches), &row);
    }
  }
  RONDA_RETURN_IF_ERROR(MergeSameLabels(&table.rows));
  return table;
}

absl::StatusOr<Table> Evaluator::LabelJoin(const CallExpr& call, const Grid& grid) {
  const std::string& to = TextOf(*call.args[1]);
  const std::string& separator = TextOf(*call.args[2]);
  for (size_t i = 3; i < call.args.size(); ++i) {
    const std::string& from = TextOf(*call.args[i]);
    if (!IsName(from)) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "invalid source label name in label_join(): {}", from);
    }
  }
  if (!IsName(to)) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "invalid destination label name in label_join(): {}", to);
  }
  RONDA_ASSIGN_OR_RETURN(Table table, Collect(*call.args[0], grid));
  for (OwnedRow& row : table.rows) {
    std::string joined;
    for (size_t i = 3; i < call.args.size(); ++i) {
      joined += i == 3 ? "" : separator;
      joined += row.labels.Get(TextOf(*call.args[i]));
    }
    SetLabel(to, joined, &row);
  }
  RONDA_RETURN_IF_ERROR(MergeSameLabels(&table.rows));
  return table;
}

// Of a range query, which shows series by labels anyway, the order of the first step.
absl::StatusOr<Table> Evaluator::Sort(const CallExpr& call, const Grid& grid) {
  RONDA_ASSIGN_OR_RETURN(Table table, Collect(*call.args[0], grid));
  const FunctionId id = call.function.id;
  if (id == FunctionId::kSort || id == FunctionId::kSortDesc) {
    SortByLabels(&table.rows);
    std::stable_sort(table.rows.begin(), table.rows.end(),
                     [&](const OwnedRow& a, const OwnedRow& b) {
                       return ValueBefore(a.values[0], b.values[0], id == FunctionId::kSortDesc);
                     });
    return table;
  }
  std::vector<std::string> names;
  for (size_t i = 1; i < call.args.size(); ++i) {
    names.push_back(TextOf(*call.args[i]));
  }
  const auto before = [&names](const OwnedRow& a, const OwnedRow& b) {
    for (const std::string& name : names) {
      const std::string_view x = a.labels.Get(name);
      const std::string_view y = b.labels.Get(name);
      if (x != y) {
        return NaturalBefore(x, y);
      }
    }
    return a.labels < b.labels;
  };
  std::sort(table.rows.begin(), table.rows.end(), [&](const OwnedRow& a, const OwnedRow& b) {
    return id == FunctionId::kSortByLabel ? before(a, b) : before(b, a);
  });
  return table;
}

absl::Status Evaluator::AbsentRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  std::vector<double> values(grid.size, 1);
  RONDA_RETURN_IF_ERROR(UniqueRows(*call.args[0], grid, [&](const Row& row) {
    for (size_t i = 0; i < grid.size; ++i) {
      values[i] = IsAbsent(row.values[i]) ? values[i] : Absent();
    }
    return absl::OkStatus();
  }));
  return sink({FixedLabels(*call.args[0]), false, false, values});
}

absl::Status Evaluator::AbsentOverTimeRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  const Expr& range = WithoutParens(*call.args[0]);
  std::vector<double> values(grid.size, 1);
  RONDA_RETURN_IF_ERROR(Ranges(range, grid, [&](const RangeSeries& series) {
    size_t end = 0;
    for (size_t i = 0; i < grid.size; ++i) {
      const TimeWindow window = WindowAt(range, grid.At(i));
      end = FirstAfter(series.t_ms, end, window.end_ms);
      if (end > 0 && series.t_ms[end - 1] > window.begin_ms) {
        values[i] = Absent();
      }
    }
    return absl::OkStatus();
  }));
  return sink({FixedLabels(range), false, false, values});
}

}  // namespace ronda::promql
