// The rules that Ronda ships.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "collector/rules/engine.h"
#include "collector/rules/rule_file.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

std::vector<RuleFile> DefaultFiles() {
  const char* source = std::getenv("RONDA_SOURCE");
  const auto folder = std::filesystem::path(source != nullptr ? source : ".") / "deploy/rules";
  std::vector<RuleFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yml") {
      auto file = LoadRuleFile(entry.path().string());
      EXPECT_OK(file);
      if (file.ok()) {
        files.push_back(*std::move(file));
      }
    }
  }
  return files;
}

TEST(DefaultRulesTest, LoadTogetherAndSayWhatToDo) {
  const std::vector<RuleFile> files = DefaultFiles();
  ASSERT_EQ(files.size(), 3U);
  EXPECT_OK(Engine::New(files));
  int rules = 0;
  for (const RuleFile& file : files) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        ++rules;
        std::map<std::string, std::string> annotations;
        for (const TemplatedLabel& annotation : rule.annotations) {
          annotations[annotation.name] = annotation.value.text();
        }
        EXPECT_FALSE(annotations["summary"].empty()) << rule.name;
        EXPECT_FALSE(annotations["description"].empty()) << rule.name;
        ASSERT_EQ(rule.labels.size(), 1U) << rule.name;
        EXPECT_EQ(rule.labels[0].name, "severity");
        const std::string& severity = rule.labels[0].value.text();
        EXPECT_TRUE(severity == "critical" || severity == "warning") << rule.name;
      }
    }
  }
  EXPECT_EQ(rules, 17);
}

// REQUIREMENTS: a percentage clears a tenth below its threshold.
TEST(DefaultRulesTest, PercentagesClearATenthBelow) {
  for (const RuleFile& file : DefaultFiles()) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        const bool percentage = rule.condition.number > 1 && rule.condition.number <= 100;
        ASSERT_EQ(rule.clear.has_value(), percentage) << rule.name;
        if (percentage) {
          EXPECT_EQ(rule.clear->op, promql::BinaryOp::kLess);
          EXPECT_DOUBLE_EQ(rule.clear->number, rule.condition.number * 0.9) << rule.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ronda::rules
