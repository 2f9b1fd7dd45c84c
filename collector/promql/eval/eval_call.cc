// Functions that take one value at a time, and what needs no file of its own.
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "collector/promql/eval/evaluator.h"
#include "collector/promql/functions.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using MathFunction = double (*)(double);

double Sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }

MathFunction FindMath(FunctionId id) {
  switch (id) {
    case FunctionId::kAbs:
      return [](double v) { return std::fabs(v); };
    case FunctionId::kAcos:
      return [](double v) { return std::acos(v); };
    case FunctionId::kAcosh:
      return [](double v) { return std::acosh(v); };
    case FunctionId::kAsin:
      return [](double v) { return std::asin(v); };
    case FunctionId::kAsinh:
      return [](double v) { return std::asinh(v); };
    case FunctionId::kAtan:
      return [](double v) { return std::atan(v); };
    case FunctionId::kAtanh:
      return [](double v) { return std::atanh(v); };
    case FunctionId::kCeil:
      return [](double v) { return std::ceil(v); };
    case FunctionId::kCos:
      return [](double v) { return std::cos(v); };
    case FunctionId::kCosh:
      return [](double v) { return std::cosh(v); };
    case FunctionId::kDeg:
      return [](double v) { return v * 180 / std::numbers::pi; };
    case FunctionId::kExp:
      return [](double v) { return std::exp(v); };
    case FunctionId::kFloor:
      return [](double v) { return std::floor(v); };
    case FunctionId::kLn:
      return [](double v) { return std::log(v); };
    case FunctionId::kLog10:
      return [](double v) { return std::log10(v); };
    case FunctionId::kLog2:
      return [](double v) { return std::log2(v); };
    case FunctionId::kRad:
      return [](double v) { return v * std::numbers::pi / 180; };
    case FunctionId::kSgn:
      return Sign;
    case FunctionId::kSin:
      return [](double v) { return std::sin(v); };
    case FunctionId::kSinh:
      return [](double v) { return std::sinh(v); };
    case FunctionId::kSqrt:
      return [](double v) { return std::sqrt(v); };
    case FunctionId::kTan:
      return [](double v) { return std::tan(v); };
    case FunctionId::kTanh:
      return [](double v) { return std::tanh(v); };
    default:
      return nullptr;
  }
}

// The smaller or larger of two, NaN if one is; but nothing is smaller than -Inf or larger than
// +Inf.
double Min(double a, double b) {
  if (a == -kInf || b == -kInf) {
    return -kInf;
  }
  return std::isnan(a) || std::isnan(b) ? kNaN : std::fmin(a, b);
}
double Max(double a, double b) {
  if (a == kInf || b == kInf) {
    return kInf;
  }
  return std::isnan(a) || std::isnan(b) ? kNaN : std::fmax(a, b);
}

// Seconds since 1970, UTC; NaN of what is no time.
double DatePart(FunctionId id, double seconds) {
  if (!(std::fabs(seconds) < 9.2e18)) {
    return kNaN;
  }
  const absl::CivilSecond time = absl::ToCivilSecond(
      absl::FromUnixSeconds(static_cast<int64_t>(seconds)), absl::UTCTimeZone());
  switch (id) {
    case FunctionId::kDayOfMonth:
      return time.day();
    case FunctionId::kDayOfWeek:
      // absl counts from Monday, PromQL from Sunday.
      return (static_cast<int>(absl::GetWeekday(time)) + 1) % 7;
    case FunctionId::kDayOfYear:
      return absl::GetYearDay(absl::CivilDay(time));
    case FunctionId::kDaysInMonth:
      return static_cast<double>(absl::CivilDay(absl::CivilMonth(time) + 1) -
                                 absl::CivilDay(absl::CivilMonth(time)));
    case FunctionId::kHour:
      return time.hour();
    case FunctionId::kMinute:
      return time.minute();
    case FunctionId::kMonth:
      return time.month();
    case FunctionId::kYear:
      return static_cast<double>(time.year());
    default:
      return 0;
  }
}

}  // namespace

absl::StatusOr<std::vector<double>> Evaluator::ScalarOf(const CallExpr& call, const Grid& grid) {
  std::vector<double> values(grid.size);
  switch (call.function.id) {
    case FunctionId::kPi:
      std::fill(values.begin(), values.end(), std::numbers::pi);
      return values;
    case FunctionId::kTime:
      for (size_t i = 0; i < grid.size; ++i) {
        values[i] = static_cast<double>(grid.At(i)) / 1000;
      }
      return values;
    default:
      break;
  }
  // scalar(): NaN unless there is exactly one series with a value.
  std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
  std::vector<int> found(grid.size, 0);
  const auto add = [&](const Row& row) {
    for (size_t i = 0; i < grid.size; ++i) {
      if (!IsAbsent(row.values[i])) {
        values[i] = ++found[i] == 1 ? row.values[i] : std::numeric_limits<double>::quiet_NaN();
      }
    }
    return absl::OkStatus();
  };
  RONDA_RETURN_IF_ERROR(UniqueRows(*call.args[0], grid, add));
  return values;
}

absl::Status Evaluator::CallRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  const FunctionId id = call.function.id;
  if (id == FunctionId::kAbsentOverTime) {
    return AbsentOverTimeRows(call, grid, sink);
  }
  if (IsOverTime(id)) {
    return OverTimeRows(call, grid, sink);
  }
  if (IsDate(id)) {
    return DateRows(call, grid, sink);
  }
  switch (id) {
    case FunctionId::kAbsent:
      return AbsentRows(call, grid, sink);
    case FunctionId::kTimestamp:
      return TimestampRows(call, grid, sink);
    case FunctionId::kVector: {
      RONDA_ASSIGN_OR_RETURN(std::vector<double> values, Scalar(*call.args[0], grid));
      return sink({Labels(), false, false, values});
    }
    case FunctionId::kLabelReplace:
      return TableRows(LabelReplace(call, grid), sink);
    case FunctionId::kLabelJoin:
      return TableRows(LabelJoin(call, grid), sink);
    case FunctionId::kSort:
    case FunctionId::kSortDesc:
    case FunctionId::kSortByLabel:
    case FunctionId::kSortByLabelDesc:
      return TableRows(Sort(call, grid), sink);
    case FunctionId::kHistogramQuantile:
    case FunctionId::kHistogramFraction:
      return TableRows(ClassicHistogram(call, grid), sink);
    case FunctionId::kHistogramAvg:
    case FunctionId::kHistogramCount:
    case FunctionId::kHistogramStddev:
    case FunctionId::kHistogramStdvar:
    case FunctionId::kHistogramSum:
      // Of native histograms alone, which there are none of. The argument may still be an error.
      return UniqueRows(*call.args[0], grid, [](const Row&) { return absl::OkStatus(); });
    default:
      return MathRows(call, grid, sink);
  }
}

absl::Status Evaluator::MathRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  const FunctionId id = call.function.id;
  const MathFunction math = FindMath(id);
  std::vector<std::vector<double>> params;
  for (size_t i = 1; i < call.args.size(); ++i) {
    RONDA_ASSIGN_OR_RETURN(params.emplace_back(), Scalar(*call.args[i], grid));
  }
  // The value at a step; absent for clamp() with its bounds the wrong way round.
  const auto apply = [&](double value, size_t i) {
    switch (id) {
      case FunctionId::kClamp:
        return params[1][i] < params[0][i] ? Absent() : Max(params[0][i], Min(params[1][i], value));
      case FunctionId::kClampMax:
        return Min(params[0][i], value);
      case FunctionId::kClampMin:
        return Max(params[0][i], value);
      case FunctionId::kRound: {
        // By the inverse, which is exact for 0.1 and the like; ties go up.
        const double inverse = 1 / (params.empty() ? 1 : params[0][i]);
        return std::floor(value * inverse + 0.5) / inverse;
      }
      default:
        return math(value);
    }
  };
  const bool delayed = context_.delayed_names();
  return UniqueRows(*call.args[0], grid, [&](const Row& row) {
    for (size_t i = 0; i < grid.size; ++i) {
      if (!IsAbsent(row.values[i])) {
        row.values[i] = apply(row.values[i], i);
      }
    }
    return sink({row.labels, row.nameless || !delayed, delayed, row.values});
  });
}

absl::Status Evaluator::DateRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  const FunctionId id = call.function.id;
  if (call.args.empty()) {
    std::vector<double> values(grid.size);
    for (size_t i = 0; i < grid.size; ++i) {
      values[i] = DatePart(id, static_cast<double>(grid.At(i) / 1000));
    }
    return sink({Labels(), false, false, values});
  }
  const bool delayed = context_.delayed_names();
  return UniqueRows(*call.args[0], grid, [&](const Row& row) {
    for (double& value : row.values) {
      value = IsAbsent(value) ? value : DatePart(id, value);
    }
    return sink({row.labels, row.nameless || !delayed, delayed, row.values});
  });
}

// Of a selector the times of its samples; of anything else the time of the step.
absl::Status Evaluator::TimestampRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  const bool delayed = context_.delayed_names();
  const Expr& arg = WithoutParens(*call.args[0]);
  if (arg.kind == NodeKind::kSelector) {
    return SelectorRows(static_cast<const VectorSelector&>(arg), grid, true, [&](const Row& row) {
      return sink({row.labels, !delayed, delayed, row.values});
    });
  }
  return UniqueRows(arg, grid, [&](const Row& row) {
    for (size_t i = 0; i < grid.size; ++i) {
      if (!IsAbsent(row.values[i])) {
        row.values[i] = static_cast<double>(grid.At(i)) / 1000;
      }
    }
    return sink({row.labels, row.nameless || !delayed, delayed, row.values});
  });
}

}  // namespace ronda::promql
