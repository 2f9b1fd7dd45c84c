// Series drawn with characters.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ronda::cli {

struct PlotSeries {
  std::string name;               // in the legend
  std::span<const int64_t> t_ms;  // ascending
  std::span<const double>
      values;  // a staleness marker or NaN breaks the line, as does a long pause
};

struct PlotOptions {
  int width = 80;   // in characters, axis included; at least 30
  int height = 20;  // in lines, axis included, legend not; at least 5
  bool utf8 = true;
  bool colour = false;
  int64_t from_ms = 0;  // the window
  int64_t to_ms = 0;
  std::function<std::string(double)> format_value;
  std::function<std::string(int64_t)> format_time;  // of equal width for all times
};

// More series are not told apart; callers leave them out and say so.
inline constexpr size_t kMaxPlotSeries = 8;

// One series: braille dots (2 x 4 a character) in UTF-8, '*' else. Several: braille in colours
// where there are some, else a mark for each. Points further apart than 4 times the usual distance
// of their series are not connected. Infinite values are left out.
std::string DrawPlot(const std::vector<PlotSeries>& series, const PlotOptions& options);

}  // namespace ronda::cli
