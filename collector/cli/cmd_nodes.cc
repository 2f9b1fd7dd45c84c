#include <string>
#include <string_view>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/gap_report.h"
#include "collector/cli/units.h"
#include "collector/store/hole.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr int64_t kGapsMs = 86'400'000;  // as NodeStatus::gaps_24h

std::string SourceName(const query::SourceStatus& source, const std::string& node) {
  return source.instance == node || source.instance.empty()
             ? source.job
             : fmt::format("{}/{}", source.job, source.instance);
}

// "node, postgres/10.0.0.5:5432 (down)".
std::string SourcesText(const query::NodeStatus& node) {
  std::string text;
  for (const query::SourceStatus& source : node.sources) {
    text += (text.empty() ? "" : ", ") + SourceName(source, node.name);
    if (source.up != true) {
      text += source.up.has_value() ? " (down)" : " (no data)";
    }
  }
  return text;
}

std::string SourcesJson(const query::NodeStatus& node) {
  std::string json = "[";
  for (const query::SourceStatus& source : node.sources) {
    const char* up = !source.up.has_value() ? "null" : *source.up ? "true" : "false";
    json += fmt::format("{}{{\"job\":{},\"instance\":{},\"up\":{}}}", json.size() > 1 ? "," : "",
                        JsonString(source.job), JsonString(source.instance), up);
  }
  return json + "]";
}

// "new_series 12, rate 1": how many frames were refused, by cause.
std::string RefusedText(const query::NodeStatus& node) {
  std::string text;
  for (const query::Refused& refused : node.refused) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", refused.cause, refused.count);
  }
  return text;
}

std::string RefusedJson(const Context& context, const query::NodeStatus& node) {
  std::string json = "[";
  for (const query::Refused& refused : node.refused) {
    json += fmt::format("{}{{\"cause\":{},\"count\":{},\"last\":{},\"detail\":{}}}",
                        json.size() > 1 ? "," : "", JsonString(refused.cause), refused.count,
                        JsonString(FormatRfc3339(refused.last_ms, context.zone)),
                        JsonString(refused.detail));
  }
  return json + "]";
}

std::string LabelsText(const Labels& labels, bool json) {
  std::string text;
  for (const Label& label : labels.all()) {
    text += text.empty() ? "" : (json ? "," : " ");
    text += json ? JsonString(label.name) + ":" + JsonString(label.value)
                 : fmt::format("{}={}", label.name, label.value);
  }
  return json ? "{" + text + "}" : text;
}

Cell AgeCell(int64_t t_ms, int64_t now_ms, absl::TimeZone zone) {
  if (t_ms == 0) {
    return Cell::None();
  }
  const int64_t age_ms = now_ms - t_ms;
  const std::string human = age_ms < 0 ? "in " + HumanDuration(-age_ms) : HumanDuration(age_ms);
  return Cell::Both(human, FormatRfc3339(t_ms, zone));
}

std::vector<Cell> Row(const Context& context, const query::NodeStatus& node, int64_t now_ms) {
  const bool json = context.settings.format == Format::kJson;
  Cell sources = Cell::Text(SourcesText(node));
  Cell labels = Cell::Text(LabelsText(node.labels, false));
  Cell refused = Cell::Text(RefusedText(node), Colour::kWarn);
  if (json) {
    refused = {"", RefusedJson(context, node), true, Colour::kNone};
    sources = {"", SourcesJson(node), true, Colour::kNone};
    labels = {"", LabelsText(node.labels, true), true, Colour::kNone};
  }
  const std::string_view state = query::ToString(node.state);
  return {Cell::Text(node.name),
          Cell::Text(state, ColourOf(state)),
          AgeCell(node.last_sample_ms, now_ms, context.zone),
          std::move(sources),
          Cell::Text(node.agent_version),
          node.clock_offset_ms.has_value()
              ? Cell::Number(*node.clock_offset_ms, fmt::format("{} ms", *node.clock_offset_ms))
              : Cell::None(),
          Cell::Number(node.gaps_24h, fmt::format("{}", node.gaps_24h)),
          std::move(refused),
          AgeCell(node.machine_changed_ms, now_ms, context.zone),
          std::move(labels)};
}

// What one node missed in the last day, below its row.
absl::Status PrintGaps(Context& context, const std::string& node, int64_t now_ms) {
  RONDA_ASSIGN_OR_RETURN(std::vector<query::Gap> gaps,
                         context.api.Gaps(now_ms - kGapsMs, now_ms, node));
  std::erase_if(gaps, [](const query::Gap& gap) { return gap.cause == store::kLateCause; });
  if (gaps.empty()) {
    return absl::OkStatus();
  }
  context.console.Out("\n");
  return Print(context, GapReport(context, gaps, now_ms));
}

// What was refused of one node, with the reasons.
void ExplainRefusals(Context& context, const query::NodeStatus& node, int64_t now_ms) {
  Report report({{"REFUSED", "cause"},
                 {"COUNT", "count", true},
                 {"LAST", "last", true},
                 {"REASON", "reason"}});
  for (const query::Refused& refused : node.refused) {
    report.Add({Cell::Text(refused.cause),
                Cell::Number(refused.count, fmt::format("{}", refused.count)),
                AgeCell(refused.last_ms, now_ms, context.zone), Cell::Text(refused.detail)});
  }
  if (!report.empty()) {
    context.console.Out("\n" + report.ToTable(context.console.terminal().colour));
  }
}

}  // namespace

absl::StatusOr<int> RunNodes(Context& context, const NodesArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(std::vector<query::NodeStatus> nodes, context.api.Nodes(args.name));
  if (!args.all && args.name.empty()) {
    std::erase_if(nodes, [](const query::NodeStatus& node) {
      return node.state == query::NodeState::kRetired;
    });
  }
  Report report({{"NODE", "node"},
                 {"STATE", "state"},
                 {"LAST SAMPLE", "last_sample", true},
                 {"SOURCES", "sources"},
                 {"AGENT", "agent_version"},
                 {"CLOCK OFFSET", "clock_offset_ms", true},
                 {"GAPS 24H", "gaps_24h", true},
                 {"REFUSED", "refused"},
                 {"OTHER MACHINE", "machine_changed", true},
                 {"LABELS", "labels"}});
  for (const query::NodeStatus& node : nodes) {
    report.Add(Row(context, node, time.now_ms));
  }
  if (nodes.empty()) {
    context.console.Note(
        args.name.empty() ? "no node has sent anything yet"
                          : fmt::format("no node is called \"{}\"; see `ronda nodes`", args.name));
  }
  if (!nodes.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  if (nodes.size() == 1 && !args.name.empty() && context.settings.format == Format::kTable) {
    RONDA_RETURN_IF_ERROR(PrintGaps(context, args.name, time.now_ms));
    ExplainRefusals(context, nodes.front(), time.now_ms);
    if (nodes.front().machine_changed_ms != 0) {
      context.console.Note(fmt::format(
          "{} is another machine than before, since {}: set up anew, or a copy? If that is right: "
          "ronda nodes accept {}",
          args.name, FormatRfc3339(nodes.front().machine_changed_ms, context.zone), args.name));
    }
  }
  return nodes.empty() && !args.name.empty() ? kExitNo : kExitOk;
}

}  // namespace ronda::cli
