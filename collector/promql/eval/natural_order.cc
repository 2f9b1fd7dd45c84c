#include "collector/promql/eval/natural_order.h"

namespace ronda::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the run of digits, or of others, that `text` begins with.
std::string_view TakeRun(std::string_view* text) {
  size_t length = 1;
  while (length < text->size() && IsDigit((*text)[length]) == IsDigit((*text)[0])) ++length;
  const std::string_view run = text->substr(0, length);
  text->remove_prefix(length);
  return run;
}

// Below, at or above 0, as numbers of any length.
int CompareDigits(std::string_view a, std::string_view b) {
  while (a.size() > 1 && a[0] == '0') a.remove_prefix(1);
  while (b.size() > 1 && b[0] == '0') b.remove_prefix(1);
  if (a.size() != b.size()) {
    return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

}  // namespace

bool NaturalBefore(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    const std::string_view x = TakeRun(&a);
    const std::string_view y = TakeRun(&b);
    const int order = IsDigit(x[0]) && IsDigit(y[0]) ? CompareDigits(x, y) : x.compare(y);
    if (order != 0) {
      return order < 0;
    }
  }
  if (a.empty() != b.empty()) {
    return a.empty();
  }
  return whole_a < whole_b;  // 1 and 01
}

}  // namespace ronda::promql
