// The columns that samples and series have in common, and what a filter on them means.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sql/table.h"
#include "common/model/matcher.h"

namespace ronda::sql {

// Column numbers of the two tables; -1: it has none.
struct SeriesColumns {
  int metric = -1;
  int node = -1;
  int job = -1;
  int instance = -1;
  int series = -1;
  int match = -1;
};

// Matchers for what the filter says of these columns. Empty: nothing was said. kInvalidArgument: a
// selector that cannot be parsed.
absl::StatusOr<std::vector<Matcher>> MatchersOf(const Filter& filter, const SeriesColumns& columns);

}  // namespace ronda::sql
