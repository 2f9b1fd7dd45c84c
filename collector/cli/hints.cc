#include "collector/cli/hints.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include "collector/cli/report.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

// Damerau-Levenshtein, restricted: insert, delete, replace, swap neighbours.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

bool ReadNumber(std::string_view* text, size_t* number) {
  const auto [p, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc() || p == text->data() + text->size() || *p != ':') {
    return false;
  }
  text->remove_prefix(static_cast<size_t>(p - text->data()) + 1);
  return *number > 0;
}

std::string_view LineOf(std::string_view text, size_t number) {
  while (number > 1) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return "";
    }
    text.remove_prefix(end + 1);
    --number;
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string NearestName(std::string_view wanted, const std::vector<std::string>& names) {
  const size_t reach = std::max<size_t>(wanted.size() / 4, 2);
  size_t best_edits = reach + 1;
  std::string best;
  for (const std::string& name : names) {
    const size_t edits = Edits(wanted, name);
    if (edits < best_edits) {
      best_edits = edits;
      best = name;
    }
  }
  if (best.empty() && wanted.size() >= 3) {
    const auto holds = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return name.find(wanted) != std::string::npos;
    });
    best = holds != names.end() ? *holds : "";
  }
  return best;
}

absl::Status ShowPlace(const absl::Status& error, std::string_view text) {
  std::string_view message = Message(error);
  size_t line = 0;
  size_t column = 0;
  if (error.ok() || !ReadNumber(&message, &line) || !ReadNumber(&message, &column)) {
    return error;
  }
  const std::string shown = Cell::Text(LineOf(text, line)).text;
  const size_t before = std::min(column - 1, DisplayWidth(shown));
  return Fail(error.code(), "line {}, column {}:{}\n  {}\n  {}^", line, column, message, shown,
              std::string(before, ' '));
}

}  // namespace ronda::cli
