#include "collector/rules/rule_file.h"

#include <algorithm>

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

absl::StatusOr<RuleFile> LoadRuleFile(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, config::kMaxYamlBytes));
  return ParseRuleFile(path, content);
}

}  // namespace ronda::rules
