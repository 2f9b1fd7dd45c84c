#include "collector/cli/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "common/model/sample.h"

namespace ronda::cli {
namespace {

PlotOptions Options(int64_t to_ms) {
  PlotOptions options;
  options.width = 40;
  options.height = 8;
  options.utf8 = false;
  options.to_ms = to_ms;
  options.format_value = [](double v) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", v);
    return std::string(text);
  };
  options.format_time = [](int64_t t_ms) {
    char text[32];
    std::snprintf(text, sizeof(text), "%04d", static_cast<int>(t_ms / 1000));
    return std::string(text);
  };
  return options;
}

struct Data {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  PlotSeries Named(const char* name) const { return {name, t_ms, values}; }
};

// A value each second.
Data EachSecond(const std::vector<double>& values) {
  Data data;
  for (size_t i = 0; i < values.size(); ++i) {
    data.t_ms.push_back(static_cast<int64_t>(i) * 1000);
    data.values.push_back(values[i]);
  }
  return data;
}

Data Ramp() {
  std::vector<double> values;
  for (int i = 0; i <= 60; ++i) {
    values.push_back(i);
  }
  return EachSecond(values);
}

TEST(Plot, ARampInAscii) {
  const Data ramp = Ramp();
  EXPECT_EQ("\n" + DrawPlot({ramp.Named("ramp")}, Options(60'000)),
            R"(
60 +                                ****
   |                         *******
   |                  *******
   |           *******
   |    *******
 0 +****
   +------------------------------------
    0000     0020        0040       0060
    ramp
)");
}

TEST(Plot, ARampInBraille) {
  const Data ramp = Ramp();
  PlotOptions options = Options(60'000);
  options.utf8 = true;
  EXPECT_EQ("\n" + DrawPlot({ramp.Named("ramp")}, options), R"(
60 ┤                              ⣀⣀⠤⠔⠒⠉
   │                        ⣀⣀⠤⠒⠒⠉
   │                 ⢀⣀⡠⠤⠒⠊⠉
   │           ⢀⣀⡠⠔⠒⠊⠁
   │      ⣀⠤⠤⠒⠉⠁
 0 ┤⣀⠤⠔⠒⠉⠉
   └────────────────────────────────────
    0000     0020        0040       0060
    ramp
)");
}

TEST(Plot, GapsAreDrawnAsGaps) {
  // No sample from 20 s to 40 s; a marker at 50 s breaks the line too.
  Data data = EachSecond(std::vector<double>(61, 5.0));
  Data broken;
  for (size_t i = 0; i < data.t_ms.size(); ++i) {
    if (i < 20 || i > 40) {
      broken.t_ms.push_back(data.t_ms[i]);
      broken.values.push_back(i >= 50 && i < 55 ? StaleMarker() : 5.0);
    }
  }
  EXPECT_EQ("\n" + DrawPlot({broken.Named("flat")}, Options(60'000)), R"(
5.25 +
     |
     |***********            *****  ****
     |
     |
4.75 +
     +----------------------------------
      0000     0020       0040      0060
      flat
)");
}

TEST(Plot, SeveralSeriesHaveMarksAndALegend) {
  std::vector<double> down;
  for (int i = 0; i <= 60; ++i) {
    down.push_back(60 - i);
  }
  const Data a = Ramp();
  const Data b = EachSecond(down);
  EXPECT_EQ("\n" + DrawPlot({a.Named("up"), b.Named("down")}, Options(60'000)), R"(
60 +ooooo                           ****
   |    oooooooo             *******
   |           oooooooo******
   |           *******oooooooo
   |    *******              oooooooo
 0 +****                            oooo
   +------------------------------------
    0000     0020        0040       0060
    * up
    o down
)");
}

TEST(Plot, ColoursTellSeriesApart) {
  const Data a = Ramp();
  const Data b = EachSecond({1, 2, 3});
  PlotOptions options = Options(60'000);
  options.colour = true;
  options.utf8 = true;
  const std::string plot = DrawPlot({a.Named("a"), b.Named("b")}, options);
  EXPECT_NE(plot.find("\x1b[36m"), std::string::npos);
  EXPECT_NE(plot.find("\x1b[33m━━\x1b[0m b"), std::string::npos);
}

TEST(Plot, OddDataIsSurvived) {
  const Data none;
  const Data one = EachSecond({1e308});
  const Data odd = EachSecond({INFINITY, -INFINITY, NAN, StaleMarker()});
  const Data huge = EachSecond({-1e308, 1e308, 0});
  for (const Data* data : {&none, &one, &odd, &huge}) {
    for (bool utf8 : {false, true}) {
      PlotOptions options = Options(3000);
      options.utf8 = utf8;
      EXPECT_NE(DrawPlot({data->Named("odd")}, options).find("odd"), std::string::npos);
    }
  }
  EXPECT_NE(DrawPlot({}, Options(0)), "");
}

TEST(Plot, NoLineIsWiderThanAsked) {
  const Data ramp = Ramp();
  for (int width = 30; width < 200; width += 7) {
    PlotOptions options = Options(60'000);
    options.width = width;
    const std::string plot = DrawPlot({ramp.Named("r")}, options);
    size_t begin = 0;
    for (size_t end; (end = plot.find('\n', begin)) != std::string::npos; begin = end + 1) {
      EXPECT_LE(end - begin, static_cast<size_t>(width));
    }
  }
}

}  // namespace
}  // namespace ronda::cli
