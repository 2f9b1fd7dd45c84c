// Any lines give samples or an error; a sample that was read is written and read again as the same.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/transfer/text_format.h"
#include "common/base/check.h"

namespace {

using ronda::transfer::Format;

void Take(Format format, std::string_view text) {
  ronda::transfer::Line line;
  if (!ParseLine(format, text, false, &line).ok() ||
      line.kind != ronda::transfer::LineKind::kSample) {
    return;
  }
  const auto labels = ParseSeries(format, line.series);
  if (!labels.ok()) {
    return;
  }
  const std::string series = SeriesText(format, *labels);
  std::string written;
  AppendSample(format, series, line.t_ms, line.value, &written);
  written.pop_back();
  ronda::transfer::Line again;
  // A time below 1973 came with a point, which the text written has not.
  if (line.t_ms < 100'000'000'000) {
    return;
  }
  RONDA_CHECK(ParseLine(format, written, false, &again).ok());
  RONDA_CHECK(again.t_ms == line.t_ms);
  RONDA_CHECK(std::bit_cast<uint64_t>(again.value) == std::bit_cast<uint64_t>(line.value));
  RONDA_CHECK(*ParseSeries(format, again.series) == *labels);
}

}  // namespace

int Fuzz_import_line(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    Take(Format::kCsv, line);
    Take(Format::kPrometheus, line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return 0;
}
