// Operators between two vectors: series find each other by the labels of on() or ignoring().
//
// Each side is collected once; series are put together by the text of those labels (their "match
// group"). Nearly always a group holds one series a side, and the operator runs over two columns.
// Where it holds more, what Prometheus checks at each step is checked at each step.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "absl/container/flat_hash_map.h"
#include "collector/promql/eval/arithmetic.h"
#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/go_format.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

using Cardinality = VectorMatching::Cardinality;

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The labels by which series match.
Labels MatchLabels(const Labels& labels, const VectorMatching& matching) {
  std::vector<Label> kept;
  for (const Label& label : labels.all()) {
    const bool listed = Has(matching.labels, label.name);
    if (matching.on ? listed : !listed && label.name != kMetricName) {
      kept.push_back(label);
    }
  }
  return Labels(std::move(kept));
}

struct MatchGroup {
  std::vector<size_t> left;  // rows
  std::vector<size_t> right;
};

// The match groups of two tables, in the order in which they appear.
std::vector<MatchGroup> GroupByLabels(const Table& left, const Table& right,
                                      const VectorMatching& matching) {
  absl::flat_hash_map<Labels, size_t> index;
  std::vector<MatchGroup> groups;
  const auto group_of = [&](const OwnedRow& row) -> MatchGroup& {
    const auto [it, is_new] = index.emplace(MatchLabels(row.labels, matching), groups.size());
    if (is_new) {
      groups.emplace_back();
    }
    return groups[it->second];
  };
  for (size_t i = 0; i < left.rows.size(); ++i) {
    group_of(left.rows[i]).left.push_back(i);
  }
  for (size_t i = 0; i < right.rows.size(); ++i) {
    group_of(right.rows[i]).right.push_back(i);
  }
  return groups;
}

bool AnyPresent(const Table& table, size_t step) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [step](const OwnedRow& row) { return !IsAbsent(row.values[step]); });
}

// The first two rows of `rows` with a value at the step, or fewer.
std::vector<size_t> PresentAt(const Table& table, const std::vector<size_t>& rows, size_t step) {
  std::vector<size_t> present;
  for (const size_t row : rows) {
    if (!IsAbsent(table.rows[row].values[step]) && present.size() < 2) {
      present.push_back(row);
    }
  }
  return present;
}

// A vector match; the sides are "many" and "one" from here on (for one-to-one: left and right).
class PairOperator {
 public:
  PairOperator(const BinaryExpr& binary, const Table& many, const Table& one, EvalContext* context)
      : binary_(binary), many_(many), one_(one), context_(*context) {}

  // At each step at most one series of the "one" side, and for one-to-one of the other side too.
  absl::Status CheckGroup(const MatchGroup& group, size_t steps) const {
    const Cardinality cardinality = binary_.matching.cardinality;
    if (group.right.size() > 1) {
      for (size_t i = 0; i < steps; ++i) {
        const std::vector<size_t> present = PresentAt(one_, group.right, i);
        if (present.size() > 1 && AnyPresent(many_, i)) {
          return Duplicate(one_.rows[present[1]].labels, one_.rows[present[0]].labels);
        }
      }
    }
    if (cardinality == Cardinality::kOneToOne && group.left.size() > 1 && !group.right.empty()) {
      for (size_t i = 0; i < steps; ++i) {
        if (PresentAt(many_, group.left, i).size() > 1 &&
            !PresentAt(one_, group.right, i).empty()) {
          return absl::FailedPreconditionError(
              "multiple matches for labels: many-to-one matching must be explicit "
              "(group_left/group_right)");
        }
      }
    }
    return absl::OkStatus();
  }

  // The values of one pair of series.
  OwnedRow Combine(const OwnedRow& many, const OwnedRow& one) const {
    const bool swapped = binary_.matching.cardinality == Cardinality::kOneToMany;
    const BinaryOp op = binary_.op;
    OwnedRow out;
    out.values.resize(many.values.size());
    for (size_t i = 0; i < many.values.size(); ++i) {
      if (IsAbsent(many.values[i]) || IsAbsent(one.values[i])) {
        out.values[i] = Absent();
        continue;
      }
      const double a = swapped ? one.values[i] : many.values[i];
      const double b = swapped ? many.values[i] : one.values[i];
      if (binary_.return_bool) {
        out.values[i] = Compares(op, a, b) ? 1 : 0;
      } else {
        out.values[i] = Compares(op, a, b) ? Arithmetic(op, a, b) : Absent();
      }
    }
    out.labels = ResultLabels(many.labels, one.labels);
    const bool delayed = context_.delayed_names();
    if (binary_.return_bool && !delayed) {
      out.labels = WithoutMetadata(out.labels);
    }
    out.drop_name = delayed && (binary_.return_bool || (IsComparison(op) && many.drop_name));
    return out;
  }

 private:
  absl::Status Duplicate(const Labels& newer, const Labels& older) const {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "found duplicate series for the match group {} on the {} hand-side of the "
                "operation: [{}, {}];many-to-many matching not allowed: matching labels must be "
                "unique on one side",
                GoLabels(MatchLabels(newer, binary_.matching)),
                binary_.matching.cardinality == Cardinality::kOneToMany ? "left" : "right",
                GoLabels(newer), GoLabels(older));
  }

  Labels ResultLabels(const Labels& many, const Labels& one) const {
    const VectorMatching& matching = binary_.matching;
    std::vector<Label> kept;
    for (const Label& label : many.all()) {
      if (!IsComparison(binary_.op) && IsMetadata(label.name)) {
        continue;
      }
      const bool listed = Has(matching.labels, label.name);
      if (matching.cardinality == Cardinality::kOneToOne && listed != matching.on) {
        continue;
      }
      kept.push_back(label);
    }
    Labels labels(std::move(kept));
    for (const std::string& name : matching.include) {
      labels.Set(name, one.Get(name));
    }
    return labels;
  }

  const BinaryExpr& binary_;
  const Table& many_;
  const Table& one_;
  EvalContext& context_;
};

// True if two series with the same labels would come out of one group at one step.
bool Collide(const std::vector<const OwnedRow*>& inputs, const std::vector<OwnedRow>& outputs,
             const std::vector<size_t>& one_rows, const Table& one) {
  for (size_t a = 0; a < outputs.size(); ++a) {
    for (size_t b = a + 1; b < outputs.size(); ++b) {
      if (outputs[a].labels != outputs[b].labels || inputs[a] == inputs[b]) {
        continue;
      }
      for (size_t i = 0; i < outputs[a].values.size(); ++i) {
        if (!IsAbsent(inputs[a]->values[i]) && !IsAbsent(inputs[b]->values[i]) &&
            !PresentAt(one, one_rows, i).empty()) {
          return true;
        }
      }
    }
  }
  return false;
}

absl::Status Keep(OwnedRow row, Table* table) {
  if (AllAbsent(row.values)) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(table->charge.Add(
      static_cast<int64_t>(row.values.size()),
      static_cast<int64_t>(row.values.size() * sizeof(double)) + BytesOf(row.labels)));
  table->rows.push_back(std::move(row));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Table> Evaluator::MatchVectors(const BinaryExpr& binary, const Grid& grid) {
  RONDA_ASSIGN_OR_RETURN(Table left, Collect(*binary.left, grid));
  RONDA_ASSIGN_OR_RETURN(Table right, Collect(*binary.right, grid));
  if (binary.matching.cardinality == Cardinality::kOneToMany) {
    std::swap(left, right);
  }
  const PairOperator pairs(binary, left, right, &context_);
  Table result(&context_);
  for (const MatchGroup& group : GroupByLabels(left, right, binary.matching)) {
    RONDA_RETURN_IF_ERROR(context_.Check());
    RONDA_RETURN_IF_ERROR(pairs.CheckGroup(group, grid.size));
    std::vector<OwnedRow> outputs;
    std::vector<const OwnedRow*> inputs;
    for (const size_t many : group.left) {
      for (const size_t one : group.right) {
        outputs.push_back(pairs.Combine(left.rows[many], right.rows[one]));
        inputs.push_back(&left.rows[many]);
      }
    }
    if (group.left.size() > 1 && binary.matching.cardinality != Cardinality::kOneToOne &&
        Collide(inputs, outputs, group.right, right)) {
      return absl::FailedPreconditionError(
          "multiple matches for labels: grouping labels must ensure unique matches");
    }
    for (OwnedRow& row : outputs) {
      RONDA_RETURN_IF_ERROR(Keep(std::move(row), &result));
    }
  }
  RONDA_RETURN_IF_ERROR(MergeSameLabels(&result.rows));
  return result;
}

// and: what has a partner on the right; unless: what has none; or: all of the left, and what of the
// right has no partner there.
absl::StatusOr<Table> Evaluator::SetOperation(const BinaryExpr& binary, const Grid& grid) {
  RONDA_ASSIGN_OR_RETURN(Table left, Collect(*binary.left, grid));
  RONDA_ASSIGN_OR_RETURN(Table right, Collect(*binary.right, grid));
  const std::vector<MatchGroup> groups = GroupByLabels(left, right, binary.matching);
  const bool either = binary.op == BinaryOp::kOr;
  std::vector<bool> partner(grid.size);
  for (const MatchGroup& group : groups) {
    RONDA_RETURN_IF_ERROR(context_.Check());
    const Table& giver = either ? left : right;
    Table& taker = either ? right : left;
    std::fill(partner.begin(), partner.end(), false);
    for (const size_t row : either ? group.left : group.right) {
      for (size_t i = 0; i < grid.size; ++i) {
        partner[i] = partner[i] || !IsAbsent(giver.rows[row].values[i]);
      }
    }
    for (const size_t row : either ? group.right : group.left) {
      for (size_t i = 0; i < grid.size; ++i) {
        if (partner[i] != (binary.op == BinaryOp::kAnd)) {
          taker.rows[row].values[i] = Absent();
        }
      }
    }
  }
  Table result(&context_);
  result.charge = std::move(left.charge);
  for (OwnedRow& row : left.rows) {
    if (!AllAbsent(row.values)) {
      result.rows.push_back(std::move(row));
    }
  }
  if (either) {
    for (OwnedRow& row : right.rows) {
      RONDA_RETURN_IF_ERROR(Keep(std::move(row), &result));
    }
    RONDA_RETURN_IF_ERROR(MergeSameLabels(&result.rows));
  }
  return result;
}

}  // namespace ronda::promql
