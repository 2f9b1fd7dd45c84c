// `ronda rules ...` as a process.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::cli {
namespace {

class RulesProgramTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.File(name)) << text;
    return dir_.File(name);
  }
  Output Rules(std::vector<std::string> arguments) const {
    std::vector<std::string> argv = {ProgramPath("ronda"), "rules"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProgram(argv);
  }
  static bool Has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  TempDir dir_;
};

constexpr char kGood[] = R"(groups:
- name: g
  rules:
  - {record: 'all:up', expr: count(up)}
  - {alert: Down, expr: up == 0, for: 1m, labels: {severity: critical}}
  - {alert: Few, expr: 'all:up < 2'}
)";

TEST_F(RulesProgramTest, CheckTellsAllThatIsWrong) {
  const std::string good = Write("good.yml", kGood);
  const Output fine = Rules({"check", good});
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_EQ(fine.out, good + ": fine, 2 alerting and 1 recording rules\n");

  const std::string bad = Write("bad.yml", R"(groups:
- name: g
  rules:
  - {alert: A, expr: 'rate(up)', fro: 1m}
  - {alert: B, expr: up == bool 1}
)");
  const Output wrong = Rules({"check", dir_.path()});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_TRUE(Has(wrong.out, bad + ":4:28: expr of the rule \"A\": ")) << wrong.out;
  EXPECT_TRUE(Has(wrong.out, bad + ":4:34: unknown key \"fro\"")) << wrong.out;
  EXPECT_TRUE(Has(wrong.out, bad + ":5:22: warning: ")) << wrong.out;
  EXPECT_TRUE(Has(wrong.out, good + ": fine")) << wrong.out;
  EXPECT_TRUE(Has(wrong.out, "2 errors, 1 warnings\n")) << wrong.out;
  EXPECT_EQ(Rules({"check", dir_.File("none.yml")}).exit_code, 3);
}

TEST_F(RulesProgramTest, TestRunsPromtoolsFormat) {
  Write("good.yml", kGood);
  const std::string head =
      "rule_files: [g*.yml]\ntests:\n- input_series:\n"
      "  - {series: 'up{i=\"1\"}', values: '0x5'}\n  alert_rule_test:\n";
  const std::string pass =
      Write("pass.test.yml",
            head +
                "  - {eval_time: 1m, alertname: Down, exp_alerts: [{exp_labels: {i: 1, severity: "
                "critical}}]}\n");
  const Output passed = Rules({"test", pass});
  EXPECT_EQ(passed.exit_code, 0) << passed.out << passed.err;
  EXPECT_EQ(passed.out, "Unit Testing:  " + pass + "\n  SUCCESS\n\n");
  const std::string fail =
      Write("fail.test.yml", head + "  - {eval_time: 1m, alertname: Down, exp_alerts: []}\n");
  const Output failed = Rules({"test", pass, fail});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_TRUE(Has(failed.out, "  FAILED:\n    alertname: Down, time: 1m, line: 6,")) << failed.out;
}

TEST_F(RulesProgramTest, ListSaysHowRulesAreEvaluated) {
  const Output list = Rules({"list", "--file", Write("good.yml", kGood), "-o", "csv"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_EQ(list.out,
            "group,rule,kind,evaluated,for_seconds,severity,expr\n"
            "g,all:up,record,each 1m,,,count(up)\n"
            "g,Down,alert,on arrival,60,critical,up == 0\n"
            "g,Few,alert,each 1m,0,,all:up < 2\n");
}

TEST_F(RulesProgramTest, BacktestReplaysTheHistory) {
  TempDir data;
  query::SampleFolder(data.path()).Close();
  const std::string rules = Write("new.yml", R"(groups:
- name: g
  interval: 10s
  rules:
  - alert: Always
    expr: node_memory_MemAvailable_bytes > 0
    annotations: {ronda_owner: Team Basis Data}
  - {alert: Never, expr: node_memory_MemAvailable_bytes < 0}
)");
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> argv = {ProgramPath("ronda"),
                                     "--data",
                                     data.path(),
                                     "--utc",
                                     "rules",
                                     "backtest",
                                     rules,
                                     "--from",
                                     "2026-11-19T23:00",
                                     "--to",
                                     "2026-11-20T00:00"};
    argv.insert(argv.end(), more.begin(), more.end());
    return RunProgram(argv, 120'000);
  };
  const Output summary = run({"-o", "csv"});
  EXPECT_EQ(summary.exit_code, 0) << summary.err;
  EXPECT_TRUE(Has(summary.out, "\nAlways,1,")) << summary.out;
  EXPECT_TRUE(Has(summary.out, "web1 (1)")) << summary.out;
  EXPECT_TRUE(Has(summary.out, "\nNever,0,0,0,")) << summary.out;
  const Output episodes = run({"--episodes", "-o", "csv"});
  EXPECT_EQ(episodes.exit_code, 0) << episodes.err;
  EXPECT_EQ(std::count(episodes.out.begin(), episodes.out.end(), '\n'), 2) << episodes.out;
  const Output people = run({});
  EXPECT_TRUE(Has(people.out, "\n1 pages, 0 by the rules in force\n       1  Team Basis Data\n"))
      << people.out;
  EXPECT_TRUE(Has(people.out, "\n23         1         0  ####")) << people.out;
}

}  // namespace
}  // namespace ronda::cli
