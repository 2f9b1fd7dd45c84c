// Test scripts of PromQL: series, expressions, and what each must answer.
//
//   load 5m
//     http_requests_total{job="api", instance="0"}  0+10x10 _ stale
//
//   eval instant at 50m sum by (job) (http_requests_total)
//     expect no_info
//     {job="api"} 100
//
//   eval range from 0 to 10m step 5m http_requests_total * 2
//     {job="api", instance="0"} 0 20 40
//
// The grammar is that of Prometheus' own scripts, old forms (eval_fail, eval_ordered, ...)
// included:
//
//   clear                       no series any more
//   load STEP                   series, one a line: NAME{LABELS} POINTS, the first at time 0, in
//                               addition to what there is. load_with_nhcb is the same here.
//   POINTS                      1 -2.5e3 Inf NaN; 1+2x3 is 1 3 5 7; 1-2x3; 1x3 is 1 1 1 1; _ no
//                               sample, _x3 three of those; stale, the end of the series
//   eval instant at T EXPR      EXPR at a time since the first sample, 0 or 1h30m
//   eval range from T to T step D EXPR
//     VALUE                     a scalar
//     NAME{LABELS} POINTS       a series: one point, or one a step
//     expect ordered            in the order of the lines
//     expect fail|warn|info [msg: TEXT | regex: RE]
//     expect no_warn | no_info
//     expect string "TEXT"    or TEXT
//     expect range vector from T to T step D
//
// A block ends at a blank line; # begins a comment line. What is about native histograms is
// skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/labels.h"

namespace ronda::promql {

// A series and its points; nothing where a `_` stands.
struct ScriptSeries {
  int line = 0;
  Labels labels;
  std::vector<std::optional<double>> points;
};

// What an annotation or an error must be.
struct Expectation {
  enum class Match { kAny, kText, kRegex };
  Match match = Match::kAny;
  std::string text;
};

struct LoadCommand {
  int line = 0;
  int64_t step_ms = 0;
  std::vector<ScriptSeries> series;
  // Series that need what there is not (native histograms, start times); without points.
  std::vector<Labels> left_out;
};

struct EvalCommand {
  int line = 0;
  std::string expr;
  bool range = false;
  int64_t start_ms = 0;  // the time of an instant query
  int64_t end_ms = 0;
  int64_t step_ms = 0;

  std::optional<double> scalar;
  std::vector<ScriptSeries> series;
  std::optional<std::string> text;
  bool ordered = false;
  bool fail = false;
  Expectation failure;
  std::vector<Expectation> warnings;
  std::vector<Expectation> infos;
  bool no_warn = false;
  bool no_info = false;
  // Of an instant query: a range vector with points at these times.
  bool range_vector = false;
  int64_t vector_start_ms = 0;
  int64_t vector_step_ms = 0;
  // Why it cannot be run here; "" if it can.
  std::string skip;
};

struct ScriptCommand {
  enum class Kind { kClear, kLoad, kEval };
  Kind kind = Kind::kClear;
  LoadCommand load;
  EvalCommand eval;
};

// kInvalidArgument, "LINE: ...", for what is not in the grammar.
absl::StatusOr<std::vector<ScriptCommand>> ParseScript(std::string_view text);

}  // namespace ronda::promql
