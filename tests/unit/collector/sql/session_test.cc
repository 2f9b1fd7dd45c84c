// SQL over a folder that the store wrote; and what of it is asked of the Api.
#include "collector/sql/session.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "collector/query/local_api.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/counting_api.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::sql {
namespace {

using query::CountingApi;
using query::kFolderEnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Rows as "a|b|c", NULL as "-".
class Rows : public RowSink {
 public:
  void Begin(const std::vector<std::string>& names) override { columns = names; }
  bool Row(const std::vector<Value>& values) override {
    std::string row;
    for (const Value& value : values) {
      row += row.empty() ? "" : "|";
      if (const auto* integer = std::get_if<int64_t>(&value)) {
        row += fmt::format("{}", *integer);
      } else if (const auto* number = std::get_if<double>(&value)) {
        row += fmt::format("{}", *number);
      } else if (const auto* text = std::get_if<std::string>(&value)) {
        row += *text;
      } else {
        row += "-";
      }
    }
    rows.push_back(row);
    return rows.size() < stop_after;
  }
  void End() override { ++ended; }

  std::vector<std::string> columns;
  std::vector<std::string> rows;
  size_t stop_after = SIZE_MAX;
  int ended = 0;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest()
      : folder_(dir_.path()),
        local_(folder_.store(), nullptr, folder_.clock(), {dir_.path(), query::Limits()}),
        api_(local_) {}

  absl::Status Run(const std::string& text, Rows* rows, Session::Options options = {}) {
    RONDA_ASSIGN_OR_RETURN(const auto session, Session::Open(api_, folder_.clock(), options));
    return session->Run(text, *rows);
  }

  std::vector<std::string> Ask(const std::string& text) {
    Rows rows;
    api_.selects.clear();
    api_.samples = 0;
    EXPECT_OK(Run(text, &rows)) << text;
    return rows.rows;
  }

  absl::Status Refused(const std::string& text) {
    Rows rows;
    const absl::Status status = Run(text, &rows);
    EXPECT_EQ(rows.ended, 0) << text;
    return status;
  }

  TempDir dir_;
  query::SampleFolder folder_;
  query::LocalApi local_;
  CountingApi api_;
};

TEST_F(SessionTest, SamplesHaveTheirColumns) {
  EXPECT_THAT(
      Ask("SELECT t_ms, time, value, metric, node, job, instance, labels, series FROM "
          "samples WHERE metric = 'up' ORDER BY t_ms DESC LIMIT 1"),
      ElementsAre("1795132800000|2026-11-20 00:00:00.000|1|up|web1|node|web1|"
                  "{\"instance\":\"web1\",\"job\":\"node\",\"node\":\"web1\",\"role\":"
                  "\"web\"}|up{instance=\"web1\",job=\"node\",node=\"web1\",role=\"web\"}"));
}

TEST_F(SessionTest, TimesGoDown) {
  const std::string last = fmt::format("{}", kFolderEnd);
  const auto count = [&](const std::string& where) {
    return Ask("SELECT count(*) FROM samples WHERE metric = 'up' AND " + where).front();
  };
  EXPECT_EQ(count("t_ms > " + last + " - 5000"), "5");
  EXPECT_EQ(api_.samples, 5) << "SQLite filtered what the store should not have read";
  EXPECT_EQ(count("t_ms >= " + last + " - 5000"), "6");
  EXPECT_EQ(api_.samples, 6);
  EXPECT_EQ(count("t_ms BETWEEN " + last + " - 5000 AND " + last + " - 3000"), "3");
  EXPECT_EQ(api_.samples, 3);
  EXPECT_EQ(count("t_ms = " + last), "1");
  EXPECT_EQ(api_.samples, 1);
  EXPECT_EQ(count("t_ms < " + last + " - 50000.5"), "9");
  EXPECT_EQ(api_.samples, 9);
  EXPECT_EQ(count("time >= '2026-11-19 23:59:57'"), "4");
  EXPECT_EQ(api_.samples, 4);
  EXPECT_EQ(count("time > '2026-11-19 23:59:57.000' AND time <= '2026-11-19 23:59:59.000'"), "2");
  EXPECT_EQ(api_.samples, 2);
  EXPECT_EQ(count("time >= datetime(now_ms() / 1000, 'unixepoch', '-3 seconds')"), "4");
  EXPECT_EQ(api_.samples, 4);
  EXPECT_EQ(count("t_ms > ago('10s')"), "10");
  EXPECT_EQ(api_.samples, 10);
  EXPECT_EQ(count("t_ms > " + last), "0");
  EXPECT_EQ(count("t_ms > " + last + " AND t_ms < " + last), "0");
  EXPECT_EQ(count("t_ms > NULL"), "0");
  EXPECT_THAT(api_.selects, IsEmpty());
  EXPECT_EQ(count("t_ms > '" + fmt::format("{}", kFolderEnd - 5000) + "'"), "5");
  EXPECT_EQ(count("t_ms < 'text'"), "60") << "numbers come before texts";
  EXPECT_EQ(count("t_ms > 'text'"), "0");
}

TEST_F(SessionTest, LabelsGoDown) {
  EXPECT_THAT(Ask("SELECT count(*) FROM samples WHERE metric = 'up' AND node = 'web1' AND job = "
                  "'node' AND instance = 'web1'"),
              ElementsAre("60"));
  ASSERT_EQ(api_.selects.size(), 1U);
  EXPECT_THAT(CountingApi::Text(api_.selects[0]),
              testing::AllOf(HasSubstr("__name__=\"up\""), HasSubstr("node=\"web1\""),
                             HasSubstr("job=\"node\""), HasSubstr("instance=\"web1\"")));
  EXPECT_THAT(Ask("SELECT count(*) FROM samples WHERE node = 'web9'"), ElementsAre("0"));
  EXPECT_THAT(api_.selects, IsEmpty());
  // IN asks once for each value.
  EXPECT_THAT(Ask("SELECT metric, count(*) FROM samples WHERE metric IN ('up', "
                  "'ronda_cpu_usage_percent', 'none') GROUP BY 1"),
              ElementsAre("ronda_cpu_usage_percent|60", "up|60"));
  EXPECT_EQ(api_.samples, 120);
  // What cannot go down is right all the same.
  EXPECT_THAT(Ask("SELECT DISTINCT metric FROM samples WHERE metric LIKE 'node%' AND t_ms > 0"),
              ElementsAre("node_memory_MemAvailable_bytes"));
  EXPECT_THAT(Ask("SELECT count(*) FROM samples WHERE metric = 'up' AND metric = 'none'"),
              ElementsAre("0"));
}

TEST_F(SessionTest, SelectorsGoDown) {
  EXPECT_THAT(
      Ask("SELECT count(*), max(selector) FROM samples('{role=~\"w.*\",__name__!=\"up\"}')"),
      ElementsAre("120|{role=~\"w.*\",__name__!=\"up\"}"));
  EXPECT_EQ(api_.samples, 120);
  EXPECT_THAT(Ask("SELECT count(*) FROM samples WHERE selector = 'up' AND node = 'web1'"),
              ElementsAre("60"));
  EXPECT_EQ(api_.samples, 60);
  EXPECT_THAT(Refused("SELECT * FROM samples('up{')"),
              StatusIs(absl::StatusCode::kInvalidArgument, "selector: 1:4"));
}

TEST_F(SessionTest, SeriesJoinsSamples) {
  EXPECT_THAT(Ask("SELECT s.metric, s.type, s.unit, max(x.value) FROM series s JOIN samples x ON "
                  "x.series = s.series WHERE s.unit = 'bytes' GROUP BY 1"),
              ElementsAre("node_memory_MemAvailable_bytes|gauge|bytes|3000000059"));
  EXPECT_EQ(api_.samples, 60);
  EXPECT_THAT(
      Ask("SELECT metric, json_extract(labels, '$.role') FROM series WHERE node = 'web1'"),
      ElementsAre("node_memory_MemAvailable_bytes|web", "ronda_cpu_usage_percent|web", "up|web"));
}

TEST_F(SessionTest, TheOtherTables) {
  EXPECT_THAT(Ask("SELECT node, agent_version, json_extract(labels, '$.role'), "
                  "json_extract(sources, '$[0].up') FROM nodes"),
              ElementsAre("web1|0.1.0|web|1"));
  EXPECT_THAT(
      Ask("SELECT t_ms - now_ms(), node, rule, rule_group, from_state, to_state, value FROM "
          "alerts WHERE t_ms > ago('1m') AND node = 'web1'"),
      ElementsAre("-20000|web1|CpuBusy|host|pending|firing|97"));
  EXPECT_EQ(api_.alert_windows.back().first, kFolderEnd - 59'999);
  EXPECT_EQ(api_.asked_nodes.back(), "web1");
  EXPECT_THAT(Ask("SELECT rule, state, summary FROM active_alerts"),
              ElementsAre("CpuBusy|firing|CPU at 97 %"));
  EXPECT_THAT(Ask("SELECT node, to_ms - from_ms, cause, detail FROM gaps"),
              ElementsAre("web1|10000|network|cable"));
}

TEST_F(SessionTest, NoSilentReadingOfEverything) {
  EXPECT_THAT(Refused("SELECT count(*) FROM samples"),
              StatusIs(absl::StatusCode::kInvalidArgument, "ago('15m')"));
  EXPECT_THAT(Ask("SELECT count(*) FROM samples WHERE t_ms > 0"), ElementsAre("180"));
  EXPECT_EQ(Ask("SELECT metric FROM samples LIMIT 2").size(), 2U);
  EXPECT_EQ(api_.selects.size(), 1U) << "LIMIT ends the reading";
}

TEST_F(SessionTest, ASinkThatHasEnoughEndsTheReading) {
  Rows rows;
  rows.stop_after = 3;
  EXPECT_OK(Run("SELECT value FROM samples WHERE t_ms > 0", &rows));
  EXPECT_EQ(rows.rows.size(), 3U);
  EXPECT_EQ(api_.selects.size(), 1U);
}

TEST_F(SessionTest, OnlyReads) {
  for (const char* text :
       {"ATTACH 'x' AS y", "CREATE TABLE x(a)", "CREATE TEMP TABLE x(a)", "DELETE FROM samples",
        "INSERT INTO nodes(node) VALUES ('x')", "DROP TABLE samples", "PRAGMA temp_store = FILE",
        "VACUUM INTO 'x'", "BEGIN", "CREATE VIEW v AS SELECT 1"}) {
    const absl::Status status = Refused(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text << status;
  }
  EXPECT_FALSE(Refused("SELECT load_extension('x')").ok());
  EXPECT_EQ(Ask("PRAGMA table_info(gaps)").size(), 6U);
  EXPECT_FALSE(Ask("EXPLAIN QUERY PLAN SELECT * FROM samples WHERE metric = 'up'").empty());
}

TEST_F(SessionTest, ErrorsShowThePlace) {
  Rows rows;
  EXPECT_THAT(Run("SELECT 1;\nSELECT nonsense FROM samples", &rows),
              StatusIs(absl::StatusCode::kInvalidArgument, "2:8: no such column: nonsense"));
  EXPECT_THAT(rows.rows, ElementsAre("1")) << "the statement before has answered";
  EXPECT_THAT(Refused("SELECT * FROM sampel"),
              StatusIs(absl::StatusCode::kInvalidArgument, "no such table: sampel"));
  EXPECT_THAT(Refused("SELECT *\n  FORM samples"),
              StatusIs(absl::StatusCode::kInvalidArgument, "2:3: near \"FORM\""));
  EXPECT_THAT(Refused("SELECT ago('soon')"),
              StatusIs(absl::StatusCode::kInvalidArgument, "ago('15m')"));
  EXPECT_THAT(Refused("SELECT * FROM samples WHERE time > '2026-11-20T10:00'"),
              StatusIs(absl::StatusCode::kInvalidArgument, "'2026-11-20 10:00'"));
}

TEST_F(SessionTest, LimitsOfTimeAndMemory) {
  Rows rows;
  // The fake clock stands: a limit below zero is over at once.
  EXPECT_THAT(Run("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) "
                  "FROM c",
                  &rows, {.timeout_ms = -1}),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "--timeout"));
  EXPECT_THAT(Run("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 10000000) "
                  "SELECT x FROM c ORDER BY -x",
                  &rows, {.max_heap_bytes = 32 << 20}),
              StatusIs(absl::StatusCode::kResourceExhausted, "32 MiB"));
  EXPECT_OK(Run("SELECT 1", &rows));
}

TEST_F(SessionTest, SeveralStatements) {
  EXPECT_THAT(Ask("SELECT 1; -- one\nSELECT 2;\n ;"), ElementsAre("1", "2"));
  EXPECT_THAT(Ask(""), IsEmpty());
}

}  // namespace
}  // namespace ronda::sql
