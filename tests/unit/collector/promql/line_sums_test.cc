#include "collector/promql/eval/line_sums.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "collector/promql/eval/window_functions.h"

namespace ronda::promql {
namespace {

struct Columns {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

// A walk far from zero, as free bytes of a disk are, with stretches in which nothing changes.
Columns Walk(size_t size, double start, double step, std::mt19937* random) {
  std::uniform_real_distribution<> draw(0, 1);
  Columns out;
  int64_t t_ms = 1'795'132'800'123;
  double value = start;
  bool moves = true;
  for (size_t i = 0; i < size; ++i) {
    moves = draw(*random) < 0.002 ? !moves : moves;
    value += moves ? (draw(*random) - 0.5) * step : 0;
    t_ms += draw(*random) < 0.02 ? static_cast<int64_t>(draw(*random) * 90'000) + 1 : 1000;
    out.t_ms.push_back(t_ms);
    out.values.push_back(value);
  }
  return out;
}

// Least squares without any cleverness, in more digits.
FittedLine Truth(const Columns& data, size_t begin, size_t end, int64_t zero_ms) {
  using Wide = __float128;
  Wide x = 0, y = 0, xy = 0, xx = 0;
  for (size_t i = begin; i < end; ++i) {
    const Wide at = static_cast<Wide>(data.t_ms[i] - zero_ms) / 1000;
    x += at;
    y += data.values[i];
    xy += at * data.values[i];
    xx += at * at;
  }
  const Wide n = static_cast<Wide>(end - begin);
  const Wide slope = (xy - x * y / n) / (xx - x * x / n);
  return {static_cast<double>(slope), static_cast<double>(y / n - slope * x / n)};
}

// Windows of all lengths, over series of all scales: as the formula of one window, and as the
// truth.
TEST(LineSumsTest, IsTheLineOfEachWindow) {
  const auto seed = static_cast<uint32_t>(std::random_device()());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const WindowFunction deriv = FindWindowFunction(FunctionId::kDeriv);
  const WindowFunction predict = FindWindowFunction(FunctionId::kPredictLinear);
  size_t checked = 0;
  for (const auto& [start, step] :
       {std::pair(0.0, 1.0), {1e11, 4096.0}, {-1e15, 1e3}, {1e-3, 1e-6}}) {
    const Columns data = Walk(12'000, start, step, &random);
    LineSums sums;
    sums.Reset(data.t_ms, data.values);
    const size_t length = 512 + random() % 3000;
    size_t begin = random() % 100;
    size_t end = begin;
    while (end < data.values.size()) {
      end = std::min(std::max(end, begin + length / 2 + random() % length), data.values.size());
      const int64_t zero_ms = data.t_ms[end - 1] + static_cast<int64_t>(random() % 60'000);
      const std::optional<FittedLine> line = sums.Fit(begin, end, zero_ms);
      ASSERT_TRUE(line.has_value());
      const FittedLine truth = Truth(data, begin, end, zero_ms);
      const double span = static_cast<double>(data.t_ms[end - 1] - data.t_ms[begin]) / 1000;
      double most = 0;
      for (size_t i = begin; i < end; ++i) {
        most = std::max(most, std::fabs(data.values[i]));
      }
      EXPECT_NEAR(line->slope, truth.slope, 1e-12 * (std::fabs(truth.slope) + most / span));
      EXPECT_NEAR(line->at_zero, truth.at_zero, 1e-12 * most);
      const WindowSamples window{std::span(data.t_ms).subspan(begin, end - begin),
                                 std::span(data.values).subspan(begin, end - begin),
                                 data.t_ms[begin] - 1,
                                 zero_ms,
                                 zero_ms,
                                 {},
                                 begin};
      const std::vector<double> day = {86'400};
      EXPECT_NEAR(line->slope, *deriv(window, {}), 1e-9 * (std::fabs(truth.slope) + most / span));
      EXPECT_NEAR(line->slope * day[0] + line->at_zero, *predict(window, day),
                  1e-9 * (most + std::fabs(truth.slope * day[0])));
      ++checked;
      begin = std::min(begin + random() % 700, end - 2);
    }
  }
  EXPECT_GT(checked, 40U);
}

TEST(LineSumsTest, AConstantHasNoSlopeAtAll) {
  Columns data = {{}, std::vector<double>(2000, 0.1)};
  for (int64_t i = 0; i < 2000; ++i) {
    data.t_ms.push_back(i * 1000);
  }
  data.values[500] = 7;
  LineSums sums;
  sums.Reset(data.t_ms, data.values);
  EXPECT_NE(sums.Fit(0, 600, 0)->slope, 0);
  EXPECT_NE(sums.Fit(500, 1100, 0)->slope, 0);
  const std::optional<FittedLine> line = sums.Fit(501, 1101, 0);
  EXPECT_EQ(line->slope, 0);
  EXPECT_EQ(line->at_zero, 0.1);
}

TEST(LineSumsTest, LeavesWhatIsNotFiniteToOthers) {
  Columns data = {{}, std::vector<double>(1000, 1)};
  for (int64_t i = 0; i < 1000; ++i) {
    data.t_ms.push_back(i * 1000);
  }
  LineSums sums;
  for (const double value : {std::numeric_limits<double>::quiet_NaN(),
                             -std::numeric_limits<double>::infinity(), 1e300}) {
    data.values[999] = value;
    sums.Reset(data.t_ms, data.values);
    EXPECT_FALSE(sums.Fit(0, 600, 0).has_value());
  }
  data.values[999] = 1;
  sums.Reset(data.t_ms, data.values);
  EXPECT_TRUE(sums.Fit(0, 600, 0).has_value());
}

}  // namespace
}  // namespace ronda::promql
