// PromQL text to a syntax tree.
//
// What this version takes:
//
//   expression  = operand [ comparison operand ]...     a chain groups from the left
//   comparison  = "==" | "!=" | "<" | "<=" | ">" | ">="
//   operand     = number | selector | "(" expression ")" | "-" operand | "+" operand
//   number      = 80  1.5e3  0x1f  1_000  Inf  NaN  1h30m (a duration is its seconds)
//   selector    = name | name "{" matchers "}" | "{" matchers "}"
//   matchers    = matcher { "," matcher } [ "," ]
//   matcher     = label ("=" | "!=" | "=~" | "!~") string | string (a quoted metric name)
//
//   node_load1                                     every series of that name
//   node_filesystem_avail_bytes{mountpoint="/"}    with a label
//   up{job=~"node|postgres", env!="test"}          regular expressions are RE2 and match the whole
//   {__name__=~"pg_.*", datname!~"template.*"}     the name is a label like others
//   {"disk.free", "store.name"="Kopi Kita"}        names that need quotes
//   node_load1 > 4                                 what an alert rule says
//
// All the rest of PromQL (functions, aggregations, ranges, arithmetic, sets, modifiers) is refused
// with an error that names the construct.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/ast.h"
#include "common/model/matcher.h"

namespace ronda::promql {

// Deeper nesting of parentheses and signs is refused.
inline constexpr int kMaxDepth = 100;

// kInvalidArgument, "LINE:COLUMN: ...", with the offending text and what was expected there.
absl::StatusOr<ExprPtr> Parse(std::string_view text);

// The same for a text that must be one selector, as `ronda query` takes it.
absl::StatusOr<std::vector<Matcher>> ParseSelector(std::string_view text);

}  // namespace ronda::promql
