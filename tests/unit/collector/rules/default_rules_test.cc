// The rules that Ronda ships.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "collector/rules/engine.h"
#include "collector/rules/placement.h"
#include "collector/rules/rule_file.h"
#include "collector/rules/unit_test/test_file.h"
#include "collector/rules/unit_test/test_runner.h"
#include "common/base/files.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

std::filesystem::path Source() {
  const char* source = std::getenv("RONDA_SOURCE");
  return source != nullptr ? source : ".";
}

std::vector<RuleFile> DefaultFiles() {
  const auto folder = Source() / "deploy/rules";
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
  ASSERT_EQ(files.size(), 4U);
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
        EXPECT_TRUE(severity == "critical" || severity == "warning" || severity == "info")
            << rule.name;
      }
    }
  }
  EXPECT_EQ(rules, 30);
}

// REQUIREMENTS: a percentage clears a tenth below its threshold.
TEST(DefaultRulesTest, PercentagesClearATenthBelow) {
  for (const RuleFile& file : DefaultFiles()) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        if (!rule.condition) {
          continue;
        }
        const bool percentage = rule.condition->number > 1 && rule.condition->number <= 100;
        ASSERT_EQ(rule.clear.has_value(), percentage) << rule.name;
        if (percentage) {
          EXPECT_EQ(rule.clear->op, promql::BinaryOp::kLess);
          EXPECT_DOUBLE_EQ(rule.clear->number, rule.condition->number * 0.9) << rule.name;
        }
      }
    }
  }
}

// Their unit tests, which are promtool's as well: each rule fires where it should and is calm
// beside.
TEST(DefaultRulesTest, UnitTestsPassAndNameEveryRule) {
  std::string texts;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Source() / "tests/testdata/rules")) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".test.yml")) {
      continue;
    }
    ++files;
    ASSERT_OK_AND_ASSIGN(const std::string content, ReadFile(path));
    texts += content;
    ASSERT_OK_AND_ASSIGN(const TestFile test, ParseTestFile(path, content));
    std::vector<RuleFile> rules;
    for (const std::string& file : test.rule_files) {
      ASSERT_OK_AND_ASSIGN(RuleFile loaded,
                           LoadRuleFile((entry.path().parent_path() / file).string()));
      rules.push_back(std::move(loaded));
    }
    for (const std::string& failure : RunTests(test, rules)) {
      ADD_FAILURE() << path << ": " << failure;
    }
  }
  EXPECT_EQ(files, 2);
  for (const RuleFile& file : DefaultFiles()) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        EXPECT_NE(texts.find(rule.name), std::string::npos) << rule.name << " has no unit test";
      }
    }
  }
}

// A collector evaluates what compares one value as it arrives.
TEST(DefaultRulesTest, ThresholdsRunOnArrival) {
  std::vector<RuleFile> files = DefaultFiles();
  PlaceRules(&files);
  for (const RuleFile& file : files) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        EXPECT_EQ(rule.on_arrival, group.name != "host-trends") << rule.name;
      }
    }
  }
}

}  // namespace
}  // namespace ronda::rules
