#include "collector/rule_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::collector {
namespace {

using testing::ElementsAre;

class RulePathsTest : public testing::Test {
 protected:
  RulePathsTest() {
    for (const char* name : {"b.yml", "a.yml", "c.yaml", "notes.txt", ".hidden.yml", "[x].yml"}) {
      EXPECT_OK(WriteFileAtomically(dir_.File(name), "groups: []\n"));
    }
  }
  std::vector<std::string> Find(const std::vector<std::string>& paths) {
    auto files = FindRuleFiles(paths);
    EXPECT_OK(files);
    return files.ok() ? *files : std::vector<std::string>{};
  }
  TempDir dir_;
};

TEST_F(RulePathsTest, TakesTheRuleFilesOfAFolderInOrder) {
  EXPECT_THAT(Find({dir_.path()}), ElementsAre(dir_.File("[x].yml"), dir_.File("a.yml"),
                                               dir_.File("b.yml"), dir_.File("c.yaml")));
}

TEST_F(RulePathsTest, TakesFilesAndGlobsOnce) {
  EXPECT_THAT(Find({dir_.File("b.yml"), dir_.File("[ab].yml")}),
              ElementsAre(dir_.File("b.yml"), dir_.File("a.yml")));
  EXPECT_THAT(Find({dir_.File("[x].yml")}), ElementsAre(dir_.File("[x].yml")));
  EXPECT_THAT(Find({dir_.File("*.rules")}), ElementsAre());
}

TEST_F(RulePathsTest, NamesWhatIsMissing) {
  EXPECT_THAT(FindRuleFiles({dir_.File("none.yml")}),
              StatusIs(absl::StatusCode::kNotFound, "none.yml"));
}

}  // namespace
}  // namespace ronda::collector
