// Tested by tests/unit/collector/cli/program_test.cc.
#include "collector/cli/gap_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "collector/cli/units.h"
#include "collector/store/hole.h"

namespace ronda::cli {
namespace {

// Of which a note tells by name.
constexpr size_t kMaxNotedNodes = 3;

Cell TimeCell(const Context& context, int64_t t_ms) {
  return t_ms == 0
             ? Cell::None()
             : Cell::Both(FormatInstant(t_ms, context.zone), FormatRfc3339(t_ms, context.zone));
}

std::vector<Cell> Row(const Context& context, const query::Gap& gap, int64_t now_ms) {
  const bool open = gap.to_ms == 0;
  const int64_t length_ms = std::max<int64_t>((open ? now_ms : gap.to_ms) - gap.from_ms, 0);
  Cell end = TimeCell(context, gap.to_ms);
  if (open) {
    end.text = "still open";
    end.colour = Colour::kBad;
  }
  return {Cell::Text(gap.node),
          TimeCell(context, gap.from_ms),
          std::move(end),
          Cell::Number(length_ms, HumanDuration(length_ms)),
          gap.group.empty() ? Cell::Both("all", "") : Cell::Text(gap.group),
          Cell::Text(gap.cause),
          Cell::Text(gap.detail)};
}

struct NodeGaps {
  int count = 0;
  std::map<std::string, int64_t> missing_ms;  // within the window, by cause
};

std::string Describe(const std::string& node, const NodeGaps& gaps) {
  std::string causes;
  for (const auto& [cause, missing_ms] : gaps.missing_ms) {
    causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", cause, HumanDuration(missing_ms));
  }
  return fmt::format("{} {} ({})", node, gaps.count, causes);
}

}  // namespace

Report GapReport(const Context& context, const std::vector<query::Gap>& gaps, int64_t now_ms) {
  Report report({{"NODE", "node"},
                 {"FROM", "from"},
                 {"TO", "to"},
                 {"DURATION", "duration_ms", true},
                 {"GROUP", "group"},
                 {"CAUSE", "cause"},
                 {"DETAIL", "detail"}});
  for (const query::Gap& gap : gaps) {
    report.Add(Row(context, gap, now_ms));
  }
  return report;
}

void NoteGaps(Context& context, const std::set<std::string>& nodes, int64_t from_ms, int64_t to_ms,
              int64_t now_ms) {
  if (nodes.empty()) {
    return;
  }
  const auto gaps = context.api.Gaps(from_ms, to_ms, nodes.size() == 1 ? *nodes.begin() : "");
  if (!gaps.ok()) {
    return;
  }
  std::map<std::string, NodeGaps> by_node;
  for (const query::Gap& gap : *gaps) {
    // Only within, not at the edge: the samples at both ends of a gap are there.
    const int64_t end_ms = std::min(gap.to_ms == 0 ? std::max(now_ms, to_ms) : gap.to_ms, to_ms);
    const int64_t missing_ms = end_ms - std::max(gap.from_ms, from_ms);
    if (gap.cause == store::kLateCause || !nodes.contains(gap.node) || missing_ms <= 0) {
      continue;
    }
    NodeGaps& of_node = by_node[gap.node];
    ++of_node.count;
    of_node.missing_ms[gap.cause] += missing_ms;
  }
  if (by_node.empty()) {
    return;
  }
  std::string text;
  size_t told = 0;
  for (const auto& [node, of_node] : by_node) {
    if (told++ < kMaxNotedNodes) {
      text += (text.empty() ? "" : "; ") + Describe(node, of_node);
    }
  }
  if (told > kMaxNotedNodes) {
    text += fmt::format("; and {} more nodes", told - kMaxNotedNodes);
  }
  context.console.Note(fmt::format("gaps in this window: {}; see `ronda gaps`", text));
}

}  // namespace ronda::cli
