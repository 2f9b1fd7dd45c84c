#include "common/config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include "common/base/status.h"

namespace ronda::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr std::array<Unit, 7> kDurationUnits{{{"y", 365LL * 24 * 3600 * 1000},
                                              {"w", 7LL * 24 * 3600 * 1000},
                                              {"d", 24LL * 3600 * 1000},
                                              {"h", 3600LL * 1000},
                                              {"m", 60LL * 1000},
                                              {"s", 1000},
                                              {"ms", 1}}};

constexpr std::array<Unit, 10> kSizeUnits{{{"TiB", 1LL << 40},
                                           {"GiB", 1LL << 30},
                                           {"MiB", 1LL << 20},
                                           {"KiB", 1LL << 10},
                                           {"TB", 1'000'000'000'000},
                                           {"GB", 1'000'000'000},
                                           {"MB", 1'000'000},
                                           {"kB", 1'000},
                                           {"B", 1},
                                           {"", 1}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes "12ms" off the front of `text`: the number, and the letters behind it.
bool TakeNumberAndUnit(std::string_view* text, int64_t* number, std::string_view* unit) {
  const char* end = text->data() + text->size();
  if (text->empty() || !IsDigit(text->front())) {
    return false;
  }
  const auto [rest, error] = std::from_chars(text->data(), end, *number);
  if (error != std::errc()) {
    return false;
  }
  const char* unit_end = std::find_if(rest, end, IsDigit);
  *unit = std::string_view(rest, static_cast<size_t>(unit_end - rest));
  text->remove_prefix(static_cast<size_t>(unit_end - text->data()));
  return true;
}

bool AddProduct(int64_t number, int64_t factor, int64_t* sum) {
  int64_t product = 0;
  return !__builtin_mul_overflow(number, factor, &product) &&
         !__builtin_add_overflow(*sum, product, sum);
}

}  // namespace

absl::StatusOr<int64_t> ParseDuration(std::string_view text) {
  const auto refuse = [text] {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is not a duration such as 500ms, 30s, 5m, 1h30m or 28d", text);
  };
  if (text == "0") {
    return 0;
  }
  std::string_view rest = text;
  int64_t sum = 0;
  auto next_unit = kDurationUnits.begin();
  do {
    int64_t number = 0;
    std::string_view name;
    if (!TakeNumberAndUnit(&rest, &number, &name)) {
      return refuse();
    }
    const auto unit = std::find_if(next_unit, kDurationUnits.end(),
                                   [name](const Unit& u) { return u.name == name; });
    if (unit == kDurationUnits.end() || !AddProduct(number, unit->factor, &sum)) {
      return refuse();
    }
    next_unit = unit + 1;
  } while (!rest.empty());
  return sum;
}

std::string FormatDuration(int64_t ms) {
  if (ms <= 0) {
    return "0s";
  }
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    // Weeks and years only alone: "28d" and "400d" read better than "4w" and "1y5w".
    const bool rare = unit.name == "y" || unit.name == "w";
    if (ms < unit.factor || (rare && (unit.name == "w" || ms % unit.factor != 0))) {
      continue;
    }
    text += fmt::format("{}{}", ms / unit.factor, unit.name);
    ms %= unit.factor;
  }
  return text;
}

absl::StatusOr<int64_t> ParseSize(std::string_view text) {
  std::string_view rest = text;
  int64_t number = 0;
  std::string_view name;
  int64_t bytes = 0;
  if (TakeNumberAndUnit(&rest, &number, &name) && rest.empty()) {
    for (const Unit& unit : kSizeUnits) {
      if (unit.name == name && AddProduct(number, unit.factor, &bytes)) {
        return bytes;
      }
    }
  }
  return Fail(absl::StatusCode::kInvalidArgument,
              "\"{}\" is not a size such as 4096, 64KiB, 256MiB or 2GiB", text);
}

std::string FormatSize(int64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    const bool binary = unit.name.ends_with("iB");
    if (binary && bytes >= unit.factor && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}B", bytes);
}

size_t EditDistance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the usual table.
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace ronda::config
