#include "collector/cli/command_line.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

namespace ronda::cli {
namespace {

class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("RONDA_DATA");
    unsetenv("RONDA_COLLECTOR");
  }
  void TearDown() override { SetUp(); }

  static ParseResult Parse(std::initializer_list<const char*> words) {
    std::vector<const char*> argv = {"ronda"};
    argv.insert(argv.end(), words);
    return ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  }
};

TEST_F(CommandLineTest, GlobalOptionsGoBeforeAndAfterTheCommand) {
  const ParseResult result = Parse({"--data", "D", "query", "up", "--since", "1m", "-o", "csv"});
  ASSERT_TRUE(result.line.has_value()) << result.err;
  EXPECT_EQ(result.line->settings.data, "D");
  EXPECT_EQ(result.line->settings.collector, "");
  EXPECT_EQ(result.line->settings.format, Format::kCsv);
  const auto& args = std::get<QueryArgs>(result.line->command);
  EXPECT_EQ(args.expr, "up");
  EXPECT_EQ(args.window.since, "1m");
}

TEST_F(CommandLineTest, SqlExportAndImport) {
  ParseResult result = Parse({"sql", "SELECT 1", "--timeout", "5s", "-o", "json"});
  ASSERT_TRUE(result.line.has_value()) << result.err;
  EXPECT_EQ(std::get<SqlArgs>(result.line->command).statement, "SELECT 1");
  EXPECT_EQ(std::get<SqlArgs>(result.line->command).timeout, "5s");
  result = Parse({"sql", "-"});
  ASSERT_TRUE(result.line.has_value()) << result.err;
  EXPECT_EQ(std::get<SqlArgs>(result.line->command).statement, "-");
  result = Parse({"export", "up", "node_load1{node=\"a\"}", "--since", "1d", "-o", "prometheus"});
  ASSERT_TRUE(result.line.has_value()) << result.err;
  EXPECT_EQ(std::get<ExportArgs>(result.line->command).selectors.size(), 2U);
  EXPECT_EQ(std::get<ExportArgs>(result.line->command).file, "-");
  EXPECT_EQ(result.line->settings.format, Format::kPrometheus);
  result = Parse({"import", "a.csv", "-", "--node", "n", "--skip-bad", "--dry-run"});
  ASSERT_TRUE(result.line.has_value()) << result.err;
  const auto& args = std::get<ImportArgs>(result.line->command);
  EXPECT_EQ(args.files, (std::vector<std::string>{"a.csv", "-"}));
  EXPECT_EQ(args.node, "n");
  EXPECT_EQ(args.job, "import");
  EXPECT_TRUE(args.skip_bad && args.dry_run && !args.seconds);
  EXPECT_EQ(Parse({"import"}).exit_code, kExitUsage);
}

TEST_F(CommandLineTest, AMistypedCommandIsNamedWithTheNearestOne) {
  const ParseResult result = Parse({"--data", "D", "stauts", "-o", "csv"});
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_NE(result.err.find("unknown command \"stauts\"; did you mean \"status\"?"),
            std::string::npos)
      << result.err;
}

TEST_F(CommandLineTest, TimesMayBeginWithAMinus) {
  const ParseResult result = Parse({"query", "up", "--from", "-15m", "--to", "-5m", "--utc"});
  ASSERT_TRUE(result.line.has_value()) << result.err;
  const auto& args = std::get<QueryArgs>(result.line->command);
  EXPECT_EQ(args.window.from, "-15m");
  EXPECT_EQ(args.window.to, "-5m");
  EXPECT_TRUE(result.line->settings.utc);
}

TEST_F(CommandLineTest, TheLocalCollectorIsAskedUnlessToldElse) {
  EXPECT_EQ(Parse({"status"}).line->settings.collector, "unix:///run/ronda/collector.sock");
  setenv("RONDA_COLLECTOR", "c.example:7710", 1);
  EXPECT_EQ(Parse({"status"}).line->settings.collector, "c.example:7710");
  EXPECT_EQ(Parse({"--collector", "[::1]:7710", "status"}).line->settings.collector, "[::1]:7710");
  setenv("RONDA_DATA", "D", 1);
  EXPECT_EQ(Parse({"status"}).line->settings.data, "D");
  EXPECT_EQ(Parse({"status"}).line->settings.collector, "");
  EXPECT_EQ(Parse({"--collector", "x:1", "status"}).line->settings.data, "");
}

TEST_F(CommandLineTest, EveryCommand) {
  EXPECT_EQ(std::get<NodesArgs>(Parse({"nodes", "web1"}).line->command).name, "web1");
  EXPECT_EQ(std::get<MetricsArgs>(Parse({"metrics", "mem"}).line->command).pattern, "mem");
  EXPECT_EQ(std::get<GapsArgs>(Parse({"gaps", "web1", "--since", "7d"}).line->command).node,
            "web1");
  const AlertsArgs alerts = std::get<AlertsArgs>(
      Parse({"alerts", "--severity", "critical", "--state", "firing", "--exit-code"})
          .line->command);
  EXPECT_TRUE(alerts.exit_code);
  EXPECT_EQ(alerts.severity, "critical");
  EXPECT_EQ(alerts.state, "firing");
  EXPECT_TRUE(
      std::holds_alternative<RepairArgs>(Parse({"--data", "D", "store", "repair"}).line->command));
  EXPECT_TRUE(std::holds_alternative<VersionArgs>(Parse({"version"}).line->command));
}

TEST_F(CommandLineTest, ReadsBackupsAndRestores) {
  const ParseResult make = Parse({"backup", "B", "--full", "--data", "D"});
  ASSERT_TRUE(make.line.has_value()) << make.err;
  EXPECT_EQ(std::get<BackupArgs>(make.line->command).action, BackupArgs::Action::kMake);
  EXPECT_EQ(std::get<BackupArgs>(make.line->command).dir, "B");
  EXPECT_TRUE(std::get<BackupArgs>(make.line->command).full);
  EXPECT_EQ(make.line->settings.data, "D");
  const ParseResult verify = Parse({"backup", "verify", "B", "-o", "json"});
  ASSERT_TRUE(verify.line.has_value()) << verify.err;
  EXPECT_EQ(std::get<BackupArgs>(verify.line->command).action, BackupArgs::Action::kVerify);
  EXPECT_EQ(std::get<BackupArgs>(verify.line->command).dir, "B");
  const ParseResult drill = Parse({"backup", "drill", "B", "--scratch", "S"});
  ASSERT_TRUE(drill.line.has_value()) << drill.err;
  EXPECT_EQ(std::get<BackupArgs>(drill.line->command).action, BackupArgs::Action::kDrill);
  EXPECT_EQ(std::get<BackupArgs>(drill.line->command).scratch, "S");
  const ParseResult restore = Parse({"restore", "B", "--data", "D", "--replace"});
  ASSERT_TRUE(restore.line.has_value()) << restore.err;
  EXPECT_EQ(std::get<RestoreArgs>(restore.line->command).backup, "B");
  EXPECT_TRUE(std::get<RestoreArgs>(restore.line->command).replace);
  EXPECT_TRUE(std::holds_alternative<StoreCheckArgs>(Parse({"store", "check"}).line->command));
  EXPECT_TRUE(std::holds_alternative<StoreStatsArgs>(Parse({"store", "stats"}).line->command));
  for (const ParseResult& wrong :
       {Parse({"backup"}), Parse({"backup", "verify"}), Parse({"restore"})}) {
    EXPECT_EQ(wrong.exit_code, kExitUsage);
    EXPECT_NE(wrong.err, "");
  }
}

TEST_F(CommandLineTest, WrongUseIsExitCodeTwo) {
  for (const ParseResult& result :
       {Parse({}), Parse({"frobnicate"}), Parse({"query"}), Parse({"status", "--bogus"}),
        Parse({"status", "-o", "xml"}), Parse({"alerts", "--state", "sad"}), Parse({"store"}),
        Parse({"--data", "D", "--collector", "c:1", "status"}), Parse({"query", "up", "extra"})}) {
    EXPECT_FALSE(result.line.has_value());
    EXPECT_EQ(result.exit_code, kExitUsage);
    EXPECT_NE(result.err, "");
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CommandLineTest, HelpOfEachCommandHasExamples) {
  for (const char* command : {"status", "nodes", "metrics", "query", "alerts", "gaps", "version"}) {
    const ParseResult result = Parse({command, "--help"});
    EXPECT_EQ(result.exit_code, kExitOk);
    EXPECT_NE(result.out.find("Examples:\n  ronda "), std::string::npos) << command;
  }
  EXPECT_NE(Parse({"--help"}).out.find("Exit codes:"), std::string::npos);
}

}  // namespace
}  // namespace ronda::cli
