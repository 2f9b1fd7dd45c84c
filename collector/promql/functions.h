// The functions of PromQL: names, arguments and results. What they compute is in eval/.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "collector/promql/ast.h"

namespace ronda::promql {

// In groups that are evaluated alike; see the predicates below.
enum class FunctionId {
  // One value to one value.
  kAbs,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kCeil,
  kCos,
  kCosh,
  kDeg,
  kExp,
  kFloor,
  kLn,
  kLog10,
  kLog2,
  kRad,
  kSgn,
  kSin,
  kSinh,
  kSqrt,
  kTan,
  kTanh,
  // The same with scalars beside it.
  kClamp,
  kClampMax,
  kClampMin,
  kRound,
  // Of a time, by default that of the step.
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kDaysInMonth,
  kHour,
  kMinute,
  kMonth,
  kYear,
  // Of a window of samples.
  kAvgOverTime,
  kChanges,
  kCountOverTime,
  kDelta,
  kDeriv,
  kDoubleExponentialSmoothing,
  kFirstOverTime,
  kIdelta,
  kIncrease,
  kIrate,
  kLastOverTime,
  kMadOverTime,
  kMaxOverTime,
  kMinOverTime,
  kPredictLinear,
  kPresentOverTime,
  kQuantileOverTime,
  kRate,
  kResets,
  kStddevOverTime,
  kStdvarOverTime,
  kSumOverTime,
  kTsOfFirstOverTime,
  kTsOfLastOverTime,
  kTsOfMaxOverTime,
  kTsOfMinOverTime,
  kAbsentOverTime,
  // Each in its own way.
  kAbsent,
  kHistogramAvg,
  kHistogramCount,
  kHistogramFraction,
  kHistogramQuantile,
  kHistogramStddev,
  kHistogramStdvar,
  kHistogramSum,
  kLabelJoin,
  kLabelReplace,
  kPi,
  kScalar,
  kSort,
  kSortByLabel,
  kSortByLabelDesc,
  kSortDesc,
  kTime,
  kTimestamp,
  kVector,
};

struct FunctionSpec {
  std::string_view name;
  FunctionId id;
  ValueType result;
  // The first arguments; the last one stands for all that follow.
  std::array<ValueType, 4> args;
  int min_args;
  int max_args;  // -1: any number

  ValueType ArgType(size_t i) const { return args[i < args.size() ? i : args.size() - 1]; }
};

constexpr bool IsMath(FunctionId id) { return id <= FunctionId::kTanh; }
constexpr bool IsDate(FunctionId id) {
  return id >= FunctionId::kDayOfMonth && id <= FunctionId::kYear;
}
constexpr bool IsOverTime(FunctionId id) {
  return id >= FunctionId::kAvgOverTime && id <= FunctionId::kAbsentOverTime;
}
// True if the result depends on the time of the step even where all arguments are constant.
constexpr bool DependsOnTime(FunctionId id) {
  return IsDate(id) || id == FunctionId::kPredictLinear || id == FunctionId::kTime ||
         id == FunctionId::kTimestamp;
}

// Null if there is no such function. Names are case-sensitive. "holt_winters" is the former name of
// double_exponential_smoothing.
const FunctionSpec* FindFunction(std::string_view name);
// By name.
std::span<const FunctionSpec> AllFunctions();

}  // namespace ronda::promql
