// `ronda rules check`, `test` and `list`: they read files and need no collector (`list` asks one if
// it can).
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/rule_table.h"
#include "collector/query/channel.h"
#include "collector/rule_paths.h"
#include "collector/rules/engine.h"
#include "collector/rules/placement.h"
#include "collector/rules/rule_file.h"
#include "collector/rules/unit_test/test_file.h"
#include "collector/rules/unit_test/test_runner.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/yaml.h"

namespace ronda::cli {
namespace {

struct Counts {
  size_t alerting = 0;
  size_t recording = 0;
};

Counts CountRules(const rules::RuleFile& file) {
  Counts counts;
  for (const rules::RuleGroup& group : file.groups) {
    for (const rules::Rule& rule : group.rules) {
      ++(rule.record ? counts.recording : counts.alerting);
    }
  }
  return counts;
}

absl::StatusOr<std::vector<std::string>> FindFiles(const std::vector<std::string>& paths) {
  RONDA_ASSIGN_OR_RETURN(std::vector<std::string> files, collector::FindRuleFiles(paths));
  if (files.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "no rule file: name some, or put them into /etc/ronda/rules");
  }
  return files;
}

// The paths in a test file start at its folder.
absl::StatusOr<std::vector<rules::RuleFile>> LoadRulesOf(const rules::TestFile& test) {
  std::vector<std::string> paths;
  const std::filesystem::path folder = std::filesystem::path(test.path).parent_path();
  for (const std::string& file : test.rule_files) {
    paths.push_back((folder / file).string());
  }
  std::vector<rules::RuleFile> files;
  if (paths.empty()) {
    return files;
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> found, collector::FindRuleFiles(paths));
  for (const std::string& path : found) {
    RONDA_ASSIGN_OR_RETURN(rules::RuleFile file, rules::LoadRuleFile(path));
    files.push_back(std::move(file));
  }
  return files;
}

absl::StatusOr<std::vector<std::string>> TestOneFile(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, config::kMaxYamlBytes));
  RONDA_ASSIGN_OR_RETURN(const rules::TestFile test, rules::ParseTestFile(path, content));
  RONDA_ASSIGN_OR_RETURN(const std::vector<rules::RuleFile> files, LoadRulesOf(test));
  return rules::RunTests(test, files);
}

}  // namespace

absl::StatusOr<int> RunRulesCheck(const FolderContext& context, const RulesArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindFiles(args.files));
  std::vector<rules::RuleFile> files;
  size_t errors = 0;
  size_t warnings = 0;
  for (const std::string& path : paths) {
    const absl::StatusOr<std::string> content = ReadFile(path, config::kMaxYamlBytes);
    if (!content.ok()) {
      context.console.Out(fmt::format("{}\n", Message(content.status())));
      ++errors;
      continue;
    }
    rules::RuleFileReport report = rules::ReadRules(path, *content);
    for (const rules::Problem& problem : report.problems) {
      ++(problem.warning ? warnings : errors);
      context.console.Out(problem.Format(path) + "\n");
    }
    if (report.ok()) {
      const Counts counts = CountRules(report.file);
      context.console.Out(fmt::format("{}: fine, {} alerting and {} recording rules\n", path,
                                      counts.alerting, counts.recording));
      files.push_back(std::move(report.file));
    }
  }
  for (const std::string& idle : rules::IdleDependencies(files)) {
    context.console.Out(fmt::format("{} (warning)\n", idle));
    ++warnings;
  }
  // What a collector refuses of all of them together.
  if (const absl::Status together = rules::Engine::New(files).status(); !together.ok()) {
    context.console.Out(fmt::format("{}\n", Message(together)));
    ++errors;
  }
  if (errors + warnings > 0) {
    context.console.Out(fmt::format("{} errors, {} warnings\n", errors, warnings));
  }
  return errors == 0 ? kExitOk : kExitNo;
}

absl::StatusOr<int> RunRulesTest(const FolderContext& context, const RulesArgs& args) {
  bool failed = false;
  for (const std::string& path : args.files) {
    context.console.Out(fmt::format("Unit Testing:  {}\n", path));
    const absl::StatusOr<std::vector<std::string>> failures = TestOneFile(path);
    if (!failures.ok()) {
      context.console.Out(fmt::format("  FAILED:\n{}\n\n", Message(failures.status())));
      failed = true;
    } else if (failures->empty()) {
      context.console.Out("  SUCCESS\n\n");
    } else {
      context.console.Out("  FAILED:\n");
      for (const std::string& failure : *failures) {
        context.console.Out("    " + failure + "\n");
      }
      context.console.Out("\n");
      failed = true;
    }
  }
  return failed ? kExitNo : kExitOk;
}

// Of the collector that runs; if none does where none was named, of the files in their default
// place.
absl::StatusOr<int> RunRulesList(const FolderContext& context, const RulesArgs& args) {
  if (args.files.empty() && context.settings.data.empty()) {
    const absl::Status listed = ListRunningRules(context);
    if (listed.ok()) {
      return kExitOk;
    }
    if (listed.code() != absl::StatusCode::kUnavailable ||
        context.settings.collector != query::kDefaultCollector) {
      return listed;
    }
    context.console.Note("no collector runs on this machine: these are the rules of the files");
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindFiles(args.files));
  std::vector<rules::RuleFile> files;
  for (const std::string& path : paths) {
    RONDA_ASSIGN_OR_RETURN(rules::RuleFile file, rules::LoadRuleFile(path));
    files.push_back(std::move(file));
  }
  rules::PlaceRules(&files);
  Report report(RuleColumns({{"EXPR", "expr"}}));
  for (const rules::RuleFile& file : files) {
    for (const rules::RuleGroup& group : file.groups) {
      for (const rules::Rule& rule : group.rules) {
        std::string severity;
        for (const rules::TemplatedLabel& label : rule.labels) {
          severity = label.name == "severity" ? label.value.text() : severity;
        }
        report.Add(RuleCells({group.name, rule.name, rule.record, rule.on_arrival,
                              group.IntervalMs(), rule.for_ms, severity},
                             {Cell::Text(rule.expr)}));
      }
    }
  }
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

}  // namespace ronda::cli
