// PromQL: what parses is printed in a spelling that parses to the same, and a threshold compares as
// its expression says.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/promql/ast.h"
#include "collector/promql/parser.h"
#include "collector/promql/threshold.h"
#include "common/base/check.h"

int Fuzz_promql_parse(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expr = ronda::promql::Parse(text);
  const auto threshold = ronda::promql::ParseThreshold(text);
  if (!expr.ok()) {
    RONDA_CHECK(!threshold.ok());
    return 0;
  }
  const std::string printed = ronda::promql::Format(**expr);
  const auto again = ronda::promql::Parse(printed);
  RONDA_CHECK(again.ok());
  RONDA_CHECK(ronda::promql::Format(**again) == printed);
  if (threshold.ok()) {
    const auto printed_threshold = ronda::promql::ParseThreshold(threshold->ToString());
    RONDA_CHECK(printed_threshold.ok());
    RONDA_CHECK(printed_threshold->op == threshold->op);
    RONDA_CHECK(printed_threshold->ToString() == threshold->ToString());
  }
  return 0;
}
