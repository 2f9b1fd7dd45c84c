#include "tests/support/promql_naive.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <stdexcept>

#include "collector/promql/eval/series_hash.h"
#include "collector/promql/functions.h"
#include "collector/promql/number_text.h"

namespace ronda {

using promql::AggregateOp;
using promql::BinaryOp;
using promql::FunctionId;
using promql::NodeKind;
using promql::ValueType;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kLookbackMs = 300'000;
constexpr int64_t kDefaultStepMs = 60'000;

using Vector = NaivePromql::Vector;

void Put(Vector* vector, const Labels& labels, double value) {
  if (!vector->emplace(labels, value).second) {
    throw std::runtime_error("the same labels twice");
  }
}

Labels Nameless(Labels labels) {
  labels.Set("__name__", "");
  return labels;
}

template <typename F>
Vector Map(const Vector& in, F f) {
  Vector out;
  for (const auto& [labels, value] : in) Put(&out, Nameless(labels), f(value));
  return out;
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Labels Only(const Labels& labels, const std::vector<std::string>& names, bool keep) {
  std::vector<Label> kept;
  for (const Label& label : labels.all()) {
    if (Contains(names, label.name) == keep && (keep || label.name != "__name__")) {
      kept.push_back(label);
    }
  }
  return Labels(kept);
}

double Apply(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kMod:
      return std::fmod(a, b);
    case BinaryOp::kPow:
      return std::pow(a, b);
    case BinaryOp::kAtan2:
      return std::atan2(a, b);
    case BinaryOp::kEqual:
      return a == b ? 1 : 0;
    case BinaryOp::kNotEqual:
      return a != b ? 1 : 0;
    case BinaryOp::kLess:
      return a < b ? 1 : 0;
    case BinaryOp::kLessEqual:
      return a <= b ? 1 : 0;
    case BinaryOp::kGreater:
      return a > b ? 1 : 0;
    case BinaryOp::kGreaterEqual:
      return a >= b ? 1 : 0;
    default:
      return 0;
  }
}

double Quantile(double q, std::vector<double> values) {
  if (std::isnan(q)) return kNaN;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  std::sort(values.begin(), values.end(),
            [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(rank);
  const size_t high = std::min(values.size() - 1, low + 1);
  const double weight = rank - std::floor(rank);
  return values[low] * (1 - weight) + values[high] * weight;
}

double Average(const std::vector<double>& values) {
  long double sum = 0;
  for (const double value : values) sum += value;
  return static_cast<double>(sum / static_cast<long double>(values.size()));
}

double VarianceOf(const std::vector<double>& values) {
  long double mean = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<long double>(values.size());
  long double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return static_cast<double>(squares / static_cast<long double>(values.size()));
}

std::vector<double> ValuesOf(const std::vector<Sample>& samples) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.value);
  return values;
}

double Extrapolate(const std::vector<Sample>& s, int64_t begin, int64_t end, bool counter) {
  double change = s.back().value - s.front().value;
  for (size_t i = 1; counter && i < s.size(); ++i) {
    if (s[i].value < s[i - 1].value) change += s[i - 1].value;
  }
  const auto seconds = [](int64_t ms) { return static_cast<double>(ms) / 1000; };
  const double span = seconds(s.back().t_ms - s.front().t_ms);
  const double gap = span / static_cast<double>(s.size() - 1);
  double before = seconds(s.front().t_ms - begin);
  double after = seconds(end - s.back().t_ms);
  if (before >= gap * 1.1) before = gap / 2;
  if (after >= gap * 1.1) after = gap / 2;
  if (counter && change > 0 && s.front().value >= 0) {
    before = std::min(before, span * (s.front().value / change));
  }
  return change * ((span + before + after) / span);
}

struct Line {
  double slope;
  double value;
};

Line FitLine(const std::vector<Sample>& s, int64_t at_ms) {
  bool constant = true;
  for (const Sample& sample : s) constant = constant && sample.value == s[0].value;
  if (constant) {
    return std::isinf(s[0].value) ? Line{kNaN, kNaN} : Line{0, s[0].value};
  }
  long double mean_x = 0;
  long double mean_y = 0;
  for (const Sample& sample : s) {
    mean_x += static_cast<long double>(sample.t_ms - at_ms) / 1000;
    mean_y += sample.value;
  }
  mean_x /= static_cast<long double>(s.size());
  mean_y /= static_cast<long double>(s.size());
  long double xy = 0;
  long double xx = 0;
  for (const Sample& sample : s) {
    const long double x = static_cast<long double>(sample.t_ms - at_ms) / 1000 - mean_x;
    xy += x * (sample.value - mean_y);
    xx += x * x;
  }
  return {static_cast<double>(xy / xx), static_cast<double>(mean_y - xy / xx * mean_x)};
}

double DateOf(FunctionId id, double value) {
  if (!std::isfinite(value) || std::fabs(value) > 1e15) return kNaN;
  const auto seconds = static_cast<time_t>(value);
  tm parts{};
  gmtime_r(&seconds, &parts);
  switch (id) {
    case FunctionId::kHour:
      return parts.tm_hour;
    case FunctionId::kMinute:
      return parts.tm_min;
    case FunctionId::kDayOfWeek:
      return parts.tm_wday;
    case FunctionId::kDayOfYear:
      return parts.tm_yday + 1;
    case FunctionId::kMonth:
      return parts.tm_mon + 1;
    default:
      throw std::runtime_error("not a date function of the oracle");
  }
}

double MathOf(FunctionId id, double v) {
  switch (id) {
    case FunctionId::kAbs:
      return std::fabs(v);
    case FunctionId::kCeil:
      return std::ceil(v);
    case FunctionId::kFloor:
      return std::floor(v);
    case FunctionId::kExp:
      return std::exp(v);
    case FunctionId::kSqrt:
      return std::sqrt(v);
    case FunctionId::kLn:
      return std::log(v);
    case FunctionId::kLog2:
      return std::log2(v);
    case FunctionId::kLog10:
      return std::log10(v);
    case FunctionId::kSgn:
      return v > 0 ? 1 : v < 0 ? -1 : v;
    case FunctionId::kSin:
      return std::sin(v);
    case FunctionId::kCos:
      return std::cos(v);
    case FunctionId::kAtan:
      return std::atan(v);
    case FunctionId::kTanh:
      return std::tanh(v);
    case FunctionId::kDeg:
      return v * 180 / M_PI;
    case FunctionId::kRad:
      return v * M_PI / 180;
    default:
      throw std::runtime_error("not a function of the oracle");
  }
}

const std::string& TextOf(const promql::Expr& expr) {
  return static_cast<const promql::StringLiteral&>(expr).value;
}

double ClampMin(double value, double low) {
  if (value == kInf || low == kInf) return kInf;
  return std::isnan(value) || std::isnan(low) ? kNaN : std::max(value, low);
}
double ClampMax(double value, double high) {
  if (value == -kInf || high == -kInf) return -kInf;
  return std::isnan(value) || std::isnan(high) ? kNaN : std::min(value, high);
}

}  // namespace

std::optional<Vector> NaivePromql::Evaluate(const promql::Expr& expr, int64_t t_ms) const {
  try {
    if (expr.type == ValueType::kScalar) {
      return Vector{{Labels(), Scalar(expr, t_ms)}};
    }
    return Eval(expr, t_ms);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

int64_t NaivePromql::Shift(const promql::TimeShift& shift, int64_t t_ms) const {
  if (shift.at.has_value()) {
    t_ms = shift.at->kind == promql::AtModifier::Kind::kStart ? start_ms_
           : shift.at->kind == promql::AtModifier::Kind::kEnd ? end_ms_
                                                              : shift.at->t_ms;
  }
  return t_ms - shift.offset_ms;
}

double NaivePromql::Scalar(const promql::Expr& expr, int64_t t_ms) const {
  switch (expr.kind) {
    case NodeKind::kNumber:
      return static_cast<const promql::NumberLiteral&>(expr).value;
    case NodeKind::kParen:
      return Scalar(*static_cast<const promql::ParenExpr&>(expr).inner, t_ms);
    case NodeKind::kUnaryMinus:
      return -Scalar(*static_cast<const promql::UnaryExpr&>(expr).operand, t_ms);
    case NodeKind::kBinary: {
      const auto& binary = static_cast<const promql::BinaryExpr&>(expr);
      return Apply(binary.op, Scalar(*binary.left, t_ms), Scalar(*binary.right, t_ms));
    }
    case NodeKind::kCall: {
      const auto& call = static_cast<const promql::CallExpr&>(expr);
      if (call.function.id == FunctionId::kTime) return static_cast<double>(t_ms) / 1000;
      if (call.function.id == FunctionId::kPi) return M_PI;
      const Vector vector = Eval(*call.args[0], t_ms);
      return vector.size() == 1 ? vector.begin()->second : kNaN;
    }
    default:
      throw std::runtime_error("not a scalar of the oracle");
  }
}

Vector NaivePromql::Select(const promql::VectorSelector& selector, int64_t t_ms,
                           bool timestamps) const {
  const int64_t at = Shift(selector.shift, t_ms);
  Vector out;
  for (const GeneratedSeries& series : series_) {
    const Sample* newest = nullptr;
    for (const Sample& sample : series.samples) {
      if (sample.t_ms <= at && sample.t_ms > at - kLookbackMs) newest = &sample;
    }
    if (newest != nullptr && !IsStale(newest->value) &&
        MatchesAll(series.labels, selector.matchers)) {
      out[series.labels] = timestamps ? static_cast<double>(newest->t_ms) / 1000 : newest->value;
    }
  }
  return out;
}

NaivePromql::Ranges NaivePromql::Range(const promql::Expr& expr, int64_t t_ms) const {
  Ranges out;
  if (expr.kind == NodeKind::kMatrix) {
    const auto& matrix = static_cast<const promql::MatrixSelector&>(expr);
    const int64_t end = Shift(matrix.selector->shift, t_ms);
    for (const GeneratedSeries& series : series_) {
      for (const Sample& sample : series.samples) {
        if (sample.t_ms > end - matrix.range_ms && sample.t_ms <= end && !IsStale(sample.value) &&
            MatchesAll(series.labels, matrix.selector->matchers)) {
          out[series.labels].push_back(sample);
        }
      }
    }
    return out;
  }
  const auto& subquery = static_cast<const promql::SubqueryExpr&>(expr);
  const int64_t end = Shift(subquery.shift, t_ms);
  const int64_t step = subquery.step_ms > 0 ? subquery.step_ms : kDefaultStepMs;
  for (int64_t t = end - subquery.range_ms + 1; t <= end; ++t) {
    if (t % step == 0) {
      for (const auto& [labels, value] : Eval(*subquery.inner, t)) {
        out[labels].push_back({t, value});
      }
    }
  }
  return out;
}

Vector NaivePromql::Eval(const promql::Expr& expr, int64_t t_ms) const {
  switch (expr.kind) {
    case NodeKind::kSelector:
      return Select(static_cast<const promql::VectorSelector&>(expr), t_ms, false);
    case NodeKind::kParen:
      return Eval(*static_cast<const promql::ParenExpr&>(expr).inner, t_ms);
    case NodeKind::kUnaryMinus:
      return Map(Eval(*static_cast<const promql::UnaryExpr&>(expr).operand, t_ms),
                 [](double v) { return -v; });
    case NodeKind::kBinary:
      return Binary(static_cast<const promql::BinaryExpr&>(expr), t_ms);
    case NodeKind::kAggregate:
      return Aggregate(static_cast<const promql::AggregateExpr&>(expr), t_ms);
    case NodeKind::kCall:
      return Call(static_cast<const promql::CallExpr&>(expr), t_ms);
    default:
      throw std::runtime_error("not a vector of the oracle");
  }
}

Vector NaivePromql::Binary(const promql::BinaryExpr& binary, int64_t t_ms) const {
  const bool left_scalar = binary.left->type == ValueType::kScalar;
  if (!left_scalar && binary.right->type == ValueType::kVector) {
    return Match(binary, Eval(*binary.left, t_ms), Eval(*binary.right, t_ms));
  }
  const double scalar = Scalar(left_scalar ? *binary.left : *binary.right, t_ms);
  const bool filters = promql::IsComparison(binary.op) && !binary.return_bool;
  Vector out;
  for (const auto& [labels, value] : Eval(left_scalar ? *binary.right : *binary.left, t_ms)) {
    const double result =
        left_scalar ? Apply(binary.op, scalar, value) : Apply(binary.op, value, scalar);
    if (!filters) {
      Put(&out, Nameless(labels), result);
    } else if (result == 1) {
      Put(&out, labels, value);
    }
  }
  return out;
}

Vector NaivePromql::Match(const promql::BinaryExpr& binary, const Vector& left,
                          const Vector& right) const {
  using Cardinality = promql::VectorMatching::Cardinality;
  const promql::VectorMatching& m = binary.matching;
  const auto key = [&](const Labels& labels) { return Only(labels, m.labels, m.on); };
  const auto has = [&](const Vector& vector, const Labels& labels) {
    return std::any_of(vector.begin(), vector.end(),
                       [&](const auto& one) { return key(one.first) == key(labels); });
  };
  Vector out;
  if (promql::IsSetOperator(binary.op)) {
    for (const auto& [labels, value] : left) {
      if (binary.op == BinaryOp::kOr || has(right, labels) == (binary.op == BinaryOp::kAnd)) {
        Put(&out, labels, value);
      }
    }
    for (const auto& [labels, value] : right) {
      if (binary.op == BinaryOp::kOr && !has(left, labels)) Put(&out, labels, value);
    }
    return out;
  }
  if (left.empty() || right.empty()) return out;
  const bool swapped = m.cardinality == Cardinality::kOneToMany;
  const Vector& many = swapped ? right : left;
  const Vector& one = swapped ? left : right;
  std::map<Labels, std::pair<Labels, double>> ones;
  for (const auto& [labels, value] : one) {
    if (!ones.emplace(key(labels), std::make_pair(labels, value)).second) {
      throw std::runtime_error("duplicate on the one side");
    }
  }
  std::map<Labels, std::vector<Labels>> matched;
  for (const auto& [labels, value] : many) {
    const auto found = ones.find(key(labels));
    if (found == ones.end()) continue;
    const double other = found->second.second;
    const double a = swapped ? other : value;
    const double b = swapped ? value : other;
    Labels result = labels;
    if (!promql::IsComparison(binary.op) || binary.return_bool) result = Nameless(result);
    if (m.cardinality == Cardinality::kOneToOne) {
      result = m.on ? Only(result, m.labels, true) : result;
      for (const std::string& name : m.labels) {
        if (!m.on) result.Set(name, "");
      }
    }
    for (const std::string& name : m.include) result.Set(name, found->second.first.Get(name));
    std::vector<Labels>& before = matched[found->first];
    if ((m.cardinality == Cardinality::kOneToOne && !before.empty()) ||
        std::find(before.begin(), before.end(), result) != before.end()) {
      throw std::runtime_error("multiple matches");
    }
    before.push_back(result);
    const double answer = Apply(binary.op, a, b);
    if (!promql::IsComparison(binary.op) || binary.return_bool) {
      Put(&out, result, answer);
    } else if (answer == 1) {
      Put(&out, result, a);
    }
  }
  return out;
}

Vector NaivePromql::Aggregate(const promql::AggregateExpr& aggregate, int64_t t_ms) const {
  const AggregateOp op = aggregate.op;
  const bool counts_values = op == AggregateOp::kCountValues;
  const double param =
      aggregate.param == nullptr || counts_values ? 0 : Scalar(*aggregate.param, t_ms);
  std::map<Labels, std::vector<std::pair<Labels, double>>> groups;
  std::vector<std::string> names = aggregate.grouping;
  if (counts_values && !aggregate.without) names.push_back(TextOf(*aggregate.param));
  for (const auto& [labels, value] : Eval(*aggregate.operand, t_ms)) {
    Labels seen = labels;
    if (counts_values) {
      seen.Set(TextOf(*aggregate.param), promql::FormatPlainNumber(value));
    }
    groups[Only(seen, names, !aggregate.without)].emplace_back(labels, value);
  }
  Vector out;
  for (auto& [group, members] : groups) {
    std::vector<double> values;
    for (const auto& member : members) values.push_back(member.second);
    const auto best = [&](bool max) {
      double found = values[0];
      for (const double v : values) {
        if (std::isnan(found) || (max ? v > found : v < found)) found = v;
      }
      return found;
    };
    switch (op) {
      case AggregateOp::kSum:
        out[group] = Average(values) * static_cast<double>(values.size());
        if (std::isfinite(out[group])) {
          long double sum = 0;
          for (const double v : values) sum += v;
          out[group] = static_cast<double>(sum);
        }
        break;
      case AggregateOp::kAvg:
        out[group] = Average(values);
        break;
      case AggregateOp::kCount:
      case AggregateOp::kCountValues:
        out[group] = static_cast<double>(values.size());
        break;
      case AggregateOp::kMin:
      case AggregateOp::kMax:
        out[group] = best(op == AggregateOp::kMax);
        break;
      case AggregateOp::kGroup:
        out[group] = 1;
        break;
      case AggregateOp::kStdvar:
        out[group] = VarianceOf(values);
        break;
      case AggregateOp::kStddev:
        out[group] = std::sqrt(VarianceOf(values));
        break;
      case AggregateOp::kQuantile:
        out[group] = Quantile(param, values);
        break;
      case AggregateOp::kTopk:
      case AggregateOp::kBottomk:
        std::stable_sort(members.begin(), members.end(), [&](const auto& a, const auto& b) {
          if (std::isnan(a.second) || std::isnan(b.second)) return !std::isnan(a.second);
          return op == AggregateOp::kTopk ? a.second > b.second : a.second < b.second;
        });
        [[fallthrough]];
      case AggregateOp::kLimitk:
        for (size_t i = 0; i < members.size() && static_cast<double>(i) + 1 <= param; ++i) {
          out[members[i].first] = members[i].second;
        }
        break;
      case AggregateOp::kLimitRatio:
        for (const auto& [labels, value] : members) {
          const double place = static_cast<double>(promql::SeriesHash(labels)) / 0x1p64;
          if (param >= 0 ? place < param : place >= 1 + param) out[labels] = value;
        }
        break;
    }
  }
  return out;
}

Vector NaivePromql::OverTime(const promql::CallExpr& call, int64_t t_ms) const {
  const FunctionId id = call.function.id;
  const bool second = id == FunctionId::kQuantileOverTime;
  const promql::Expr& range = WithoutParens(*call.args[second ? 1 : 0]);
  const bool matrix = range.kind == NodeKind::kMatrix;
  const int64_t length = matrix ? static_cast<const promql::MatrixSelector&>(range).range_ms
                                : static_cast<const promql::SubqueryExpr&>(range).range_ms;
  const int64_t end =
      Shift(matrix ? static_cast<const promql::MatrixSelector&>(range).selector->shift
                   : static_cast<const promql::SubqueryExpr&>(range).shift,
            t_ms);
  const Ranges ranges = Range(range, t_ms);
  Vector out;
  if (id == FunctionId::kAbsentOverTime) {
    if (!ranges.empty()) return out;
    Labels labels;
    if (matrix) {
      for (const Matcher& m :
           static_cast<const promql::MatrixSelector&>(range).selector->matchers) {
        if (m.type() == Matcher::Type::kEqual && m.name() != "__name__") {
          labels.Set(m.name(), m.value());
        }
      }
    }
    return {{labels, 1}};
  }
  for (const auto& [labels, s] : ranges) {
    const std::vector<double> values = ValuesOf(s);
    const size_t n = s.size();
    const auto best = [&](bool max, bool last) {
      size_t found = 0;
      for (size_t i = 0; i < n; ++i) {
        const bool better = max ? values[i] > values[found] : values[i] < values[found];
        if (std::isnan(values[found]) || better || (last && values[i] == values[found])) found = i;
      }
      return found;
    };
    const auto put = [&](double value) { Put(&out, Nameless(labels), value); };
    const auto seconds = [](int64_t ms) { return static_cast<double>(ms) / 1000; };
    switch (id) {
      case FunctionId::kRate:
        if (n > 1) put(Extrapolate(s, end - length, end, true) / seconds(length));
        break;
      case FunctionId::kIncrease:
      case FunctionId::kDelta:
        if (n > 1) put(Extrapolate(s, end - length, end, id == FunctionId::kIncrease));
        break;
      case FunctionId::kIrate:
        if (n > 1) {
          const double change =
              values[n - 1] < values[n - 2] ? values[n - 1] : values[n - 1] - values[n - 2];
          put(change / seconds(s[n - 1].t_ms - s[n - 2].t_ms));
        }
        break;
      case FunctionId::kIdelta:
        if (n > 1) put(values[n - 1] - values[n - 2]);
        break;
      case FunctionId::kDeriv:
        if (n > 1) put(FitLine(s, s[0].t_ms).slope);
        break;
      case FunctionId::kPredictLinear:
        if (n > 1) {
          const Line line = FitLine(s, t_ms);
          put(line.slope * Scalar(*call.args[1], t_ms) + line.value);
        }
        break;
      case FunctionId::kResets:
      case FunctionId::kChanges: {
        int count = 0;
        for (size_t i = 1; i < n; ++i) {
          const bool both_nan = std::isnan(values[i]) && std::isnan(values[i - 1]);
          count += id == FunctionId::kResets ? values[i] < values[i - 1]
                                             : values[i] != values[i - 1] && !both_nan;
        }
        put(count);
        break;
      }
      case FunctionId::kSumOverTime: {
        long double sum = 0;
        for (const double v : values) sum += v;
        put(static_cast<double>(sum));
        break;
      }
      case FunctionId::kAvgOverTime:
        put(Average(values));
        break;
      case FunctionId::kMinOverTime:
      case FunctionId::kMaxOverTime:
        put(values[best(id == FunctionId::kMaxOverTime, false)]);
        break;
      case FunctionId::kTsOfMinOverTime:
      case FunctionId::kTsOfMaxOverTime:
        put(seconds(s[best(id == FunctionId::kTsOfMaxOverTime, true)].t_ms));
        break;
      case FunctionId::kTsOfFirstOverTime:
        put(seconds(s.front().t_ms));
        break;
      case FunctionId::kTsOfLastOverTime:
        put(seconds(s.back().t_ms));
        break;
      case FunctionId::kCountOverTime:
        put(static_cast<double>(n));
        break;
      case FunctionId::kPresentOverTime:
        put(1);
        break;
      case FunctionId::kLastOverTime:
        Put(&out, labels, values.back());
        break;
      case FunctionId::kFirstOverTime:
        Put(&out, labels, values.front());
        break;
      case FunctionId::kStdvarOverTime:
        put(VarianceOf(values));
        break;
      case FunctionId::kStddevOverTime:
        put(std::sqrt(VarianceOf(values)));
        break;
      case FunctionId::kQuantileOverTime:
        put(Quantile(Scalar(*call.args[0], t_ms), values));
        break;
      case FunctionId::kMadOverTime: {
        const double median = Quantile(0.5, values);
        std::vector<double> distances;
        for (const double v : values) distances.push_back(std::fabs(v - median));
        put(Quantile(0.5, distances));
        break;
      }
      default:
        throw std::logic_error("not a function of the oracle");
    }
  }
  return out;
}

Vector NaivePromql::HistogramQuantile(const promql::CallExpr& call, int64_t t_ms) const {
  const double q = Scalar(*call.args[0], t_ms);
  std::map<Labels, std::map<double, double>> histograms;
  for (const auto& [labels, value] : Eval(*call.args[1], t_ms)) {
    if (labels.Get("le").empty()) continue;
    Labels rest = Nameless(labels);
    rest.Set("le", "");
    histograms[rest][std::strtod(std::string(labels.Get("le")).c_str(), nullptr)] += value;
  }
  Vector out;
  for (auto& [labels, buckets] : histograms) {
    double& answer = out[labels];
    answer = kNaN;
    const double total = buckets.rbegin()->second;
    if (buckets.size() < 2 || buckets.rbegin()->first != kInf || !(total > 0)) continue;
    double bound = 0;
    double count = 0;
    for (const auto& [upper, cumulative] : buckets) {
      if (upper == kInf) {
        answer = bound;
        break;
      }
      if (cumulative >= q * total) {
        answer = bound + (upper - bound) * ((q * total - count) / (cumulative - count));
        break;
      }
      bound = upper;
      count = cumulative;
    }
  }
  return out;
}

Vector NaivePromql::Call(const promql::CallExpr& call, int64_t t_ms) const {
  const FunctionId id = call.function.id;
  if (promql::IsOverTime(id)) return OverTime(call, t_ms);
  if (id == FunctionId::kHistogramQuantile) return HistogramQuantile(call, t_ms);
  const promql::Expr& arg = WithoutParens(*call.args[0]);
  if (id == FunctionId::kTimestamp && arg.kind == NodeKind::kSelector) {
    return Map(Select(static_cast<const promql::VectorSelector&>(arg), t_ms, true),
               [](double v) { return v; });
  }
  const Vector in = Eval(arg, t_ms);
  Vector out;
  switch (id) {
    case FunctionId::kTimestamp:
      return Map(in, [&](double) { return static_cast<double>(t_ms) / 1000; });
    case FunctionId::kAbsent: {
      if (!in.empty()) return out;
      Labels labels;
      if (arg.kind == NodeKind::kSelector) {
        for (const Matcher& m : static_cast<const promql::VectorSelector&>(arg).matchers) {
          if (m.type() == Matcher::Type::kEqual && m.name() != "__name__") {
            labels.Set(m.name(), m.value());
          }
        }
      }
      return {{labels, 1}};
    }
    case FunctionId::kRound:
      return Map(in, [](double v) { return std::floor(v + 0.5); });
    case FunctionId::kClamp: {
      const double low = Scalar(*call.args[1], t_ms);
      const double high = Scalar(*call.args[2], t_ms);
      return high < low ? Vector()
                        : Map(in, [&](double v) { return ClampMin(ClampMax(v, high), low); });
    }
    case FunctionId::kClampMin: {
      const double low = Scalar(*call.args[1], t_ms);
      return Map(in, [&](double v) { return ClampMin(v, low); });
    }
    case FunctionId::kLabelReplace:  // of the generator: "new", "$1", "node", "n(.)"
      for (const auto& [labels, value] : in) {
        Labels changed = labels;
        const std::string_view node = labels.Get("node");
        if (node.size() == 2 && node[0] == 'n') changed.Set("new", node.substr(1));
        Put(&out, changed, value);
      }
      return out;
    case FunctionId::kLabelJoin:  // of the generator: "dev", "-", "node", "dev"
      for (const auto& [labels, value] : in) {
        Labels changed = labels;
        changed.Set("dev", std::string(labels.Get("node")) + "-" + std::string(labels.Get("dev")));
        Put(&out, changed, value);
      }
      return out;
    default:
      return Map(in, [&](double v) { return promql::IsDate(id) ? DateOf(id, v) : MathOf(id, v); });
  }
}

}  // namespace ronda
