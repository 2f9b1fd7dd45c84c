#include "collector/query/gap_series.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collector/query/local_api.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/query/sample_folder.h"

namespace ronda::query {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kT = kFolderEnd;

class GapSeriesTest : public testing::Test {
 protected:
  // "labels: time times ... " relative to kT, in seconds; a marker is "end TIME".
  std::vector<std::string> Select(const std::vector<Matcher>& matchers, int64_t from_s,
                                  int64_t to_s) {
    const WithGaps data(
        folder_.store(), [this](int64_t, int64_t) { return gaps_; }, kT);
    std::vector<std::string> out;
    EXPECT_OK(data.Select(matchers, kT + from_s * 1000, kT + to_s * 1000,
                          [&](const store::SeriesView& view) {
                            std::string line = view.labels.ToString() + ":";
                            for (size_t i = 0; i < view.t_ms.size(); ++i) {
                              line += fmt::format("{} {}", IsStale(view.values[i]) ? " end" : "",
                                                  (view.t_ms[i] - kT) / 1000);
                            }
                            out.push_back(line);
                            return true;
                          }));
    return out;
  }
  void Add(int64_t from_s, int64_t to_s, const std::string& cause, const std::string& group = "") {
    gaps_.push_back(
        {"web1", kT + from_s * 1000, to_s == 0 ? 0 : kT + to_s * 1000, group, cause, ""});
  }

  const std::vector<Matcher> all_ = {Matcher::Equal("__name__", "ronda_gap")};
  TempDir dir_;
  SampleFolder folder_{dir_.path()};
  std::vector<Gap> gaps_;
};

TEST_F(GapSeriesTest, IsOneFromBeginToEnd) {
  Add(-100, -60, "network");
  Add(-70, -50, "network");  // they overlap
  Add(-30, -20, "network");
  Add(-20, 0, "agent stopped");
  Add(-90, -80, "agent stalled", "postgres/a");
  Add(-90, -80, "late");
  EXPECT_THAT(Select(all_, -1000, 10),
              ElementsAre("ronda_gap{cause=\"agent stalled\",group=\"postgres/a\",node=\"web1\","
                          "role=\"web\"}: -90 end -80",
                          "ronda_gap{cause=\"agent stopped\",node=\"web1\",role=\"web\"}: -20 -5",
                          "ronda_gap{cause=\"network\",node=\"web1\",role=\"web\"}: -100 -85 -70 "
                          "-55 end -50 -30 end -20"));
  EXPECT_THAT(Select({all_[0], Matcher::Equal("cause", "network")}, -80, -60),
              ElementsAre("ronda_gap{cause=\"network\",node=\"web1\",role=\"web\"}: -70"));
  EXPECT_THAT(Select({all_[0], Matcher::Equal("node", "web2")}, -1000, 0), IsEmpty());
  EXPECT_EQ(Select({Matcher::Equal("__name__", "up")}, -1000, 0).size(), 1u) << "the store's";
}

TEST_F(GapSeriesTest, ExpressionsAndChartsSeeIt) {
  LocalApi api(folder_.store(), nullptr, folder_.clock(), {dir_.path(), {}});
  const int64_t begin = kFolderEnd - 3'600'000;  // the folder's gap of 10 s
  const auto count = [&](const std::string& expr, int64_t t_ms) {
    const auto result = api.Evaluate({expr, 0, t_ms, 0}, nullptr);
    EXPECT_OK(result);
    return result.ok() ? result->series.size() : 999;
  };
  EXPECT_EQ(count("ronda_gap", begin + 5000), 1u);
  EXPECT_EQ(count("ronda_gap{cause=\"network\"} == 1", begin + 9999), 1u);
  EXPECT_EQ(count("ronda_gap", begin - 1), 0u);
  EXPECT_EQ(count("ronda_gap", begin + 10'000), 0u);
  EXPECT_EQ(count("max_over_time(ronda_gap[1h])", begin + 3'000'000), 1u);
  EXPECT_EQ(count("up unless on (node) ronda_gap", kFolderEnd), 1u);
  ASSERT_OK_AND_ASSIGN(const EvalResult range,
                       api.Evaluate({"ronda_gap", begin - 5000, begin + 20'000, 5000}, nullptr));
  ASSERT_EQ(range.series.size(), 1u);
  EXPECT_THAT(range.series[0].t_ms, ElementsAre(begin, begin + 5000));
  EXPECT_EQ(api.Series(all_, begin, begin)->size(), 1u);
  EXPECT_THAT(*api.LabelValues("cause", all_, 0, kFolderEnd), ElementsAre("network"));
  EXPECT_THAT(*api.LabelValues("", all_, 0, kFolderEnd),
              ElementsAre("__name__", "cause", "node", "role"));
  EXPECT_TRUE(api.Metrics("gap", true)->empty()) << "an export goes by these";
  int selected = 0;
  EXPECT_OK(api.Select({all_, 0, kFolderEnd}, [&](const SeriesData&) { return ++selected > 0; }));
  EXPECT_EQ(selected, 1);
  // What asks for many names has what is stored alone, so that an export can be imported again.
  EXPECT_OK(
      api.Select({{Matcher::Equal("node", "web1")}, 0, kFolderEnd}, [&](const SeriesData& series) {
        EXPECT_NE(series.labels.Get("__name__"), "ronda_gap");
        return true;
      }));
}

}  // namespace
}  // namespace ronda::query
