// Values go to a grid of dots: with braille each character holds 2 x 4 of them, with marks one.
// Between two points of a line the dots in between are filled in (Bresenham 1965).
#include "collector/cli/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "collector/cli/report.h"

namespace ronda::cli {
namespace {

constexpr const char* kColours[kMaxPlotSeries] = {"36", "33", "35", "32", "31", "34", "96", "93"};
constexpr std::string_view kMarks[kMaxPlotSeries] = {"●", "○", "■", "□", "▲", "△", "◆", "◇"};
constexpr std::string_view kAsciiMarks[kMaxPlotSeries] = {"*", "o", "+", "x", "#", "@", "%", "&"};

// The distance above which points are not connected, by the usual one of the series.
constexpr int64_t kGapFactor = 4;

struct Range {
  double low = 0;
  double high = 1;
};

Range ValueRange(const std::vector<PlotSeries>& series) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const PlotSeries& s : series) {
    for (double v : s.values) {
      if (std::isfinite(v)) {
        low = std::min(low, v);
        high = std::max(high, v);
      }
    }
  }
  if (low > high) {
    return {};
  }
  if (low == high) {
    const double margin = low == 0 ? 1 : std::fabs(low) * 0.05;
    return {low - margin, high + margin};
  }
  // Near zero the axis starts there: a level is easier to judge from its foot.
  if (low > 0 && low < 0.3 * high) {
    low = 0;
  }
  return {low, high};
}

// The character grid. `dots` is a bit per braille dot; `owner` the series that drew last.
class Canvas {
 public:
  Canvas(int columns, int rows, bool braille)
      : columns_(columns),
        rows_(rows),
        dots_x_(braille ? 2 : 1),
        dots_y_(braille ? 4 : 1),
        dots_(static_cast<size_t>(columns * rows)),
        owner_(dots_.size(), -1) {}

  int width() const { return columns_ * dots_x_; }
  int height() const { return rows_ * dots_y_; }

  // From the left and from the bottom.
  void Set(int x, int y, int series) {
    if (x < 0 || y < 0 || x >= width() || y >= height()) {
      return;
    }
    const int from_top = height() - 1 - y;
    const auto cell = static_cast<size_t>(from_top / dots_y_ * columns_ + x / dots_x_);
    // Unicode 15, block U+2800: the bits of the dots, left and right column, from the top.
    static constexpr uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    dots_[cell] |= kBits[from_top % dots_y_][x % dots_x_];
    owner_[cell] = series;
  }

  void Line(int x0, int y0, int x1, int y1, int series) {
    const int dx = std::abs(x1 - x0);
    const int dy = -std::abs(y1 - y0);
    const int sx = x0 < x1 ? 1 : -1;
    const int sy = y0 < y1 ? 1 : -1;
    int error = dx + dy;
    Set(x0, y0, series);
    while (x0 != x1 || y0 != y1) {
      const int twice = 2 * error;
      if (twice >= dy) {
        error += dy;
        x0 += sx;
      }
      if (twice <= dx) {
        error += dx;
        y0 += sy;
      }
      Set(x0, y0, series);
    }
  }

  uint8_t dots(int row, int column) const { return dots_[Index(row, column)]; }
  int owner(int row, int column) const { return owner_[Index(row, column)]; }

 private:
  size_t Index(int row, int column) const { return static_cast<size_t>(row * columns_ + column); }

  int columns_;
  int rows_;
  int dots_x_;
  int dots_y_;
  std::vector<uint8_t> dots_;
  std::vector<int> owner_;
};

int64_t UsualDistance(std::span<const int64_t> t_ms) {
  std::vector<int64_t> distances;
  for (size_t i = 1; i < t_ms.size(); ++i) {
    distances.push_back(t_ms[i] - t_ms[i - 1]);
  }
  if (distances.empty()) {
    return 0;
  }
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle;
}

void DrawSeries(const PlotSeries& series, int number, const PlotOptions& options,
                const Range& range, Canvas* canvas) {
  const int64_t usual_ms = UsualDistance(series.t_ms);
  const double length_ms =
      static_cast<double>(std::max<int64_t>(options.to_ms - options.from_ms, 1));
  bool connected = false;
  int last_x = 0;
  int last_y = 0;
  for (size_t i = 0; i < series.t_ms.size(); ++i) {
    const double v = series.values[i];
    if (!std::isfinite(v)) {
      connected = false;
      continue;
    }
    const double fx = static_cast<double>(series.t_ms[i] - options.from_ms) / length_ms;
    const double fy = (v - range.low) / (range.high - range.low);
    const int x = static_cast<int>(std::lround(fx * (canvas->width() - 1)));
    const int y = static_cast<int>(std::lround(fy * (canvas->height() - 1)));
    if (connected && series.t_ms[i] - series.t_ms[i - 1] <= kGapFactor * usual_ms) {
      canvas->Line(last_x, last_y, x, y, number);
    } else {
      canvas->Set(x, y, number);
    }
    connected = true;
    last_x = x;
    last_y = y;
  }
}

// A label every four lines, and at the foot.
std::vector<std::string> ValueLabels(int rows, const Range& range, const PlotOptions& options) {
  std::vector<std::string> labels(static_cast<size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    if (row % 4 == 0 || row == rows - 1) {
      const double part = rows > 1 ? static_cast<double>(rows - 1 - row) / (rows - 1) : 0;
      labels[static_cast<size_t>(row)] =
          options.format_value(range.low + part * (range.high - range.low));
    }
  }
  // Two neighbours at the foot would read as one step.
  if (rows > 1 && (rows - 1) % 4 == 1) {
    labels[static_cast<size_t>(rows - 2)].clear();
  }
  return labels;
}

std::string CellText(const Canvas& canvas, int row, int column, bool braille,
                     const PlotOptions& options, bool several) {
  const uint8_t dots = canvas.dots(row, column);
  if (dots == 0) {
    return " ";
  }
  const auto owner = static_cast<size_t>(canvas.owner(row, column));
  std::string text;
  if (braille) {
    // U+2800 + dots in UTF-8.
    text = {static_cast<char>(0xe2), static_cast<char>(0xa0 | (dots >> 6)),
            static_cast<char>(0x80 | (dots & 0x3f))};
  } else {
    text = options.utf8 ? kMarks[owner] : kAsciiMarks[owner];
  }
  return options.colour && several ? fmt::format("\x1b[{}m{}\x1b[0m", kColours[owner], text) : text;
}

std::string TimeAxis(int margin, int columns, const PlotOptions& options) {
  const std::string first = options.format_time(options.from_ms);
  const int label = static_cast<int>(DisplayWidth(first));
  // As many labels as fit with room between them, both ends included.
  const int count = std::max(2, std::min(6, columns / (label + 6) + 1));
  std::string line(static_cast<size_t>(margin), ' ');
  int at = 0;
  for (int i = 0; i < count; ++i) {
    const int64_t t_ms = options.from_ms + (options.to_ms - options.from_ms) * i / (count - 1);
    const int centre = (columns - 1) * i / (count - 1);
    const int begin = std::clamp(centre - label / 2, 0, std::max(columns - label, 0));
    if (i > 0 && begin <= at) {
      continue;
    }
    line.append(static_cast<size_t>(begin - at), ' ');
    line += options.format_time(t_ms);
    at = begin + label;
  }
  return line + "\n";
}

}  // namespace

std::string DrawPlot(const std::vector<PlotSeries>& series, const PlotOptions& options) {
  const bool several = series.size() > 1;
  const bool braille = options.utf8 && (!several || options.colour);
  const Range range = ValueRange(series);
  const int rows = std::max(options.height, 5) - 2;
  const std::vector<std::string> labels = ValueLabels(rows, range, options);
  size_t label_width = 0;
  for (const std::string& label : labels) {
    label_width = std::max(label_width, DisplayWidth(label));
  }
  const int margin = static_cast<int>(label_width) + 2;
  const int columns = std::max(std::max(options.width, 30) - margin, 10);
  Canvas canvas(columns, rows, braille);
  const size_t shown = std::min(series.size(), kMaxPlotSeries);
  for (size_t i = 0; i < shown; ++i) {
    DrawSeries(series[i], static_cast<int>(i), options, range, &canvas);
  }
  std::string out;
  for (int row = 0; row < rows; ++row) {
    const std::string& label = labels[static_cast<size_t>(row)];
    out.append(label_width - DisplayWidth(label), ' ');
    out += label;
    out += label.empty() ? (options.utf8 ? " │" : " |") : (options.utf8 ? " ┤" : " +");
    std::string line;
    for (int column = 0; column < columns; ++column) {
      line += CellText(canvas, row, column, braille, options, several);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  out.append(label_width + 1, ' ');
  out += options.utf8 ? "└" : "+";
  for (int column = 0; column < columns; ++column) {
    out += options.utf8 ? "─" : "-";
  }
  out += "\n" + TimeAxis(margin, columns, options);
  for (size_t i = 0; i < shown; ++i) {
    std::string mark(several ? (options.utf8 ? kMarks[i] : kAsciiMarks[i]) : "");
    if (braille && several) {
      mark = fmt::format("\x1b[{}m━━\x1b[0m", kColours[i]);
    }
    out += fmt::format("{}{}{}{}\n", std::string(static_cast<size_t>(margin), ' '), mark,
                       mark.empty() ? "" : " ", series[i].name);
  }
  return out;
}

}  // namespace ronda::cli
