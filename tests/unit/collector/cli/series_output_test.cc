#include "collector/cli/series_output.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "common/model/sample.h"

namespace ronda::cli {
namespace {

using query::SeriesData;

constexpr int64_t kT = 1'795'132'800'000;  // 2026-11-20T00:00:00Z
constexpr double kInf = std::numeric_limits<double>::infinity();

std::string Csv(const std::vector<SeriesData>& series) {
  std::string text;
  WriteCsv(series, absl::UTCTimeZone(), [&](std::string_view piece) {
    text += piece;
    return true;
  });
  return text;
}

std::string Json(const std::vector<SeriesData>& series, bool instant) {
  std::string text;
  WriteJson(series, instant, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  return text;
}

std::vector<SeriesData> TwoSeries() {
  return {{Labels::Of("m", {{"a", "x,y"}, {"node", "n1"}}),
           {"m", MetricType::kGauge, "bytes", ""},
           {kT, kT + 1000, kT + 2000},
           {0.1, std::nan(""), StaleMarker()}},
          {Labels::Of("m", {{"b", "say \"hi\""}, {"node", "n1"}}),
           {"m", MetricType::kGauge, "bytes", ""},
           {kT + 500, kT + 1500},
           {kInf, -kInf}}};
}

TEST(SeriesOutput, CsvHasARowASampleAndAColumnALabel) {
  EXPECT_EQ(Csv(TwoSeries()),
            "time,__name__,a,b,node,value\n"
            "2026-11-20T00:00:00.000Z,m,\"x,y\",,n1,0.1\n"
            "2026-11-20T00:00:01.000Z,m,\"x,y\",,n1,NaN\n"
            "2026-11-20T00:00:00.500Z,m,,\"say \"\"hi\"\"\",n1,+Inf\n"
            "2026-11-20T00:00:01.500Z,m,,\"say \"\"hi\"\"\",n1,-Inf\n");
  EXPECT_EQ(Csv({}), "time,value\n");
}

TEST(SeriesOutput, JsonIsPrometheusMatrixOrVector) {
  EXPECT_EQ(Json(TwoSeries(), false),
            "{\"resultType\":\"matrix\",\"result\":[\n"
            "{\"metric\":{\"__name__\":\"m\",\"a\":\"x,y\",\"node\":\"n1\"},\"values\":"
            "[[1795132800,\"0.1\"],[1795132801,\"NaN\"]]},\n"
            "{\"metric\":{\"__name__\":\"m\",\"b\":\"say \\\"hi\\\"\",\"node\":\"n1\"},\"values\":"
            "[[1795132800.5,\"+Inf\"],[1795132801.5,\"-Inf\"]]}\n"
            "]}\n");
  SeriesData one{Labels::Of("up"), {}, {kT}, {1}};
  EXPECT_EQ(Json({one}, true),
            "{\"resultType\":\"vector\",\"result\":[\n"
            "{\"metric\":{\"__name__\":\"up\"},\"value\":[1795132800,\"1\"]}\n"
            "]}\n");
  EXPECT_EQ(Json({}, false), "{\"resultType\":\"matrix\",\"result\":[]}\n");
}

TEST(SeriesOutput, EveryDoubleReadsBackToTheBit) {
  std::mt19937_64 random(20261120);
  SeriesData series{Labels::Of("m"), {}, {}, {}};
  for (double special :
       {0.0, -0.0, 0.1, 1e-320, 5e-324, 1.7976931348623157e308, 1e23, 3.0, 9007199254740993.0}) {
    series.values.push_back(special);
  }
  while (series.values.size() < 20'000) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) {
      series.values.push_back(value);
    }
  }
  for (size_t i = 0; i < series.values.size(); ++i) {
    series.t_ms.push_back(kT + static_cast<int64_t>(i));
  }
  const std::string csv = Csv({series});
  size_t row = csv.find('\n') + 1;
  for (double expected : series.values) {
    const size_t end = csv.find('\n', row);
    const std::string text = csv.substr(csv.rfind(',', end) + 1, end - csv.rfind(',', end) - 1);
    const double value = std::strtod(text.c_str(), nullptr);
    ASSERT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(expected)) << text;
    row = end + 1;
  }
  EXPECT_EQ(row, csv.size());
}

TEST(SeriesOutput, WritingStopsWhenTheReaderWentAway) {
  SeriesData series{Labels::Of("m"), {}, {}, {}};
  for (int i = 0; i < 100'000; ++i) {
    series.t_ms.push_back(kT + i);
    series.values.push_back(i);
  }
  int pieces = 0;
  WriteCsv({series}, absl::UTCTimeZone(), [&](std::string_view) {
    ++pieces;
    return false;
  });
  EXPECT_EQ(pieces, 1);
}

std::string Table(const std::vector<SeriesData>& series, bool instant) {
  Window window;
  window.instant = instant;
  return SeriesTable(series, window, kT + 2000, absl::UTCTimeZone(), Terminal());
}

TEST(SeriesOutput, AnInstantIsALineASeries) {
  const MetricInfo bytes{"m", MetricType::kGauge, "bytes", ""};
  EXPECT_EQ(Table({{Labels::Of("m", {{"node", "n1"}}), bytes, {kT}, {4.2e9}},
                   {Labels::Of("m", {{"node", "n2"}}), bytes, {kT + 1000}, {512}}},
                  true),
            "SERIES           VALUE  TIME                 AGE\n"
            "m{node=\"n1\"}  3.91 GiB  2026-11-20 00:00:00  2 s\n"
            "m{node=\"n2\"}     512 B  2026-11-20 00:00:01  1 s\n");
}

TEST(SeriesOutput, AWindowIsAColumnASeries) {
  const MetricInfo info{"m", MetricType::kGauge, "", ""};
  EXPECT_EQ(Table({{Labels::Of("m", {{"cpu", "0"}, {"node", "n1"}}), info, {kT, kT + 1000}, {1, 2}},
                   {Labels::Of("m", {{"cpu", "1"}, {"node", "n1"}}), info, {kT + 1000}, {3}}},
                  false),
            "m{node=\"n1\"}\n"
            "TIME                 {cpu=\"0\"}  {cpu=\"1\"}\n"
            "2026-11-20 00:00:00          1          -\n"
            "2026-11-20 00:00:01          2          3\n");
}

TEST(SeriesOutput, ManySeriesAreSummedUp) {
  std::vector<SeriesData> series;
  for (int i = 0; i < 9; ++i) {
    series.push_back({Labels::Of("m", {{"cpu", std::to_string(i)}}),
                      {"m", MetricType::kGauge, "", ""},
                      {kT, kT + 1000, kT + 2000},
                      {1, 3, StaleMarker()}});
  }
  const std::string table = Table(series, false);
  EXPECT_EQ(table.substr(0, table.find('\n')),
            "SERIES      SAMPLES  MIN  AVERAGE  MAX  LAST  LAST TIME");
  EXPECT_NE(table.find("m{cpu=\"8\"}        2    1        2    3     3  2026-11-20 00:00:01\n"),
            std::string::npos)
      << table;
}

}  // namespace
}  // namespace ronda::cli
