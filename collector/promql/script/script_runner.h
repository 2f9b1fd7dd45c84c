// Runs test scripts on series in memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ronda::promql {

struct ScriptReport {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
  // "FILE:LINE: EXPR: expected ..., got ...", one or more lines each.
  std::vector<std::string> failures;
  // "FILE:LINE: skipped: why".
  std::vector<std::string> skips;
};

// Runs the script and adds to the report. A text that is no script is one failure. Each `eval` is
// one case. What an instant query must answer it must answer too
//   - with every selector pinned by @ to its time, at five other times, unless it depends on the
//   time;
//   - as the middle one of the three steps of a range query.
// Metric names are dropped at the end of a query (QueryOptions::delayed_name_removal).
void RunScript(std::string_view file, std::string_view text, ScriptReport* report);

}  // namespace ronda::promql
