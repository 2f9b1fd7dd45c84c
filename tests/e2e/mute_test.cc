// What people are not told, from the command line and collector.yml, with the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/telling_collector.h"

namespace ronda {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kConfig[] = R"(
silence_after: 24h
timezone: UTC
inhibit_rules:
  - source_matchers: [alertname = Cause]
    target_matchers: [alertname = Effect]
    equal: [node]
)";
constexpr char kRules[] = R"(
groups:
  - name: test
    rules:
      - alert: Present
        expr: up{node=~"web.*"} == 1
      - alert: Cause
        expr: up{node="db1"} == 1
      - alert: Effect
        expr: test_gauge{node="db1"} > -1
)";

class MuteTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(collector_.Start()) << collector_.log(); }

  void Join(const std::string& node) {
    agents_.push_back(collector_.Agent(node));
    ASSERT_NE(agents_.back(), nullptr) << collector_.log();
  }
  static std::string FirstLine(const Output& output) {
    return output.out.substr(0, output.out.find('\n'));
  }
  Told LastTold() const { return collector_.told().empty() ? Told() : collector_.told().back(); }

  TellingCollector collector_{kConfig, kRules};
  std::vector<std::unique_ptr<TestAgent>> agents_;
};

TEST_F(MuteTest, MaintenanceIsToldAtItsBeginAndEndWithAReport) {
  const Output started = collector_.Ronda({"maintenance", "start", "web1", "web2", "--for", "1h",
                                           "-m", "new kernel", "--name", "work"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  EXPECT_THAT(started.err, HasSubstr("no alert that fires now matches"));
  const std::string id = FirstLine(started);
  ASSERT_TRUE(collector_.WaitTold(1)) << collector_.log();
  EXPECT_THAT(LastTold().summary, HasSubstr("maintenance \"work\" has begun"));
  EXPECT_EQ(LastTold().status, "firing");

  Join("web1");
  ASSERT_TRUE(collector_.AlertsShow("maintenance " + id.substr(0, 8)));
  EXPECT_THAT(
      collector_.Ronda({"maintenance", "list"}).out,
      AllOf(HasSubstr(id), HasSubstr("node=~\"web1|web2\""), HasSubstr("work: new kernel")));
  const Output ended = collector_.Ronda({"maintenance", "end", id.substr(0, 6)});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  ASSERT_TRUE(collector_.WaitTold(3)) << collector_.log();
  // The report and what fires still; they are messages of two alerts, in any order.
  std::vector<Told> told = collector_.told();
  std::sort(told.begin() + 1, told.end(),
            [](const Told& a, const Told& b) { return a.rule < b.rule; });
  EXPECT_EQ(told[1].rule, "Maintenance");
  EXPECT_EQ(told[1].status, "resolved");
  EXPECT_THAT(told[1].summary, HasSubstr("1 alert fired in it, 1 still"));
  EXPECT_EQ(told[2].rule, "Present");
  EXPECT_THAT(told[2].reason, HasSubstr("held back until now: maintenance " + id));
}

TEST_F(MuteTest, AnAlertWithACauseIsHeldBack) {
  Join("db1");
  ASSERT_TRUE(collector_.AlertsShow("inhibited by Cause")) << collector_.Ronda({"alerts"}).out;
  Join("web1");  // told after all that was to be told of db1
  ASSERT_TRUE(Eventually(30'000, [&] { return LastTold().rule == "Present"; }));
  const std::vector<Told> told = collector_.told();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].rule, "Cause");
}

TEST_F(MuteTest, TheCommandLineSaysWhatIsWrong) {
  const auto wrong = [&](std::vector<std::string> arguments, int exit_code) {
    const Output output = collector_.Ronda(std::move(arguments));
    EXPECT_EQ(output.exit_code, exit_code) << output.err;
    return output.err;
  };
  EXPECT_THAT(wrong({"silence", "add", "web1", "--for", "1h"}, 2),
              HasSubstr("\"web1\" is no matcher; expected LABEL=VALUE"));
  EXPECT_THAT(wrong({"silence", "add", "node=web1"}, 2), HasSubstr("--for 2h"));
  EXPECT_THAT(wrong({"silence", "add", "node=~(", "--for", "1h"}, 2),
              HasSubstr("bad regular expression"));
  EXPECT_THAT(wrong({"silence", "add", "node=web1", "--until", "-1h"}, 2),
              HasSubstr("in the past"));
  EXPECT_THAT(wrong({"silence", "add", "node=~.*", "--for", "1h"}, 2),
              HasSubstr("must not match the empty value"));
  EXPECT_THAT(wrong({"silence", "expire", "0123456"}, 1), HasSubstr("no silence has the id"));
  EXPECT_THAT(wrong({"silence", "list"}, 0), HasSubstr("there is no silence"));
  const Output added = collector_.Ronda({"silence", "add", "node=web1", "--for", "1h"});
  ASSERT_EQ(added.exit_code, 0) << added.err;
  EXPECT_THAT(wrong({"maintenance", "end", FirstLine(added)}, 1),
              HasSubstr("no maintenance window has the id"));
  EXPECT_THAT(wrong({"silence", "expire", FirstLine(added)}, 0), testing::IsEmpty());
  EXPECT_THAT(collector_.Ronda({"silence", "list", "--expired", "-o", "csv"}).out,
              HasSubstr(FirstLine(added) + ",expired,silence"));
  // The folder alone has them too.
  ASSERT_TRUE(collector_.Stop()) << collector_.log();
  const Output offline = RunProgram({ProgramPath("ronda"), "--data", collector_.dir().File("data"),
                                     "silence", "list", "--expired"});
  EXPECT_THAT(offline.out, HasSubstr(FirstLine(added))) << offline.err;
}

}  // namespace
}  // namespace ronda
