#include "tests/support/promql_generator.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace ronda {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The samples of one series: `next` makes the values; holes, an end and a return are put in.
template <typename Next>
GeneratedSeries Make(std::mt19937_64& random, Labels labels, int64_t interval_ms, int count,
                     Next next) {
  GeneratedSeries series{std::move(labels), {}};
  const auto hole_at = static_cast<int>(random() % static_cast<uint64_t>(count));
  const int hole = random() % 3 == 0 ? static_cast<int>(random() % 60) : 0;
  const bool marked = random() % 2 == 0;
  for (int i = 1; i < count; ++i) {
    const double value = next();
    if (i >= hole_at && i < hole_at + hole) {
      if (i == hole_at && marked) {
        series.samples.push_back({i * interval_ms, StaleMarker()});
      }
      continue;
    }
    series.samples.push_back({i * interval_ms, value});
  }
  return series;
}

}  // namespace

std::vector<GeneratedSeries> GenerateSeries(std::mt19937_64& random, int64_t interval_ms,
                                            int count) {
  std::vector<GeneratedSeries> all;
  for (const char* node : {"n1", "n2", "n3"}) {
    for (const char* dev : {"a", "b"}) {
      const bool odd = random() % 6 == 0;
      all.push_back(Make(random, Labels::Of("g", {{"node", node}, {"dev", dev}}), interval_ms,
                         count, [&]() -> double {
                           const uint64_t r = random();
                           if (odd && r % 20 == 0)
                             return r % 3 == 0 ? kNaN : r % 3 == 1 ? kInf : -kInf;
                           return static_cast<double>(static_cast<int>(r % 400) - 200) / 8;
                         }));
      double counter = static_cast<double>(random() % 50);
      all.push_back(Make(
          random, Labels::Of("c_total", {{"node", node}, {"dev", dev}}), interval_ms, count, [&] {
            counter = random() % 25 == 0 ? static_cast<double>(random() % 4)
                                         : counter + static_cast<double>(random() % 9);
            return counter;
          }));
    }
    double counts[4] = {0, 0, 0, 0};
    const char* const bounds[4] = {"0.5", "1", "2.5", "+Inf"};
    std::vector<GeneratedSeries> buckets;
    for (int b = 0; b < 4; ++b) {
      buckets.push_back({Labels::Of("h_bucket", {{"node", node}, {"le", bounds[b]}}), {}});
    }
    for (int i = 1; i < count; ++i) {
      double below = 0;
      for (int b = 0; b < 4; ++b) {
        below += static_cast<double>(random() % 3);
        counts[b] += below;
        buckets[static_cast<size_t>(b)].samples.push_back({i * interval_ms, counts[b]});
      }
    }
    all.insert(all.end(), buckets.begin(), buckets.end());
  }
  all.push_back(Make(random, Labels::Of("one"), interval_ms, count,
                     [&] { return static_cast<double>(random() % 7); }));
  return all;
}

std::string PromqlGenerator::Expression() { return OneIn(10) ? Scalar(2) : Vector(3); }

std::string PromqlGenerator::Duration() {
  return std::string(Pick({"20s", "45s", "1m", "2m", "3m", "6m"}));
}

std::string PromqlGenerator::Shift() {
  std::string shift;
  if (OneIn(4)) {
    shift += fmt::format(" offset {}", options_.prometheus2 ? Pick({"30s", "2m", "7m"})
                                                            : Pick({"30s", "2m", "-40s", "7m"}));
  }
  if (OneIn(8)) {
    shift += options_.query_times && OneIn(2)
                 ? fmt::format(" @ {}", Pick({"start()", "end()"}))
                 : fmt::format(" @ {}", 100 + Below(options_.prometheus2 ? 490 : 600));
  }
  return shift;
}

std::string PromqlGenerator::Selector() {
  switch (Below(8)) {
    case 0:
      return std::string(Pick({"g", "c_total", "one"}));
    case 1:
      return fmt::format("{}{{dev=\"{}\"}}", Pick({"g", "c_total"}), Pick({"a", "b"}));
    case 2:
      return fmt::format("{}{{node!=\"n{}\"}}", Pick({"g", "c_total"}), 1 + Below(3));
    case 3:
      return fmt::format("{}{{node=~\"n[{}3]\",dev!~\"z|b\"}}", Pick({"g", "c_total"}),
                         1 + Below(2));
    case 4:
      return fmt::format("{{__name__=~\"g|c_total\",dev=\"a\",node=\"n{}\"}}", 1 + Below(3));
    case 5:
      return "h_bucket";
    default:
      return std::string(Pick({"g", "c_total", "g{node=\"n1\"}", "c_total{node=\"n2\"}"}));
  }
}

std::string PromqlGenerator::Range(int depth) {
  if (depth > 0 && OneIn(4)) {
    return fmt::format("({})[{}:{}]{}", Vector(depth - 1), Duration(),
                       Pick({"", "10s", "25s", "1m"}), Shift());
  }
  return fmt::format("{}[{}]{}", Selector(), Duration(), Shift());
}

std::string PromqlGenerator::OverTime(int depth) {
  if (OneIn(6)) {
    return fmt::format("quantile_over_time({}, {})",
                       Pick({"0", "0.3", "0.5", "0.95", "1", "2", "-1"}), Range(depth));
  }
  if (OneIn(9)) {
    return fmt::format(
        "predict_linear({}, {})", Range(depth),
        options_.prometheus2 ? Pick({"0", "60", "-3600"}) : Pick({"0", "60", "-3600", "1h"}));
  }
  if (OneIn(12)) {
    return fmt::format("{}({}, 0.4, 0.3)",
                       options_.prometheus2 ? "holt_winters" : "double_exponential_smoothing",
                       Range(depth));
  }
  if (!options_.prometheus2 && OneIn(8)) {
    return fmt::format(
        "{}({})",
        Pick({"first_over_time", "mad_over_time", "ts_of_max_over_time", "ts_of_min_over_time",
              "ts_of_first_over_time", "ts_of_last_over_time"}),
        Range(depth));
  }
  return fmt::format(
      "{}({})",
      Pick({"rate", "rate", "increase", "delta", "irate", "idelta", "deriv", "resets", "changes",
            "sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "count_over_time",
            "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time",
            "absent_over_time"}),
      Range(depth));
}

std::string PromqlGenerator::Grouping() {
  return std::string(Pick({"", " by (node) ", " by (dev) ", " without (dev) ", " by (node, dev) ",
                           " without (node, le) ", " by (nosuch) ", " by () ", " without () "}));
}

std::string PromqlGenerator::Aggregation(int depth) {
  const std::string inner = Vector(depth - 1);
  const std::string grouping = Grouping();
  switch (Below(8)) {
    case 0:
      return fmt::format("quantile{}({}, {})", grouping, Pick({"0.2", "0.5", "0.99"}), inner);
    case 1:
      return fmt::format("count_values{}(\"v\", round({}))", grouping, inner);
    case 2:
      if (!options_.prometheus2) {
        return fmt::format("{}{}({}, {})", Pick({"topk", "bottomk"}), grouping, Below(4), inner);
      }
      [[fallthrough]];
    case 3:
      if (!options_.prometheus2) {
        return OneIn(2) ? fmt::format("limitk{}({}, {})", grouping, Below(4), inner)
                        : fmt::format("limit_ratio{}({}, {})", grouping,
                                      Pick({"0.3", "-0.7", "1", "0"}), inner);
      }
      [[fallthrough]];
    default:
      return fmt::format("{}{}({})",
                         options_.prometheus2 ? Pick({"sum", "avg", "count", "min", "max", "group"})
                                              : Pick({"sum", "sum", "avg", "count", "min", "max",
                                                      "group", "stddev", "stdvar"}),
                         grouping, inner);
  }
}

std::string PromqlGenerator::VectorMatch(int depth) {
  const std::string left = Vector(depth - 1);
  const std::string right = Vector(depth - 1);
  switch (Below(6)) {
    case 0:
      return fmt::format("({}) {} {}({})", left, Pick({"and", "or", "unless"}),
                         Pick({"", "", "on (node) ", "ignoring (dev) ", "on () "}), right);
    case 1:
      return fmt::format("({}) {} on (node) group_left {}sum by (node) ({})", left,
                         Pick({"+", "/", "*", ">", "== bool"}), Pick({"", "() "}), right);
    case 2:
      return fmt::format("max by (node) ({}) {} on (node) group_right () ({})", left,
                         Pick({"-", "%", "<=", "!= bool"}), right);
    case 3:
      return fmt::format("avg by (node) ({}) {} on (node) min by (node) ({})", left,
                         Pick({"+", "-", "*", "/", "^", "atan2", ">", "< bool"}), right);
    case 4:
      return fmt::format("sum({}) {} on () count({})", left, Pick({"+", "-", "/", ">="}), right);
    default:
      return fmt::format("({}) {} ({})", left,
                         Pick({"+", "-", "*", "/", "%", ">", "!=", "== bool"}), right);
  }
}

std::string PromqlGenerator::Scalar(int depth) {
  switch (Below(depth > 0 ? 6 : 3)) {
    case 0:
      return "time()";
    case 1:
      return fmt::format("{}", static_cast<double>(static_cast<int>(Below(80)) - 40) / 8);
    case 2:
      return std::string(options_.prometheus2 ? Pick({"pi()", "NaN", "-Inf", "0"})
                                              : Pick({"pi()", "1m", "NaN", "-Inf", "0"}));
    case 3:
      return fmt::format("scalar({})", Vector(depth - 1));
    case 4:
      return fmt::format("({} {} {})", Scalar(depth - 1),
                         Pick({"+", "-", "*", "/", "%", "^", "> bool", "== bool"}),
                         Scalar(depth - 1));
    default:
      return fmt::format("-({})", Scalar(depth - 1));
  }
}

std::string PromqlGenerator::Vector(int depth) {
  if (depth <= 0) {
    return OneIn(3) ? OverTime(0) : Selector() + Shift();
  }
  if (!options_.prometheus2 && OneIn(15)) {
    return fmt::format("{}({})", Pick({"hour", "minute", "day_of_week", "day_of_year", "month"}),
                       Vector(depth - 1));
  }
  if (!options_.prometheus2 && OneIn(15)) {
    return fmt::format("{}({})", Pick({"hour", "minute", "day_of_week", "day_of_year", "month"}),
                       Vector(depth - 1));
  }
  switch (Below(14)) {
    case 0:
    case 1:
    case 2:
      return OverTime(depth - 1);
    case 3:
    case 4:
    case 5:
      return Aggregation(depth);
    case 6:
    case 7:
      return VectorMatch(depth);
    case 8:
      return fmt::format("({}) {} {}", Vector(depth - 1),
                         Pick({"+", "-", "*", "/", "%", "^", ">", "<=", "!=", "> bool", "== bool"}),
                         Scalar(depth - 1));
    case 9:
      return fmt::format("{} {} ({})", Scalar(depth - 1),
                         Pick({"+", "-", "*", "/", "<", ">=", "< bool"}), Vector(depth - 1));
    case 10:
      return fmt::format(
          "{}({})",
          Pick({"abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos",
                "atan", "tanh", "deg", "rad", "round", "timestamp", "-", "absent"}),
          Vector(depth - 1));
    case 11:
      return OneIn(2) ? fmt::format("clamp({}, {}, {})", Vector(depth - 1), Scalar(0), Scalar(0))
                      : fmt::format("clamp_min({}, {})", Vector(depth - 1), Scalar(depth - 1));
    case 12:
      return OneIn(2) ? fmt::format("label_replace({}, \"new\", \"$1\", \"node\", \"n(.)\")",
                                    Vector(depth - 1))
                      : fmt::format("label_join({}, \"dev\", \"-\", \"node\", \"dev\")",
                                    Vector(depth - 1));
    default:
      return fmt::format("histogram_quantile({}, {})", Pick({"0", "0.5", "0.9", "1"}),
                         OneIn(2) ? "rate(h_bucket[2m])" : "sum by (le) (h_bucket)");
  }
}

}  // namespace ronda
