// Other rules for a collector that runs, from the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/telling_collector.h"

namespace ronda {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kConfig[] = "silence_after: 24h\ntimezone: UTC\n";
constexpr char kRules[] = R"(
groups:
  - name: test
    rules:
      - {alert: Present, expr: 'up == 1', labels: {severity: info}}
      - {alert: Waits, expr: 'up == 1', for: 1h}
      - {alert: Never, expr: 'up > 2'}
      - {record: all:up, expr: count(up)}
)";

class ReloadTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(collector_.Start()) << collector_.log();
    agent_ = collector_.Agent("web1");
    ASSERT_NE(agent_, nullptr) << collector_.log();
    ASSERT_TRUE(collector_.WaitTold(1)) << collector_.log();
  }

  void Write(const std::string& rules) {
    std::ofstream(collector_.dir().File("rules.yml")) << rules;
  }
  std::string List() const { return collector_.Ronda({"rules", "list", "-o", "csv"}).out; }

  TellingCollector collector_{kConfig, kRules};
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(ReloadTest, TheListIsOfTheCollectorThatRuns) {
  ASSERT_TRUE(Eventually(30'000, [&] { return List().find(",Waits,") != std::string::npos; }));
  const std::string list = List();
  EXPECT_THAT(list, HasSubstr("test,Present,alert,on arrival,0,info,firing,1,,,"));
  EXPECT_THAT(list, HasSubstr("test,Waits,alert,on arrival,3600,,pending,,1,,"));
  EXPECT_THAT(list, HasSubstr("test,Never,alert,on arrival,0,,inactive,,,,"));
  EXPECT_THAT(list, HasSubstr("test,all:up,record,each 1m,,,,"));
}

TEST_F(ReloadTest, ABadFileChangesNothingAndIsExplained) {
  const std::string before = List();
  Write("groups:\n- name: test\n  rules:\n  - {alert: Present, expr: 'up =='}\n");
  const Output refused = collector_.Ronda({"rules", "reload"});
  EXPECT_EQ(refused.exit_code, 1) << refused.err;
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("rules.yml:4:"), HasSubstr("expr of the rule \"Present\""),
                    HasSubstr("nothing was reloaded: the collector goes on as it was")));
  EXPECT_EQ(List(), before);
  Write(kRules);
  // A bad section of the configuration holds the rules back too.
  std::ofstream(collector_.dir().File("collector.yml"), std::ios::app) << "flapping: {chnges: 1}\n";
  const Output also = collector_.Ronda({"rules", "reload"});
  EXPECT_EQ(also.exit_code, 1) << also.err;
  EXPECT_THAT(also.err, HasSubstr("did you mean \"changes\"?"));
}

TEST_F(ReloadTest, OtherRulesAndInhibitionCountFromThenOn) {
  Write(R"(
groups:
  - name: test
    rules:
      - {alert: Present, expr: 'up == 1', labels: {severity: info}}
      - {alert: Cause, expr: 'up == 1'}
      - {alert: Effect, expr: 'test_gauge > -1'}
)");
  std::ofstream(collector_.dir().File("collector.yml"), std::ios::app)
      << "inhibit_rules:\n"
         "  - {source_matchers: [alertname = Cause], target_matchers: [alertname = Effect]}\n";
  const Output reloaded = collector_.Ronda({"rules", "reload"});
  ASSERT_EQ(reloaded.exit_code, 0) << reloaded.err;
  EXPECT_EQ(reloaded.out, "reloaded: 3 rules in 1 files\n");
  EXPECT_THAT(List(), AllOf(HasSubstr("Cause"), Not(HasSubstr("Waits"))));
  ASSERT_TRUE(agent_->Tick());
  ASSERT_TRUE(collector_.AlertsShow("inhibited by Cause")) << collector_.Ronda({"alerts"}).out;
  const Output audit = collector_.Ronda({"audit"});
  EXPECT_THAT(audit.out, AllOf(HasSubstr("reload"), HasSubstr("3 rules in 1 files")));
}

TEST_F(ReloadTest, AnotherThanTheCollectorsOwnFilesAreListedFromTheFiles) {
  const std::string path = collector_.dir().File("other.yml");
  std::ofstream(path) << "groups:\n- {name: g, rules: [{alert: Other, expr: up == 0}]}\n";
  EXPECT_THAT(collector_.Ronda({"rules", "list", "--file", path, "-o", "csv"}).out,
              AllOf(HasSubstr("g,Other,alert,on arrival,"), Not(HasSubstr("Present"))));
}

}  // namespace
}  // namespace ronda
