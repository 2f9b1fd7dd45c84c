// `ronda rules backtest`: what rules would have said of the stored history.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "collector/cli/alert_history.h"
#include "collector/cli/commands.h"
#include "collector/cli/progress.h"
#include "collector/promql/number_text.h"
#include "collector/query/record_view.h"
#include "collector/rules/backtest/backtest.h"
#include "collector/rules/placement.h"
#include "collector/store/long_history.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

// What the alert log says of the rules of these names in the window.
absl::StatusOr<std::vector<FiringSpan>> ReadLog(const store::Store& store,
                                                const rules::RuleFile& file, int64_t from_ms,
                                                int64_t to_ms) {
  std::set<std::string> names;
  for (const rules::RuleGroup& group : file.groups) {
    for (const rules::Rule& rule : group.rules) {
      names.insert(rule.name);
    }
  }
  AlertHistory history;
  RONDA_RETURN_IF_ERROR(
      query::ReadAlertLog(store, from_ms, to_ms, "", [&](const query::AlertEvent& event) {
        if (names.contains(event.rule)) {
          history.Add(event);
        }
        return true;
      }));
  return history.Take();
}

std::string Duration(int64_t ms) { return promql::FormatDurationMs(ms / 1000 * 1000); }

std::string TextOf(const std::vector<rules::TemplatedLabel>& texts, std::string_view name) {
  for (const rules::TemplatedLabel& text : texts) {
    if (text.name == name) {
      return text.value.text();
    }
  }
  return "";
}

std::vector<FiringSpan> SpansOf(const rules::RuleBacktest& test) {
  std::vector<FiringSpan> spans;
  for (const rules::Episode& episode : test.episodes) {
    FiringSpan& span = spans.emplace_back();
    span.rule = test.rule->name;
    span.fired_ms = episode.from_ms;
    span.resolved_ms = episode.lasts ? 0 : episode.to_ms;
  }
  return spans;
}

std::string NodesOf(const std::vector<rules::Episode>& episodes) {
  std::map<std::string, int64_t> nodes;
  for (const rules::Episode& episode : episodes) {
    const std::string_view node = episode.labels.Get("node");
    ++nodes[std::string(node.empty() ? "-" : node)];
  }
  std::vector<std::pair<int64_t, std::string>> most;
  for (const auto& [node, count] : nodes) {
    most.emplace_back(-count, node);
  }
  std::sort(most.begin(), most.end());
  std::string out;
  for (size_t i = 0; i < most.size() && i < 3; ++i) {
    out += fmt::format("{}{} ({})", i > 0 ? ", " : "", most[i].second, -most[i].first);
  }
  return most.size() > 3 ? fmt::format("{}, {} more", out, most.size() - 3) : out;
}

Report Summary(const std::vector<rules::RuleBacktest>& tests,
               const std::vector<FiringSpan>& in_force, int64_t end_ms) {
  Report report({{"RULE", "rule"},
                 {"FIRED", "fired", true},
                 {"FOR ALL", "firing_seconds", true},
                 {"LONGEST", "longest_seconds", true},
                 {"NODES", "nodes"},
                 {"IN FORCE", "fired_in_force", true},
                 {"FOR ALL", "firing_seconds_in_force", true},
                 {"ERROR", "error"}});
  std::map<std::string, FiringSummary> force;
  for (const FiringSpan& span : in_force) {
    force[span.rule].Add(span, end_ms);
  }
  for (const rules::RuleBacktest& test : tests) {
    FiringSummary summary;
    for (const FiringSpan& span : SpansOf(test)) {
      summary.Add(span, end_ms);
    }
    const FiringSummary& was = force[test.rule->name];
    report.Add(
        {Cell::Text(test.rule->name), Cell::Number(summary.fired, std::to_string(summary.fired)),
         Cell::Number(summary.firing_ms / 1000, Duration(summary.firing_ms)),
         Cell::Number(summary.longest_ms / 1000, Duration(summary.longest_ms)),
         Cell::Text(NodesOf(test.episodes)), Cell::Number(was.fired, std::to_string(was.fired)),
         Cell::Number(was.firing_ms / 1000, Duration(was.firing_ms)),
         Cell::Text(test.error, Colour::kBad)});
  }
  return report;
}

Report Episodes(const std::vector<rules::RuleBacktest>& tests, absl::TimeZone zone) {
  Report report({{"FIRED", "fired_ms"},
                 {"FOR", "firing_seconds", true},
                 {"RULE", "rule"},
                 {"VALUE", "value", true},
                 {"LABELS", "labels"}});
  for (const rules::RuleBacktest& test : tests) {
    for (const rules::Episode& episode : test.episodes) {
      const int64_t ms = episode.to_ms - episode.from_ms;
      report.Add(
          {Cell::Number(episode.from_ms, FormatInstant(episode.from_ms, zone)),
           Cell::Number(ms / 1000, Duration(ms) + (episode.lasts ? "+" : "")),
           Cell::Text(test.rule->name),
           Cell::Both(promql::FormatNumber(episode.value), promql::FormatNumber(episode.value)),
           Cell::Text(episode.labels.ToString())});
    }
  }
  return report;
}

// Who would have been told how often: the rule's ronda_owner, else its severity.
void PrintPeople(const FolderContext& context, const std::vector<rules::RuleBacktest>& tests) {
  std::map<std::string, size_t> people;
  for (const rules::RuleBacktest& test : tests) {
    for (const rules::Episode& episode : test.episodes) {
      const std::string_view severity = episode.labels.Get("severity");
      const std::string owner = TextOf(test.rule->annotations, "ronda_owner");
      ++people[!owner.empty()     ? owner
               : severity.empty() ? "whoever is told of alerts without a severity"
                                  : fmt::format("whoever is told of {} alerts", severity)];
    }
  }
  for (const auto& [who, count] : people) {
    context.console.Out(fmt::format("  {:>6}  {}\n", count, who));
  }
}

// How many would have been told in each hour of the day, beside how many were.
void PrintPages(const FolderContext& context, const std::vector<rules::RuleBacktest>& tests,
                const std::vector<FiringSpan>& in_force) {
  std::vector<FiringSpan> spans;
  for (const rules::RuleBacktest& test : tests) {
    for (FiringSpan& span : SpansOf(test)) {
      spans.push_back(std::move(span));
    }
  }
  if (spans.empty() && in_force.empty()) {
    return;
  }
  context.console.Out(
      fmt::format("\n{} pages, {} by the rules in force\n", spans.size(), in_force.size()));
  PrintPeople(context, tests);
  const std::vector<int64_t> now = ByHour(spans, context.zone);
  const std::vector<int64_t> before = ByHour(in_force, context.zone);
  const int64_t most = std::max<int64_t>(*std::max_element(now.begin(), now.end()), 1);
  context.console.Out("\nHOUR   PAGES  IN FORCE\n");
  for (size_t hour = 0; hour < now.size(); ++hour) {
    if (now[hour] != 0 || before[hour] != 0) {
      context.console.Out(
          fmt::format("{:02d}    {:>6}  {:>8}  {}\n", hour, now[hour], before[hour],
                      std::string(static_cast<size_t>((now[hour] * 40 + most - 1) / most), '#')));
    }
  }
}

}  // namespace

absl::StatusOr<int> RunRulesBacktest(const FolderContext& context, const RulesArgs& args) {
  RONDA_ASSIGN_OR_RETURN(rules::RuleFile loaded, rules::LoadRuleFile(args.files.front()));
  std::vector<rules::RuleFile> files;
  files.push_back(std::move(loaded));
  rules::PlaceRules(&files);
  const rules::RuleFile& file = files.front();
  RONDA_ASSIGN_OR_RETURN(const std::string folder, DataFolder(context.settings));
  const SystemClock clock;
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<store::Store> store,
                         store::Store::OpenReadOnly(folder, clock));
  WindowArgs window_args = args.window;
  if (window_args.empty()) {
    window_args.since = "30d";
  }
  RONDA_ASSIGN_OR_RETURN(const Window window,
                         ParseWindow(window_args, clock.NowMs(), context.zone));
  rules::BacktestOptions options;
  options.start_ms = window.from_ms;
  options.end_ms = window.to_ms;
  options.query.timeout_ms = 0;
  const store::LongHistory history(*store, 0);
  ProgressLine progress;
  RONDA_ASSIGN_OR_RETURN(
      const std::vector<rules::RuleBacktest> tests,
      rules::Backtest(file, history, options, [&progress](int64_t done, int64_t all) {
        progress.Tell("replaying rules", done, all);
        return true;
      }));
  RONDA_ASSIGN_OR_RETURN(const auto in_force, ReadLog(*store, file, window.from_ms, window.to_ms));
  if (args.episodes) {
    RONDA_RETURN_IF_ERROR(Print(context, Episodes(tests, context.zone)));
    return kExitOk;
  }
  RONDA_RETURN_IF_ERROR(Print(context, Summary(tests, in_force, window.to_ms)));
  if (context.settings.format == Format::kTable) {
    PrintPages(context, tests, in_force);
  }
  return std::any_of(tests.begin(), tests.end(), [](const auto& t) { return !t.error.empty(); })
             ? kExitNo
             : kExitOk;
}

}  // namespace ronda::cli
