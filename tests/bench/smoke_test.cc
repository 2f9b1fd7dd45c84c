// ronda-bench store and read at a tiny scale and without peers: that they run, that what they print
// last is the agreed JSON, and that its figures can be true.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

using nlohmann::json;

Output Bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), ProgramPath("ronda-bench"));
  return RunProgram(arguments, std::getenv("RONDA_LONG") != nullptr ? 1'800'000 : 120'000);
}

json LastLine(const Output& output) {
  EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
  std::string text = output.out;
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  json line = json::parse(text.substr(text.rfind('\n') + 1), nullptr, false);
  EXPECT_TRUE(line.is_object()) << output.out;
  return line;
}

void ExpectStoreFigures(const json& line, const std::string& set, double samples) {
  EXPECT_EQ(line.value("set", ""), set);
  EXPECT_EQ(line.value("samples", 0.0), samples);
  EXPECT_EQ(line.value("lost_samples", -1.0), 0);
  EXPECT_EQ(line.value("rollup_bytes_per_sample", -1.0) >= 0, true);
  EXPECT_GT(line.value("bytes_per_sample", 0.0), 0.02);
  EXPECT_LT(line.value("bytes_per_sample", 99.0), 8);
  EXPECT_GT(line.value("samples_per_cpu_second", 0.0), 50'000);
  EXPECT_LT(line.value("samples_per_cpu_second", 1e12), 1e9);
  EXPECT_GT(line.value("decode_ns_per_sample", 0.0), 0.1);
  EXPECT_GT(line.value("peak_rss_mib", 0.0), 4);
  EXPECT_GT(line.value("reopen_seconds", 0.0), 0);
  EXPECT_LT(line.value("reopen_seconds", 99.0), 20);
  EXPECT_GT(line.value("reopen_after_kill_seconds", 0.0), 0);
  EXPECT_FALSE(line.contains("peers"));
}

TEST(StoreBenchTest, TellsWhatADayCosts) {
  const json line =
      LastLine(Bench({"store", "--set", "day", "--seconds", "480", "--peers", "none"}));
  ExpectStoreFigures(line, "day", 507 * 480);
  EXPECT_EQ(line.value("lane", ""), "backfill");
  EXPECT_GT(line.value("samples_per_cpu_second_live", 0.0), 50'000);
}

TEST(StoreBenchTest, TellsWhatAFleetCostsTickByTick) {
  const json line =
      LastLine(Bench({"store", "--set", "fleet", "--seconds", "30", "--peers", "none", "--live"}));
  ExpectStoreFigures(line, "fleet", 100 * 118 * 30);
  EXPECT_EQ(line.value("lane", ""), "live");
}

TEST(StoreBenchTest, ReadsWhatItKept) {
  const TempDir dir;
  ASSERT_EQ(
      Bench({"store", "--set", "day", "--seconds", "240", "--peers", "none", "--data", dir.path()})
          .exit_code,
      0);
  const json line = LastLine(Bench(
      {"read", "--seconds", "240", "--peers", "none", "--repetitions", "3", "--data", dir.path()}));
  ASSERT_TRUE(line.contains("queries"));
  for (const char* name : {"day_raw", "day_60s", "fleet_raw", "fleet_60s"}) {
    ASSERT_TRUE(line["queries"].contains(name)) << name;
    const json& query = line["queries"][name];
    EXPECT_GT(query.value("p50_ms", 0.0), 0.01) << name;
    EXPECT_LE(query.value("p50_ms", 0.0), query.value("p95_ms", -1.0)) << name;
    EXPECT_GT(query.value("cpu_ms", 0.0), 0) << name;
  }
  EXPECT_EQ(line["queries"]["day_raw"]["points"], 240);
  EXPECT_EQ(line["queries"]["fleet_raw"]["points"], 240 * 100);
  EXPECT_EQ(line["queries"]["fleet_60s"]["points"], 4 * 100);
}

TEST(QueryBenchTest, AsksWhatItPushed) {
  const json line = LastLine(Bench(
      {"query", "--set", "fleet", "--seconds", "120", "--peers", "none", "--repetitions", "3"}));
  ASSERT_TRUE(line.contains("queries"));
  for (const char* name :
       {"fleet_avg_60s", "fleet_avg_15s", "fleet_topk", "fleet_compare", "fleet_count"}) {
    ASSERT_TRUE(line["queries"].contains(name)) << name;
    EXPECT_GT(line["queries"][name].value("p50_ms", 0.0), 0.01) << name;
  }
  // 100 series of 3 and of 9 points, and one.
  EXPECT_GT(line["queries"]["fleet_avg_60s"].value("bytes", 0), 100 * 60);
  EXPECT_GT(line["queries"]["fleet_avg_15s"].value("bytes", 0),
            line["queries"]["fleet_avg_60s"].value("bytes", 0));
}

TEST(StoreBenchTest, RemovesNoFolderOfOthers) {
  const TempDir dir;
  ASSERT_TRUE(std::filesystem::create_directory(dir.File("day")));
  const Output output =
      Bench({"store", "--peers", "none", "--seconds", "10", "--data", dir.path()});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.err.find("not a folder of ronda-bench"), std::string::npos) << output.err;
  EXPECT_TRUE(std::filesystem::exists(dir.File("day")));
}

TEST(FleetBenchTest, LosesNothingAndComesBackAfterAStorm) {
  const json line = LastLine(Bench(
      {"fleet", "--agents", "40", "--series", "600", "--for", "2s", "--warm-up", "1", "--storm"}));
  EXPECT_EQ(line.value("agents", 0), 40);
  EXPECT_GT(line.value("samples_per_second", 0.0), 40 * 600 / 2);
  EXPECT_LT(line.value("samples_per_second", 1e12), 40 * 600 * 2);
  for (const char* key : {"lost", "duplicated", "wrong", "unasked_acks", "rejected"}) {
    EXPECT_EQ(line.value(key, -1), 0) << key;
  }
  EXPECT_GT(line.value("collector_cores", 0.0), 0);
  EXPECT_GT(line.value("collector_rss_mib", 0.0), 4);
  EXPECT_GT(line.value("ack_p50_ms", 0.0), 0);
  EXPECT_LE(line.value("ack_p50_ms", 1e9), line.value("ack_p99_ms", -1.0));
  EXPECT_GT(line.value("wire_bytes_per_sample", 0.0), 0.1);
  EXPECT_FALSE(line.value("tls", true));
  EXPECT_LT(line.value("storm_seconds", 1e9), 30);
}

TEST(FleetBenchTest, SpeaksTlsWithACertificateForEachAgent) {
  const json line = LastLine(Bench({"fleet", "--tls", "--agents", "30", "--series", "100", "--for",
                                    "2s", "--warm-up", "1", "--ramp", "100", "--storm"}));
  EXPECT_TRUE(line.value("tls", false));
  EXPECT_GT(line.value("samples_per_second", 0.0), 30 * 100 / 2);
  for (const char* key : {"lost", "duplicated", "wrong", "unasked_acks", "rejected"}) {
    EXPECT_EQ(line.value(key, -1), 0) << key;
  }
  // Shaking hands takes two signatures and three checks of one.
  EXPECT_GT(line.value("connect_cpu_ms", 0.0), 0.1);
}

// With peers where they are installed.
TEST(AlertsBenchTest, EachAlertIsToldOnceAndSoon) {
  const json line =
      LastLine(Bench({"alerts", "--agents", "40", "--series", "60", "--rules", "120", "--for", "3s",
                      "--warm-up", "2", "--alerts", "20", "--peer-agents", "20", "--no-baseline"}));
  EXPECT_EQ(line.value("rules", 0), 120);
  EXPECT_GT(line.value("alerts", 0), 20);
  EXPECT_EQ(line.value("untold", -1), 0);
  EXPECT_EQ(line.value("unasked", -1), 0);
  EXPECT_GT(line.value("p50_ms", 0.0), 0.1);
  EXPECT_LE(line.value("p50_ms", 1e9), line.value("p99_ms", 0.0));
  EXPECT_LT(line.value("p50_ms", 1e9), 1000);
  EXPECT_GT(line.value("resolved_p50_ms", 0.0), 0.1);
  EXPECT_NEAR(line.value("samples_per_second", 0.0), 40 * 60, 40 * 60 * 0.5);
  if (line.contains("peers")) {
    EXPECT_GT(line["peers"]["prometheus"].value("alerts", 0), 5);
    EXPECT_GT(line["peers"]["prometheus"].value("p50_ms", 0.0), 1);
  }
}

TEST(OutageBenchTest, AllThatWasKeptComesBackBesideLiveData) {
  // RONDA_LONG: an hour of fifty agents.
  const bool full = std::getenv("RONDA_LONG") != nullptr;
  const json line = LastLine(Bench({"outage", "--agents", full ? "50" : "5", "--series",
                                    full ? "500" : "120", "--away", full ? "60m" : "300s"}));
  const int agents = full ? 50 : 5;
  EXPECT_GE(line.value("away_seconds", 0.0), full ? 3600 : 300);
  EXPECT_GE(line.value("samples", 0), agents * (full ? 500 * 3600 : 120 * 300));
  for (const char* key : {"lost", "duplicated", "wrong", "false_gaps", "given_up"}) {
    EXPECT_EQ(line.value(key, -1), 0) << key;
  }
  EXPECT_EQ(line.value("late_nodes", 0), agents);
  EXPECT_GT(line.value("catch_up_seconds", 0.0), 0);
  if (full) {
    EXPECT_GE(line.value("times_real_time", 0.0), 20);
    EXPECT_LE(line.value("live_lag_max_s", 99.0), 5);
  }
}

TEST(RetainBenchTest, StaysUnderItsLimitAndKeepsTheRestRight) {
  const json line =
      LastLine(Bench({"retain", "--nodes", "2", "--hours", "12", "--max-size-mib", "6"}));
  EXPECT_EQ(line.value("samples", 0), 2 * 118 * 12 * 3'600);
  EXPECT_TRUE(line.value("under_max_size", false));
  EXPECT_GE(line.value("dropped_hours", 0.0), 2);
  EXPECT_LT(line.value("dropped_hours", 99.0), 11);
  EXPECT_GT(line.value("samples_compared", 0), 118 * 3'600);
  EXPECT_GT(line.value("rss_last_quarter_mib", 0.0), 4);
}

TEST(RestartBenchTest, TellsHowSoonACollectorAnswers) {
  const json line =
      LastLine(Bench({"restart", "--nodes", "3", "--hours", "26", "--interval-ms", "30000"}));
  EXPECT_EQ(line.value("samples", 0), 3 * 118 * (23 * 120 + 3 * 3'600));
  EXPECT_LT(line.value("reopen_after_kill_seconds", 99.0), 5);
  EXPECT_LT(line.value("reopen_seconds", 99.0), 5);
  EXPECT_GE(line.value("first_query_points", 0), 3 * 26 * 6 - 6);
}

TEST(StoreBenchTest, SaysWhatItDoesNotKnow) {
  const Output output = Bench({"store", "--peers", "nosuch", "--seconds", "10"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.err.find("no peer nosuch"), std::string::npos) << output.err;
}

}  // namespace
}  // namespace ronda
