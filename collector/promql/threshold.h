// The expressions that alert rules take in this version: a selector against a number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/ast.h"

namespace ronda::promql {

struct Threshold {
  std::vector<Matcher> matchers;
  BinaryOp op = BinaryOp::kGreater;
  double number = 0;

  // As PromQL compares: with NaN on either side only != is true. The staleness marker is not a
  // value; callers look for it themselves.
  bool Holds(double value) const { return Compare(op, value, number); }

  static bool Compare(BinaryOp op, double a, double b) {
    switch (op) {
      case BinaryOp::kEqual:
        return a == b;
      case BinaryOp::kNotEqual:
        return a != b;
      case BinaryOp::kLess:
        return a < b;
      case BinaryOp::kLessEqual:
        return a <= b;
      case BinaryOp::kGreater:
        return a > b;
      case BinaryOp::kGreaterEqual:
        return a >= b;
      default:
        return false;
    }
  }

  std::string ToString() const;  // node_load1 > 4
};

// "selector comparison number", or the other way round (4 < node_load1), with parentheses and
// signs on the number. kInvalidArgument, "LINE:COLUMN: ...", for anything else.
absl::StatusOr<Threshold> ParseThreshold(std::string_view text);

}  // namespace ronda::promql
