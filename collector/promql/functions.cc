#include "collector/promql/functions.h"

namespace ronda::promql {
namespace {

constexpr ValueType kS = ValueType::kScalar;
constexpr ValueType kT = ValueType::kString;
constexpr ValueType kV = ValueType::kVector;
constexpr ValueType kM = ValueType::kMatrix;

using F = FunctionId;

// name, id, result, arguments, how many of them.
constexpr FunctionSpec kFunctions[] = {
    {"abs", F::kAbs, kV, {kV}, 1, 1},
    {"absent", F::kAbsent, kV, {kV}, 1, 1},
    {"absent_over_time", F::kAbsentOverTime, kV, {kM}, 1, 1},
    {"acos", F::kAcos, kV, {kV}, 1, 1},
    {"acosh", F::kAcosh, kV, {kV}, 1, 1},
    {"asin", F::kAsin, kV, {kV}, 1, 1},
    {"asinh", F::kAsinh, kV, {kV}, 1, 1},
    {"atan", F::kAtan, kV, {kV}, 1, 1},
    {"atanh", F::kAtanh, kV, {kV}, 1, 1},
    {"avg_over_time", F::kAvgOverTime, kV, {kM}, 1, 1},
    {"ceil", F::kCeil, kV, {kV}, 1, 1},
    {"changes", F::kChanges, kV, {kM}, 1, 1},
    {"clamp", F::kClamp, kV, {kV, kS, kS}, 3, 3},
    {"clamp_max", F::kClampMax, kV, {kV, kS}, 2, 2},
    {"clamp_min", F::kClampMin, kV, {kV, kS}, 2, 2},
    {"cos", F::kCos, kV, {kV}, 1, 1},
    {"cosh", F::kCosh, kV, {kV}, 1, 1},
    {"count_over_time", F::kCountOverTime, kV, {kM}, 1, 1},
    {"day_of_month", F::kDayOfMonth, kV, {kV}, 0, 1},
    {"day_of_week", F::kDayOfWeek, kV, {kV}, 0, 1},
    {"day_of_year", F::kDayOfYear, kV, {kV}, 0, 1},
    {"days_in_month", F::kDaysInMonth, kV, {kV}, 0, 1},
    {"deg", F::kDeg, kV, {kV}, 1, 1},
    {"delta", F::kDelta, kV, {kM}, 1, 1},
    {"deriv", F::kDeriv, kV, {kM}, 1, 1},
    {"double_exponential_smoothing", F::kDoubleExponentialSmoothing, kV, {kM, kS, kS}, 3, 3},
    {"exp", F::kExp, kV, {kV}, 1, 1},
    {"first_over_time", F::kFirstOverTime, kV, {kM}, 1, 1},
    {"floor", F::kFloor, kV, {kV}, 1, 1},
    {"histogram_avg", F::kHistogramAvg, kV, {kV}, 1, 1},
    {"histogram_count", F::kHistogramCount, kV, {kV}, 1, 1},
    {"histogram_fraction", F::kHistogramFraction, kV, {kS, kS, kV}, 3, 3},
    {"histogram_quantile", F::kHistogramQuantile, kV, {kS, kV}, 2, 2},
    {"histogram_stddev", F::kHistogramStddev, kV, {kV}, 1, 1},
    {"histogram_stdvar", F::kHistogramStdvar, kV, {kV}, 1, 1},
    {"histogram_sum", F::kHistogramSum, kV, {kV}, 1, 1},
    {"holt_winters", F::kDoubleExponentialSmoothing, kV, {kM, kS, kS}, 3, 3},
    {"hour", F::kHour, kV, {kV}, 0, 1},
    {"idelta", F::kIdelta, kV, {kM}, 1, 1},
    {"increase", F::kIncrease, kV, {kM}, 1, 1},
    {"irate", F::kIrate, kV, {kM}, 1, 1},
    {"label_join", F::kLabelJoin, kV, {kV, kT, kT, kT}, 3, -1},
    {"label_replace", F::kLabelReplace, kV, {kV, kT, kT, kT}, 5, 5},
    {"last_over_time", F::kLastOverTime, kV, {kM}, 1, 1},
    {"ln", F::kLn, kV, {kV}, 1, 1},
    {"log10", F::kLog10, kV, {kV}, 1, 1},
    {"log2", F::kLog2, kV, {kV}, 1, 1},
    {"mad_over_time", F::kMadOverTime, kV, {kM}, 1, 1},
    {"max_over_time", F::kMaxOverTime, kV, {kM}, 1, 1},
    {"min_over_time", F::kMinOverTime, kV, {kM}, 1, 1},
    {"minute", F::kMinute, kV, {kV}, 0, 1},
    {"month", F::kMonth, kV, {kV}, 0, 1},
    {"pi", F::kPi, kS, {}, 0, 0},
    {"predict_linear", F::kPredictLinear, kV, {kM, kS}, 2, 2},
    {"present_over_time", F::kPresentOverTime, kV, {kM}, 1, 1},
    {"quantile_over_time", F::kQuantileOverTime, kV, {kS, kM}, 2, 2},
    {"rad", F::kRad, kV, {kV}, 1, 1},
    {"rate", F::kRate, kV, {kM}, 1, 1},
    {"resets", F::kResets, kV, {kM}, 1, 1},
    {"round", F::kRound, kV, {kV, kS}, 1, 2},
    {"scalar", F::kScalar, kS, {kV}, 1, 1},
    {"sgn", F::kSgn, kV, {kV}, 1, 1},
    {"sin", F::kSin, kV, {kV}, 1, 1},
    {"sinh", F::kSinh, kV, {kV}, 1, 1},
    {"sort", F::kSort, kV, {kV}, 1, 1},
    {"sort_by_label", F::kSortByLabel, kV, {kV, kT, kT, kT}, 1, -1},
    {"sort_by_label_desc", F::kSortByLabelDesc, kV, {kV, kT, kT, kT}, 1, -1},
    {"sort_desc", F::kSortDesc, kV, {kV}, 1, 1},
    {"sqrt", F::kSqrt, kV, {kV}, 1, 1},
    {"stddev_over_time", F::kStddevOverTime, kV, {kM}, 1, 1},
    {"stdvar_over_time", F::kStdvarOverTime, kV, {kM}, 1, 1},
    {"sum_over_time", F::kSumOverTime, kV, {kM}, 1, 1},
    {"tan", F::kTan, kV, {kV}, 1, 1},
    {"tanh", F::kTanh, kV, {kV}, 1, 1},
    {"time", F::kTime, kS, {}, 0, 0},
    {"timestamp", F::kTimestamp, kV, {kV}, 1, 1},
    {"ts_of_first_over_time", F::kTsOfFirstOverTime, kV, {kM}, 1, 1},
    {"ts_of_last_over_time", F::kTsOfLastOverTime, kV, {kM}, 1, 1},
    {"ts_of_max_over_time", F::kTsOfMaxOverTime, kV, {kM}, 1, 1},
    {"ts_of_min_over_time", F::kTsOfMinOverTime, kV, {kM}, 1, 1},
    {"vector", F::kVector, kV, {kS}, 1, 1},
    {"year", F::kYear, kV, {kV}, 0, 1},
};

}  // namespace

const FunctionSpec* FindFunction(std::string_view name) {
  for (const FunctionSpec& function : kFunctions) {
    if (function.name == name) {
      return &function;
    }
  }
  return nullptr;
}

std::span<const FunctionSpec> AllFunctions() { return kFunctions; }

}  // namespace ronda::promql
