#include "collector/cli/report.h"

#include <gtest/gtest.h>

#include <vector>

namespace ronda::cli {
namespace {

TEST(Report, CsvFieldsAreQuotedWhereRfc4180AsksForIt) {
  EXPECT_EQ(CsvField("plain"), "plain");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(CsvField("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(CsvField("cr\rhere"), "\"cr\rhere\"");
  EXPECT_EQ(CsvField(""), "");
}

TEST(Report, JsonStringsAreEscapedAndValidUtf8) {
  EXPECT_EQ(JsonString("a\"b\\c\nd\x01"), "\"a\\\"b\\\\c\\nd\\u0001\"");
  EXPECT_EQ(JsonString("Büro ☕"), "\"Büro ☕\"");
  EXPECT_EQ(JsonString("bad \xff\xc0\xaf"), "\"bad \\ufffd\\ufffd\\ufffd\"");
  EXPECT_EQ(JsonString("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"") << "a surrogate";
  EXPECT_EQ(JsonString("cut \xe2\x98"), "\"cut \\ufffd\\ufffd\"");
}

TEST(Report, NoControlCharacterReachesTheTerminal) {
  EXPECT_EQ(Cell::Text("a\x1b[31mb\x07\xc2\x9b").text, "a?[31mb??");
  EXPECT_EQ(Cell::Text("two\nlines\tof").text, "two lines of");
  EXPECT_EQ(Cell::Text("a\x1b").raw, "a\x1b");
}

Report Sample() {
  Report report({{"NODE", "node"}, {"AGE", "age_ms", true}, {"SUMMARY", "summary"}});
  report.Add({Cell::Text("web1", Colour::kBad), Cell::Number(1500, "1.50 s"),
              Cell::Text("all \"fine\", so far")});
  report.Add({Cell::Text("büro"), Cell::None(), Cell::Text("")});
  return report;
}

TEST(Report, Table) {
  EXPECT_EQ(Sample().ToTable(false),
            "NODE     AGE  SUMMARY\n"
            "web1  1.50 s  all \"fine\", so far\n"
            "büro       -  \n");
}

TEST(Report, ColoursDoNotMoveTheColumns) {
  EXPECT_NE(Sample().ToTable(true).find("\x1b[31mweb1\x1b[0m  1.50 s"), std::string::npos);
}

TEST(Report, Csv) {
  EXPECT_EQ(Sample().ToCsv(),
            "node,age_ms,summary\n"
            "web1,1500,\"all \"\"fine\"\", so far\"\n"
            "büro,,\n");
}

TEST(Report, Json) {
  EXPECT_EQ(Sample().ToJson(),
            "[\n"
            " {\"node\":\"web1\",\"age_ms\":1500,\"summary\":\"all \\\"fine\\\", so far\"},\n"
            " {\"node\":\"büro\",\"age_ms\":null,\"summary\":\"\"}\n"
            "]\n");
  EXPECT_EQ(Report(std::vector<Column>{{"A", "a"}}).ToJson(), "[]\n");
}

}  // namespace
}  // namespace ronda::cli
