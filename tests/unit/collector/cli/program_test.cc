// `ronda` as a process, against a folder that the store wrote.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::cli {
namespace {

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() { query::SampleFolder(dir_.path()).Close(); }

  // ronda --data DIR --utc ...
  Output Ronda(std::vector<std::string> arguments) const {
    std::vector<std::string> argv = {ProgramPath("ronda"), "--data", dir_.path(), "--utc"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return RunProgram(argv);
  }

  TempDir dir_;
};

size_t Lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(ProgramTest, TheLastMinuteOfAStoppedCollector) {
  const Output run =
      Ronda({"query", "node_memory_MemAvailable_bytes", "--since", "1m", "-o", "csv"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Lines(run.out), 61U) << run.out;
  EXPECT_EQ(run.out.substr(0, run.out.find('\n')), "time,__name__,instance,job,node,role,value");
  EXPECT_NE(run.out.find("2026-11-19T23:59:01.000Z,node_memory_MemAvailable_bytes,web1,node,web1,"
                         "web,3000000000\n2026-11-19T23:59:02.000Z,"),
            std::string::npos)
      << run.out;
  EXPECT_NE(run.err.find("no collector runs on"), std::string::npos);
}

TEST_F(ProgramTest, APlotHasTheWindowAndTheSeries) {
  const Output run = Ronda({"query", "ronda_cpu_usage_percent", "--since", "1m", "-o", "plot"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Lines(run.out), 21U) << run.out;
  EXPECT_NE(run.out.find("23:59:00"), std::string::npos);
  EXPECT_NE(run.out.find(" %"), std::string::npos);
  EXPECT_NE(run.out.find("ronda_cpu_usage_percent{"), std::string::npos);
}

TEST_F(ProgramTest, AnInstantAsJson) {
  const Output run = Ronda({"query", "up{node=~\"web.*\"}", "-o", "json"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out,
            "{\"resultType\":\"vector\",\"result\":[\n"
            "{\"metric\":{\"__name__\":\"up\",\"instance\":\"web1\",\"job\":\"node\","
            "\"node\":\"web1\",\"role\":\"web\"},\"value\":[1795132800,\"1\"]}\n"
            "]}\n");
}

TEST(ProgramDiskTest, StatusSaysThatTheDiskIsFullAndWhatToDo) {
  const TempDir dir;
  if (geteuid() != 0 || mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=8m") != 0) {
    GTEST_SKIP() << "mounting a small file system needs root";
  }
  const std::string data = dir.File("data");
  query::SampleFolder(data).Close();
  {
    std::ofstream ballast(dir.File("ballast"));
    const std::string block(4096, 'x');
    while (ballast << block << std::flush) {
    }
  }
  const Output full = RunProgram({ProgramPath("ronda"), "--data", data, "status"});
  EXPECT_EQ(full.exit_code, 1) << full.err;
  EXPECT_NE(full.out.find("the disk is full"), std::string::npos) << full.out;
  EXPECT_NE(full.out.find("make room on the disk of " + data), std::string::npos) << full.out;
  EXPECT_EQ(RunProgram({ProgramPath("ronda"), "--data", data, "status", "-o", "json"}).exit_code,
            1);
  std::filesystem::remove(dir.File("ballast"));
  const Output room = RunProgram({ProgramPath("ronda"), "--data", data, "status"});
  EXPECT_EQ(room.exit_code, 0) << room.err;
  EXPECT_EQ(room.out.find("make room"), std::string::npos) << room.out;
  EXPECT_EQ(umount(dir.path().c_str()), 0);
}

TEST_F(ProgramTest, EveryCommandAnswers) {
  EXPECT_NE(Ronda({"status"}).out.find("1 alert firing"), std::string::npos);
  EXPECT_NE(Ronda({"nodes"}).out.find("web1"), std::string::npos);
  EXPECT_NE(Ronda({"metrics", "memory"}).out.find("gauge  bytes       1  Memory available."),
            std::string::npos);
  EXPECT_NE(Ronda({"alerts"}).out.find("CpuBusy"), std::string::npos);
  EXPECT_NE(Ronda({"alerts", "--since", "1h"}).out.find("pending  firing"), std::string::npos);
  EXPECT_EQ(Ronda({"alerts", "--since", "1h", "--by", "severity", "-o", "csv"}).out,
            "severity,fired,firing_still,firing_ms,longest_ms,mean_to_resolve_ms\n"
            "critical,1,1,20000,20000,\n");
  EXPECT_NE(Ronda({"gaps"}).out.find("network"), std::string::npos);
  EXPECT_NE(Ronda({"version"}).out.find("ronda 0."), std::string::npos);
  for (const char* command : {"status", "nodes", "metrics", "alerts", "gaps"}) {
    const Output run = Ronda({command, "-o", "json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out.substr(0, 4), "[\n {") << command;
  }
}

TEST_F(ProgramTest, WhatIsMissingIsToldBesideWhatIsThere) {
  const std::string note = "gaps in this window: web1 1 (network 10 s); see `ronda gaps`\n";
  for (const char* format : {"table", "csv", "json", "plot"}) {
    const Output run = Ronda({"query", "up", "--since", "2h", "-o", format});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_NE(run.err.find(note), std::string::npos) << format << run.err;
    EXPECT_EQ(run.out.find("network"), std::string::npos) << "not in what programs read";
  }
  EXPECT_NE(Ronda({"query", "sum(up{node=\"web1\"})", "--since", "2h"}).err.find(note),
            std::string::npos);
  // Half of it; none of it; of a node that is not shown.
  EXPECT_NE(Ronda({"query", "up", "--since", "3595s"}).err.find("web1 1 (network 5 s)"),
            std::string::npos);
  EXPECT_EQ(Ronda({"query", "up", "--since", "30m"}).err.find("gaps"), std::string::npos);
  EXPECT_EQ(Ronda({"query", "up"}).err.find("gaps"), std::string::npos);
  EXPECT_EQ(Ronda({"query", "sum(up)", "--since", "2h"}).err.find("gaps"), std::string::npos);
  const Output node = Ronda({"nodes", "web1"});
  EXPECT_NE(node.out.find("CAUSE"), std::string::npos) << node.out;
  EXPECT_NE(node.out.find("network"), std::string::npos) << node.out;
  EXPECT_EQ(Ronda({"nodes"}).out.find("CAUSE"), std::string::npos);
  EXPECT_EQ(Ronda({"nodes", "web1", "-o", "csv"}).out.find("network"), std::string::npos);
}

TEST_F(ProgramTest, ExitCodes) {
  EXPECT_EQ(Ronda({"alerts"}).exit_code, 0);
  EXPECT_EQ(Ronda({"alerts", "--exit-code"}).exit_code, 1);
  EXPECT_EQ(Ronda({"alerts", "--exit-code", "--severity", "warning"}).exit_code, 0);
  EXPECT_EQ(Ronda({"nodes", "web9"}).exit_code, 1);
  EXPECT_EQ(Ronda({"query"}).exit_code, 2);
  EXPECT_EQ(Ronda({"status", "-o", "plot"}).exit_code, 2);
  EXPECT_EQ(RunProgram({ProgramPath("ronda"), "--data", dir_.File("nowhere"), "nodes"}).exit_code,
            3);
  const Output unreachable = RunProgram(
      {ProgramPath("ronda"), "--collector", "unix://" + dir_.File("none.sock"), "status"});
  EXPECT_EQ(unreachable.exit_code, 3);
  EXPECT_NE(unreachable.err.find("none.sock"), std::string::npos);
  EXPECT_NE(unreachable.err.find("--data DIR"), std::string::npos);
}

TEST_F(ProgramTest, ABadSelectorShowsThePlace) {
  const Output run = Ronda({"query", "up{node=web1}"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.err.find("line 1, column 9"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("\n  up{node=web1}\n          ^\n"), std::string::npos) << run.err;
}

TEST_F(ProgramTest, AnExpressionNowAndOverAWindow) {
  Output run = Ronda({"query", "sum by (job) (up) + 1", "-o", "json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "{\"resultType\":\"vector\",\"result\":[\n"
            "{\"metric\":{\"job\":\"node\"},\"value\":[1795132800,\"2\"]}\n"
            "]}\n");
  run = Ronda({"query", "sum by (job) (up)", "--since", "1m", "--step", "20s", "-o", "csv"});
  EXPECT_EQ(run.out,
            "time,job,value\n2026-11-19T23:59:20.000Z,node,1\n2026-11-19T23:59:40.000Z,node,1\n"
            "2026-11-20T00:00:00.000Z,node,1\n");
  run = Ronda({"query", "1 + 2", "-o", "json"});
  EXPECT_EQ(run.out, "{\"resultType\":\"scalar\",\"result\":[1795132800,\"3\"]}\n");
  EXPECT_EQ(Ronda({"query", "1 + 2"}).out, "3\n");
  run = Ronda({"query", "up[3s]", "-o", "csv"});
  EXPECT_EQ(Lines(run.out), 4U) << run.out;
}

TEST_F(ProgramTest, AnExpressionKeepsItsUnitInTablesAndPlots) {
  Output run = Ronda({"query", "max(node_memory_MemAvailable_bytes)"});
  EXPECT_NE(run.out.find(" GiB"), std::string::npos) << run.out;
  run = Ronda({"query", "max(node_memory_MemAvailable_bytes) / 2", "--since", "1m", "-o", "plot"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out.find("GiB"), std::string::npos) << run.out;
  run = Ronda({"query", "max(node_memory_MemAvailable_bytes)", "--since", "1m", "-o", "plot"});
  EXPECT_NE(run.out.find("GiB"), std::string::npos) << run.out;
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos);
}

TEST_F(ProgramTest, ABadExpressionShowsThePlace) {
  const Output run = Ronda({"query", "sum(rate(up))"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.err.find("\n  sum(rate(up))\n           ^\n"), std::string::npos) << run.err;
}

TEST_F(ProgramTest, FormatAndExplain) {
  EXPECT_EQ(Ronda({"format", "sum(rate(x[5m]))by(node)"}).out, "sum by (node) (rate(x[5m]))\n");
  EXPECT_EQ(Ronda({"format", "sum("}).exit_code, 2);
  Output run = Ronda({"explain", "sum(up) / sum(node_memory_MemAvailable_bytes)", "--since", "1m"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("node_memory_MemAvailable_bytes: 1 series"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("roll-ups   none used"), std::string::npos) << run.out;
  run = Ronda({"explain", "up", "-o", "json"});
  EXPECT_NE(run.out.find("\"series_read\":1,"), std::string::npos) << run.out;
}

TEST_F(ProgramTest, SeriesLabelsAndValues) {
  EXPECT_EQ(Ronda({"values", "node", "-o", "csv"}).out, "value\nweb1\n");
  EXPECT_NE(Ronda({"labels", "up"}).out.find("\nrole"), std::string::npos);
  const Output run = Ronda({"series", "up", "{__name__=~\"node_.*\"}"});
  EXPECT_EQ(Lines(run.out), 3U) << run.out << run.err;
  EXPECT_EQ(Ronda({"series"}).exit_code, 2);
}

TEST_F(ProgramTest, CompletionKnowsWordsMetricsAndLabels) {
  const auto complete = [&](std::vector<std::string> words) {
    std::vector<std::string> argv = {ProgramPath("ronda"), "__complete", "--data", dir_.path()};
    argv.insert(argv.end(), words.begin(), words.end());
    const Output run = RunProgram(argv);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.err, "");
    return run.out;
  };
  EXPECT_EQ(complete({"qu"}), "query\n");
  EXPECT_EQ(complete({"store", "ch"}), "check\n");
  EXPECT_EQ(complete({"query", "up", "--sin"}), "--since\n");
  EXPECT_EQ(complete({"query", "up", "-o", "j"}), "json\n");
  EXPECT_EQ(complete({"query", "node_mem"}), "node_memory_MemAvailable_bytes\n");
  EXPECT_EQ(complete({"query", "sum(node_mem"}), "sum(node_memory_MemAvailable_bytes\n");
  EXPECT_EQ(complete({"query", "rat"}), "rate(\n");
  EXPECT_EQ(complete({"query", "up{ro"}), "up{role=\"\n");
  EXPECT_EQ(complete({"query", "up{role=\""}), "up{role=\"web\"\n");
  EXPECT_EQ(complete({"values", "no"}), "node\n");
  EXPECT_EQ(complete({"nodes", ""}), "accept\nexpect\nrename\nretire\nunretire\nweb1\n");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(Ronda({"completion", shell}).exit_code, 0);
  }
  EXPECT_EQ(Ronda({"completion", "csh"}).exit_code, 2);
  // Nobody there: nothing is said.
  const Output none = RunProgram(
      {ProgramPath("ronda"), "__complete", "--data", dir_.File("nowhere"), "query", "u"});
  EXPECT_EQ(none.out + none.err, "");
}

TEST_F(ProgramTest, TheBashScriptCompletesInsideOfQuotes) {
  const std::string script =
      "export PATH=$(dirname '" + ProgramPath("ronda") + "'):$PATH RONDA_DATA='" + dir_.path() +
      "'; source <(ronda completion bash); compopt() { :; };"
      "COMP_LINE=\"ronda query 'sum(up{ro\"; COMP_POINT=${#COMP_LINE};"
      "COMP_WORDS=(ronda query \"'sum(up{ro\"); COMP_CWORD=2; _ronda; echo \"${COMPREPLY[@]}\"";
  const Output run = RunProgram({"/bin/bash", "-c", script});
  EXPECT_EQ(run.out, "sum(up{role=\"\n") << run.err;
}

TEST_F(ProgramTest, AnEmptyAnswerHelps) {
  Output run = Ronda({"query", "node_memory_memavailable_bytes", "-o", "csv"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out, "time,value\n");
  EXPECT_NE(run.err.find("did you mean node_memory_MemAvailable_bytes?"), std::string::npos);
  run = Ronda({"query", "up{node=\"web9\"}", "-o", "json"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out, "{\"resultType\":\"vector\",\"result\":[]}\n");
  EXPECT_NE(run.err.find("the metric is known"), std::string::npos);
}

TEST_F(ProgramTest, AReaderThatGoesAwayIsNoError) {
  const std::string command = "'" + ProgramPath("ronda") + "' --data '" + dir_.path() +
                              "' query '{__name__=~\".+\"}' --since 1m --step 1ms -o csv | head -1;"
                              " echo ${PIPESTATUS[0]}";
  const Output run = RunProgram({"/bin/bash", "-c", command});
  EXPECT_EQ(run.out, "time,__name__,instance,job,node,role,value\n0\n") << run.err;
}

TEST_F(ProgramTest, SqlInThreeForms) {
  const std::string statement =
      "SELECT time, value AS \"a,b\", NULL AS n FROM samples('up') WHERE t_ms > ago('2s')";
  EXPECT_EQ(Ronda({"sql", statement}).out,
            "time                     a,b  n\n"
            "2026-11-19 23:59:59.000    1  -\n"
            "2026-11-20 00:00:00.000    1  -\n");
  EXPECT_EQ(Ronda({"sql", statement, "-o", "csv"}).out,
            "time,\"a,b\",n\n2026-11-19 23:59:59.000,1,\n2026-11-20 00:00:00.000,1,\n");
  EXPECT_EQ(
      Ronda({"sql", "SELECT 9e999 a, -0.1 b, 'x\"' c, count(*) d FROM nodes", "-o", "json"}).out,
      "[\n {\"a\":\"+Inf\",\"b\":-0.1,\"c\":\"x\\\"\",\"d\":1}\n]\n");
  EXPECT_EQ(Ronda({"sql", "SELECT 1 WHERE 0", "-o", "json"}).out, "[]\n");
}

TEST_F(ProgramTest, SqlFromAFileAndItsErrors) {
  std::ofstream(dir_.File("q.sql")) << "SELECT node\nFROM nodes;\n";
  EXPECT_EQ(Ronda({"sql", "--file", dir_.File("q.sql"), "-o", "csv"}).out, "node\nweb1\n");
  Output run = Ronda({"sql", "SELECT\n  nonsense FROM nodes"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.err.find("line 2, column 3: no such column: nonsense\n    nonsense FROM nodes\n"
                         "    ^\n"),
            std::string::npos)
      << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(Ronda({"sql"}).exit_code, 2);
  EXPECT_EQ(Ronda({"sql", "SELECT 1", "-o", "plot"}).exit_code, 2);
  EXPECT_EQ(Ronda({"sql", "SELECT 1", "--timeout", "soon"}).exit_code, 2);
  EXPECT_NE(Ronda({"sql", "--schema"}).out.find("samples\n  t_ms "), std::string::npos);
}

TEST_F(ProgramTest, ExportsToStandardOutputAndToAFile) {
  Output run = Ronda({"export", "up", "--since", "2s"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "time_ms,value,series\n"
            "1795132799000,1,\"up{instance=\"\"web1\"\",job=\"\"node\"\",node=\"\"web1\"\",role="
            "\"\"web\"\"}\"\n"
            "1795132800000,1,\"up{instance=\"\"web1\"\",job=\"\"node\"\",node=\"\"web1\"\",role="
            "\"\"web\"\"}\"\n");
  const std::string whole = Ronda({"export"}).out;
  EXPECT_EQ(Lines(whole), 181U);
  run = Ronda({"export", "--file", dir_.File("out.csv")});
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("exported 180 samples of 3 series"), std::string::npos) << run.err;
  EXPECT_EQ(*ReadFile(dir_.File("out.csv")), whole);
  EXPECT_EQ(Ronda({"export", "up", "-o", "json"}).exit_code, 2);
  EXPECT_EQ(Ronda({"export", "up{"}).exit_code, 2);
  EXPECT_EQ(Ronda({"query", "up", "-o", "prometheus"}).exit_code, 2);
  EXPECT_EQ(Ronda({"status", "-o", "prometheus"}).exit_code, 2);
}

TEST_F(ProgramTest, RepairReports) {
  const Output run = Ronda({"store", "repair"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out, "");
  EXPECT_EQ(RunProgram({ProgramPath("ronda"), "--collector", "x:1", "store", "repair"}).exit_code,
            2);
  // What was there is there.
  EXPECT_EQ(Lines(Ronda({"query", "up", "--since", "1m", "-o", "csv"}).out), 61U);
}

TEST_F(ProgramTest, StoreCheckAndStatsTellWhatIsThere) {
  const Output check = Ronda({"store", "check"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  EXPECT_NE(check.out.find("nothing is damaged"), std::string::npos) << check.out;
  const Output stats = Ronda({"store", "stats", "-o", "json"});
  EXPECT_EQ(stats.exit_code, 0) << stats.err;
  EXPECT_NE(stats.out.find("\"file\":\"ronda.db\",\"kind\":\"journal\""), std::string::npos)
      << stats.out;
  const Output table = Ronda({"store", "stats"});
  EXPECT_NE(table.out.find("BYTES/SAMPLE"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("\ntotal "), std::string::npos) << table.out;
}

}  // namespace
}  // namespace ronda::cli
