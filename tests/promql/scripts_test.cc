// Runs the scripts of this folder, one test case a file.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "collector/promql/script/script_runner.h"
#include "common/base/files.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

std::string Folder() {
  const char* source = std::getenv("RONDA_SOURCE");
  return std::string(source != nullptr ? source : ".") + "/tests/promql";
}

std::vector<std::string> Scripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (entry.path().extension() == ".test") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class PromqlScript : public testing::TestWithParam<std::string> {};

TEST_P(PromqlScript, Passes) {
  // Cases that are about native histograms, which there are none of here.
  const std::map<std::string, int> skipped = {{"histograms", 3}};
  const std::string path = Folder() + "/" + GetParam() + ".test";
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path));
  ScriptReport report;
  RunScript(GetParam() + ".test", text, &report);
  for (const std::string& failure : report.failures) {
    ADD_FAILURE() << failure;
  }
  EXPECT_GT(report.passed, 5);
  const auto expected = skipped.find(GetParam());
  EXPECT_EQ(report.skipped, expected == skipped.end() ? 0 : expected->second);
}

INSTANTIATE_TEST_SUITE_P(Scripts, PromqlScript, testing::ValuesIn(Scripts()),
                         [](const auto& script) { return script.param; });

}  // namespace
}  // namespace ronda::promql
