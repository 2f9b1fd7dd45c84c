// Values over the steps of a grid.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/promql/eval/context.h"
#include "common/model/labels.h"
#include "common/model/sample.h"

namespace ronda::promql {

// Where a series has no value at a step. No value of a query is ever this: selectors take it for
// what it says, and arithmetic never makes it (it is a signalling NaN).
inline double Absent() { return StaleMarker(); }
inline bool IsAbsent(double value) { return IsStale(value); }

// One series on its way from where it is read to where it is used: valid during the call only. Who
// gets it may change the values in place.
struct Row {
  const Labels& labels;
  // The labels are to be taken without the metric's name and what belongs to it.
  bool nameless;
  // With delayed name removal: the same, but only when the query ends.
  bool drop_name;
  std::span<double> values;
};
using RowSink = absl::FunctionRef<absl::Status(const Row&)>;

// One series that is kept.
struct OwnedRow {
  Labels labels;
  bool drop_name = false;
  std::vector<double> values;
};

// The series of a vector, unique in their labels. The order is that of the result.
struct Table {
  explicit Table(EvalContext* context) : charge(context) {}
  std::vector<OwnedRow> rows;
  Charge charge;
};

// __name__, __type__ and __unit__: what a function of the values does away with.
inline bool IsMetadata(std::string_view label) {
  return label == kMetricName || label == "__type__" || label == "__unit__";
}
Labels WithoutMetadata(const Labels& labels);
// The labels as they are to be seen.
Labels LabelsOf(const Row& row);
// About what labels take in memory.
int64_t BytesOf(const Labels& labels);

bool AllAbsent(std::span<const double> values);

// Makes one of rows with the same labels, where never both have a value at a step;
// kFailedPrecondition where they have. Keeps the order of the first ones.
absl::Status MergeSameLabels(std::vector<OwnedRow>* rows);
void SortByLabels(std::vector<OwnedRow>* rows);

}  // namespace ronda::promql
