// PromQL text to a syntax tree: the whole language of Prometheus 3.x for float samples.
//
//   expression  = operand { operator operand }      weak to strong: or; and unless; comparisons;
//                                                   + -; * / % atan2; ^ (from the right)
//   operator    = symbol [ "bool" ] [ ("on" | "ignoring") "(" labels ")"
//                          [ ("group_left" | "group_right") [ "(" labels ")" ] ] ]
//   operand     = ("+" | "-") operand               stronger than * and weaker than ^
//               | primary { postfix }
//   postfix     = "[" duration "]" | "[" duration ":" [ duration ] "]"
//               | "offset" [ "-" ] duration | "@" ( time | "start()" | "end()" )
//   primary     = number | string | selector | "(" expression ")" | function "(" arguments ")"
//               | aggregation [ grouping ] "(" arguments ")" [ grouping ]
//   grouping    = ("by" | "without") "(" labels ")"
//   number      = 80  1.5e3  0x1f  1_000  Inf  NaN  1h30m (a duration is its seconds)
//   selector    = name | name "{" matchers "}" | "{" matchers "}"
//   matchers    = matcher { "," matcher } [ "," ]
//   matcher     = label ("=" | "!=" | "=~" | "!~") string | string (a quoted metric name)
//   labels      = [ label { "," label } [ "," ] ]   a label in quotes may hold any UTF-8
//
//   node_load1                                     every series of that name
//   up{job=~"node|postgres", env!="test"}          regular expressions are RE2 and match the whole
//   {"disk.free", "store.name"="Kopi Kita"}        names that need quotes
//   sum by (node) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))
//   max_over_time(deriv(node_load1[5m])[1h:1m]) > bool 0
//   node_memory_MemFree_bytes @ end() offset 1d
//
// Keywords are not case-sensitive, functions are. What native histograms alone would need, and the
// experimental fill, anchored, smoothed, info() and arithmetic on durations, is refused.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/ast.h"
#include "common/model/matcher.h"

namespace ronda::promql {

// Deeper nesting of parentheses, calls and signs is refused.
inline constexpr int kMaxDepth = 100;
// More operators in one expression are refused.
inline constexpr int kMaxOperators = 500;

// kInvalidArgument, "LINE:COLUMN: ...", with the offending text and what was expected there. Types
// are checked: what parses can be evaluated.
absl::StatusOr<ExprPtr> Parse(std::string_view text);

// The same for a text that must be one instant selector without offset and @, as `ronda export`
// and match[] take it.
absl::StatusOr<std::vector<Matcher>> ParseSelector(std::string_view text);

}  // namespace ronda::promql
