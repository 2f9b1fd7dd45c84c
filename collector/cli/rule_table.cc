// Tested by tests/unit/collector/cli/rules_program_test.cc.
#include "collector/cli/rule_table.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/promql/number_text.h"

namespace ronda::cli {
namespace {

template <typename T>
std::vector<T> Joined(std::vector<T> first, std::vector<T> more) {
  std::move(more.begin(), more.end(), std::back_inserter(first));
  return first;
}

std::string HowEvaluated(const RuleLine& line) {
  return line.on_arrival ? "on arrival"
                         : fmt::format("each {}", promql::FormatDurationMs(line.interval_ms));
}

}  // namespace

std::vector<Column> RuleColumns(std::vector<Column> more) {
  return Joined({{"GROUP", "group"},
                 {"RULE", "rule"},
                 {"KIND", "kind"},
                 {"EVALUATED", "evaluated"},
                 {"FOR", "for_seconds", true},
                 {"SEVERITY", "severity"}},
                std::move(more));
}

std::vector<Cell> RuleCells(const RuleLine& line, std::vector<Cell> more) {
  return Joined(
      {Cell::Text(line.group), Cell::Text(line.name), Cell::Text(line.record ? "record" : "alert"),
       Cell::Text(HowEvaluated(line)),
       line.record ? Cell::None()
                   : Cell::Number(line.for_ms / 1000, promql::FormatDurationMs(line.for_ms)),
       Cell::Text(line.severity, ColourOfSeverity(line.severity))},
      std::move(more));
}

}  // namespace ronda::cli
