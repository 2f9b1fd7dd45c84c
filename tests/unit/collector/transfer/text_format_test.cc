#include "collector/transfer/text_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::transfer {
namespace {

using testing::HasSubstr;

constexpr int64_t kT = 1'795'132'800'250;
const auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<Line> Parse(Format format, std::string_view text, bool seconds = false) {
  Line line;
  RONDA_RETURN_IF_ERROR(ParseLine(format, text, seconds, &line));
  return line;
}

// Written and read back.
double Again(Format format, double value) {
  std::string text;
  AppendSample(format, "x{a=\"b\"}", kT, value, &text);
  text.pop_back();
  const absl::StatusOr<Line> line = Parse(format, text);
  EXPECT_OK(line) << text;
  EXPECT_EQ(line->kind, LineKind::kSample) << text;
  EXPECT_EQ(line->t_ms, kT);
  EXPECT_EQ(line->series, "x{a=\"b\"}");
  return line->value;
}

TEST(TextFormatTest, WritesBothForms) {
  std::string text;
  const Labels labels = Labels::Of("up", {{"job", "no\"d\\e\n"}});
  AppendSample(Format::kPrometheus, SeriesText(Format::kPrometheus, labels), kT, 0.1, &text);
  AppendSample(Format::kCsv, SeriesText(Format::kCsv, labels), kT, -1e300, &text);
  AppendSample(Format::kPrometheus, "up", kT, StaleMarker(), &text);
  AppendSample(Format::kCsv, "up", kT, StaleMarker(), &text);
  EXPECT_EQ(text,
            "up{job=\"no\\\"d\\\\e\\n\"} 0.1 1795132800250\n"
            "1795132800250,-1e+300,\"up{job=\"\"no\\\"\"d\\\\e\\n\"\"}\"\n"
            "# ENDED up 1795132800250\n"
            "1795132800250,stale,up\n");
  text.clear();
  AppendMetric(Format::kPrometheus, {"up", MetricType::kUnknown, "s", "a\\b\nc"}, &text);
  AppendMetric(Format::kCsv, {"up", MetricType::kGauge, "s", "a"}, &text);
  EXPECT_EQ(text, "# HELP up a\\\\b\\nc\n# TYPE up untyped\n# UNIT up s\n");
}

TEST(TextFormatTest, EveryBitOfADoubleComesBack) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random();
    const auto value = std::bit_cast<double>(bits);
    ASSERT_EQ(std::bit_cast<uint64_t>(Again(Format::kCsv, value)), bits);
    if (!std::isnan(value)) {
      ASSERT_EQ(std::bit_cast<uint64_t>(Again(Format::kPrometheus, value)), bits);
    }
  }
  for (const double value :
       {0.0, -0.0, std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::denorm_min(),
        std::numeric_limits<double>::max(), std::numeric_limits<double>::quiet_NaN(),
        StaleMarker()}) {
    for (const Format format : {Format::kCsv, Format::kPrometheus}) {
      EXPECT_EQ(std::bit_cast<uint64_t>(Again(format, value)), std::bit_cast<uint64_t>(value));
    }
  }
  EXPECT_TRUE(std::isnan(Again(Format::kPrometheus, std::bit_cast<double>(0x7ff8000000000001))));
}

TEST(TextFormatTest, ReadsWhatOthersWrite) {
  const auto value = [](std::string_view text) {
    const absl::StatusOr<Line> line = Parse(Format::kPrometheus, text);
    EXPECT_OK(line) << text;
    return line.ok() ? line->value : -1;
  };
  EXPECT_EQ(value("up 1 1795132800250"), 1);
  EXPECT_EQ(
      value(
          "  http_requests_total { code = \"200\" , path=\"/a } b\" } \t 1.5e+06 1795132800250 \r"),
      1.5e6);
  EXPECT_EQ(value("x +Inf 1795132800250"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(value("x -inf 1795132800250"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(value("x_bucket{le=\"0.5\"} 3 1795132800.250 # {trace_id=\"a\"} 0.3"), 3);
  EXPECT_EQ(Parse(Format::kPrometheus, "x 3 1795132800.250")->t_ms, kT);
  EXPECT_EQ(Parse(Format::kPrometheus, "x 3 1795132800", true)->t_ms, 1'795'132'800'000);
  EXPECT_EQ(Parse(Format::kPrometheus, "# EOF")->kind, LineKind::kNothing);
  EXPECT_EQ(Parse(Format::kPrometheus, "# a comment {")->kind, LineKind::kNothing);
  EXPECT_EQ(Parse(Format::kPrometheus, "")->kind, LineKind::kNothing);
  const absl::StatusOr<Line> help = Parse(Format::kPrometheus, "# HELP up Is it there? ");
  EXPECT_EQ(help->kind, LineKind::kHelp);
  EXPECT_EQ(help->name, "up");
  EXPECT_EQ(help->text, "Is it there?");
  EXPECT_EQ(ParseType("counter"), MetricType::kCounter);
  EXPECT_EQ(ParseType("histogram"), MetricType::kUnknown);
  EXPECT_EQ(Unescape("a\\\\b\\nc"), "a\\b\nc");
  EXPECT_EQ(Parse(Format::kCsv, "time_ms,value,series\r")->kind, LineKind::kNothing);
  EXPECT_EQ(DetectFormat("time_ms,value,series\r"), Format::kCsv);
  EXPECT_EQ(DetectFormat("# HELP up"), Format::kPrometheus);
}

TEST(TextFormatTest, BadLinesSayWhatIsWrong) {
  const auto bad = [](Format format, std::string_view text, std::string_view why) {
    EXPECT_THAT(Parse(format, text), StatusIs(kInvalid, std::string(why))) << text;
  };
  bad(Format::kPrometheus, "up 1", "no time after the value");
  bad(Format::kPrometheus, "up", "no value after the series");
  bad(Format::kPrometheus, "up one 1795132800250", "\"one\" is no number");
  bad(Format::kPrometheus, "up 1e999 1795132800250", "is no number");
  bad(Format::kPrometheus, "up +-1 1795132800250", "is no number");
  bad(Format::kPrometheus, "up nan(2) 1795132800250", "is no number");
  bad(Format::kPrometheus, "up{a=\"b 1 1795132800250", "not closed");
  bad(Format::kPrometheus, "up 1 1795132800", "--seconds");
  bad(Format::kPrometheus, "up 1 0", "outside the years");
  bad(Format::kPrometheus, "up 1 -5", "outside the years");
  bad(Format::kPrometheus, "up 1 999999999999999", "outside the years");
  bad(Format::kPrometheus, "up 1 soon", "\"soon\" is no number");
  bad(Format::kPrometheus, "up 1 1795132800250 more", "after the time");
  bad(Format::kPrometheus, "# TYPE \xff gauge", "no name of a metric");
  bad(Format::kCsv, "1795132800250,1", "3 columns");
  bad(Format::kCsv, "1795132800250,1,", "3 columns");
  bad(Format::kCsv, "1795132800250,,up", "is no number");
  bad(Format::kCsv, "1795132800250,NaN:3ff8000000000001,up", "is no number");
  bad(Format::kCsv, "1795132800250,NaN:7ff8,up", "is no number");
}

TEST(TextFormatTest, SeriesAreChecked) {
  EXPECT_EQ(*ParseSeries(Format::kPrometheus, "up"), Labels::Of("up"));
  EXPECT_EQ(*ParseSeries(Format::kPrometheus, "up {b = \"x\\\"\\\\\\n\",a=\"\",}"),
            Labels::Of("up", {{"b", "x\"\\\n"}}));
  EXPECT_EQ(*ParseSeries(Format::kCsv, "\"up{a=\"\"b\"\"}\""), Labels::Of("up", {{"a", "b"}}));
  // As Prometheus 3 writes names that are not plain.
  EXPECT_EQ(*ParseSeries(Format::kPrometheus, R"({"http.\"status", a="b"})"),
            Labels::Of("http.\"status", {{"a", "b"}}));
  EXPECT_EQ(*ParseSeries(Format::kPrometheus, R"(up{"größe cm" = "1"})"),
            Labels::Of("up", {{"größe cm", "1"}}));
  const auto bad = [](Format format, std::string_view text, std::string_view why) {
    EXPECT_THAT(ParseSeries(format, text), StatusIs(kInvalid, std::string(why))) << text;
  };
  bad(Format::kPrometheus, "{a=\"b\"}", "no name of a metric");
  bad(Format::kPrometheus, "9up", "no name of a metric");
  bad(Format::kPrometheus, R"(up{"down"})", "twice");
  bad(Format::kPrometheus, R"({"up","down"})", "twice");
  bad(Format::kPrometheus, R"({""})", "no name of a metric");
  bad(Format::kPrometheus, R"(up{""="b"})", "no name of a label");
  bad(Format::kPrometheus, R"(up{"__x"="b"})", "reserved");
  bad(Format::kPrometheus, R"(up{"a" "b"})", "'=' is expected");
  bad(Format::kPrometheus, "up{a=b}", "double quotes");
  bad(Format::kPrometheus, "up{a=\"b\" c=\"d\"}", "',' is expected");
  bad(Format::kPrometheus, "up{a=\"b\",a=\"c\"}", "twice");
  bad(Format::kPrometheus, "up{__name__=\"b\"}", "reserved");
  bad(Format::kPrometheus, "up{a-b=\"c\"}", "no name of a label");
  bad(Format::kPrometheus, "up{a=\"\\x\"}", "escape");
  bad(Format::kPrometheus, "up{a=\"\xff\"}", "UTF-8");
  bad(Format::kPrometheus, "up{a=\"" + std::string(1025, 'x') + "\"}", "1025 bytes, 1024");
  bad(Format::kPrometheus, "up{node=\"" + std::string(254, 'x') + "\"}", "254 bytes, 253");
  bad(Format::kCsv, "\"up", "not closed");
  bad(Format::kCsv, "\"up\"x", "after the quoted");
}

}  // namespace
}  // namespace ronda::transfer
