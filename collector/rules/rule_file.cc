#include "collector/rules/rule_file.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "collector/rules/rule_reader.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/yaml.h"

namespace ronda::rules {

std::string Problem::Format(std::string_view path) const {
  const std::string_view kind = warning ? "warning: " : "";
  return line == 0 ? fmt::format("{}: {}{}", path, kind, text)
                   : fmt::format("{}:{}:{}: {}{}", path, line, column, kind, text);
}

bool RuleFileReport::ok() const {
  return std::all_of(problems.begin(), problems.end(), [](const Problem& p) { return p.warning; });
}

RuleFileReport ReadRules(std::string_view path, std::string_view content) {
  RuleReader reader(path, content);
  RuleFileReport report = reader.Read();
  std::stable_sort(report.problems.begin(), report.problems.end(),
                   [](const Problem& a, const Problem& b) {
                     return a.line != b.line ? a.line < b.line : a.column < b.column;
                   });
  return report;
}

absl::StatusOr<RuleFile> ParseRuleFile(std::string_view path, std::string_view content) {
  RuleFileReport report = ReadRules(path, content);
  std::string errors;
  for (const Problem& problem : report.problems) {
    if (!problem.warning) {
      errors += (errors.empty() ? "" : "\n") + problem.Format(path);
    }
  }
  if (!errors.empty()) {
    return MakeStatus(absl::StatusCode::kInvalidArgument, errors);
  }
  return std::move(report.file);
}

std::vector<std::string> IdleDependencies(const std::vector<RuleFile>& files) {
  std::set<std::string, std::less<>> alerts;
  for (const RuleFile& file : files) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        if (!rule.record) {
          alerts.insert(rule.name);
        }
      }
    }
  }
  const auto none = [&alerts](const Dependency& dependency) {
    return !dependency.node_up &&
           std::none_of(alerts.begin(), alerts.end(), [&](const std::string& name) {
             return std::all_of(
                 dependency.not_firing.begin(), dependency.not_firing.end(),
                 [&](const Matcher& m) { return m.name() != "alertname" || m.Matches(name); });
           });
  };
  std::vector<std::string> lines;
  for (const RuleFile& file : files) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        for (const Dependency& dependency : rule.depends_on) {
          if (none(dependency)) {
            lines.push_back(fmt::format(
                "{}:{}: the rule \"{}\" depends on \"{}\", but there is no rule of that name",
                file.path, rule.line, rule.name, dependency.text));
          }
        }
      }
    }
  }
  return lines;
}

absl::StatusOr<RuleFile> LoadRuleFile(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, config::kMaxYamlBytes));
  return ParseRuleFile(path, content);
}

}  // namespace ronda::rules
