#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/rules/alert_script.h"

namespace ronda::rules {
namespace {

std::filesystem::path Folder() {
  const char* source = std::getenv("RONDA_SOURCE");
  return std::filesystem::path(source != nullptr ? source : ".") / "tests/unit/collector/rules";
}

TEST(AlertScriptTest, AllScriptsWithAndWithoutRestarts) {
  int scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (entry.path().extension() != ".test") {
      continue;
    }
    ++scripts;
    ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(entry.path().string()));
    EXPECT_EQ(RunAlertScript(text, false), "") << entry.path();
    EXPECT_EQ(RunAlertScript(text, true), "") << entry.path() << " with restarts";
  }
  EXPECT_GE(scripts, 6);
}

TEST(AlertScriptTest, TheRunnerSeesWhatGoesOtherwise) {
  const std::string rules =
      "rules\ngroups: [{name: g, rules: [{alert: A, expr: x > 1}]}]\nend\n"
      "source s node=n\nseries s up x\n";
  EXPECT_EQ(RunAlertScript(rules + "tick s 1s 1 2\n> A inactive->firing notify\n", false), "");
  EXPECT_NE(RunAlertScript(rules + "tick s 1s 1 2\n", false), "");
  EXPECT_NE(RunAlertScript(rules + "tick s 1s 1 0\n> A inactive->firing notify\n", false), "");
  EXPECT_NE(RunAlertScript(rules + "dance\n", false), "");
}

}  // namespace
}  // namespace ronda::rules
