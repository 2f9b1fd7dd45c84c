// `ronda rules backtest`: what rules would have said of the stored history.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/progress.h"
#include "collector/promql/number_text.h"
#include "collector/rules/backtest/backtest.h"
#include "collector/store/long_history.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr int64_t kHourMs = 3'600'000;

struct InForce {
  int64_t fired = 0;
  int64_t firing_ms = 0;
};

// What the alert log says of the rules of these names in the window.
absl::StatusOr<std::map<std::string, InForce>> ReadLog(const store::Store& store, int64_t from_ms,
                                                       int64_t to_ms) {
  std::map<std::string, InForce> out;
  std::map<std::string, int64_t> since;
  RONDA_RETURN_IF_ERROR(store.ScanRecords(
      "alert", "", from_ms, to_ms, [&](std::string_view node, const Record& record) {
        const auto text = [&record](size_t i) { return std::get<std::string>(record.values[i]); };
        const std::string key = std::string(node) + text(0) + text(3);
        if (text(5) == "firing" && text(4) != "unknown") {
          ++out[text(0)].fired;
          since[key] = record.t_ms;
        } else if (text(5) == "resolved" && since.contains(key)) {
          out[text(0)].firing_ms += record.t_ms - since[key];
          since.erase(key);
        }
        return true;
      }));
  return out;
}

std::string Duration(int64_t ms) { return promql::FormatDurationMs(ms / 1000 * 1000); }

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
               const std::map<std::string, InForce>& log) {
  Report report({{"RULE", "rule"},
                 {"FIRED", "fired", true},
                 {"FOR ALL", "firing_seconds", true},
                 {"LONGEST", "longest_seconds", true},
                 {"NODES", "nodes"},
                 {"IN FORCE", "fired_in_force", true},
                 {"FOR ALL", "firing_seconds_in_force", true},
                 {"ERROR", "error"}});
  for (const rules::RuleBacktest& test : tests) {
    int64_t firing_ms = 0;
    int64_t longest_ms = 0;
    for (const rules::Episode& episode : test.episodes) {
      firing_ms += episode.to_ms - episode.from_ms;
      longest_ms = std::max(longest_ms, episode.to_ms - episode.from_ms);
    }
    const auto count = static_cast<int64_t>(test.episodes.size());
    const auto force = log.find(test.rule->name);
    const InForce was = force == log.end() ? InForce{} : force->second;
    report.Add({Cell::Text(test.rule->name), Cell::Number(count, std::to_string(count)),
                Cell::Number(firing_ms / 1000, Duration(firing_ms)),
                Cell::Number(longest_ms / 1000, Duration(longest_ms)),
                Cell::Text(NodesOf(test.episodes)),
                Cell::Number(was.fired, std::to_string(was.fired)),
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

// How many would have been told in each hour of the day.
void PrintHours(const FolderContext& context, const std::vector<rules::RuleBacktest>& tests) {
  std::map<int, int64_t> hours;
  int64_t most = 0;
  for (const rules::RuleBacktest& test : tests) {
    for (const rules::Episode& episode : test.episodes) {
      const int hour = context.zone.At(absl::FromUnixMillis(episode.from_ms)).cs.hour();
      most = std::max(most, ++hours[hour]);
    }
  }
  if (most == 0) {
    return;
  }
  context.console.Out("\nPages by hour of the day\n");
  for (const auto& [hour, count] : hours) {
    context.console.Out(
        fmt::format("  {:02d}  {:>6}  {}\n", hour, count,
                    std::string(static_cast<size_t>((count * 40 + most - 1) / most), '#')));
  }
}

}  // namespace

absl::StatusOr<int> RunRulesBacktest(const FolderContext& context, const RulesArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const rules::RuleFile file, rules::LoadRuleFile(args.files.front()));
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
  RONDA_ASSIGN_OR_RETURN(const auto log, ReadLog(*store, window.from_ms, window.to_ms));
  if (args.episodes) {
    RONDA_RETURN_IF_ERROR(Print(context, Episodes(tests, context.zone)));
    return kExitOk;
  }
  RONDA_RETURN_IF_ERROR(Print(context, Summary(tests, log)));
  if (context.settings.format == Format::kTable) {
    PrintHours(context, tests);
  }
  return std::any_of(tests.begin(), tests.end(), [](const auto& t) { return !t.error.empty(); })
             ? kExitNo
             : kExitOk;
}

}  // namespace ronda::cli
