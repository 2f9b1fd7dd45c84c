// The canonical spelling of expressions, the same as Prometheus prints, so that
// /api/v1/format_query answers alike. Parentheses are nodes of the tree: what was read comes out
// with the same ones.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "collector/promql/ast.h"
#include "collector/promql/functions.h"
#include "collector/promql/number_text.h"

namespace ronda::promql {
namespace {

constexpr size_t kLineLength = 100;

// Years and weeks only where nothing is left over: 90d reads better than 12w6d.
std::string DurationText(int64_t ms) {
  constexpr int64_t kDay = 24LL * 3600 * 1000;
  if (ms < 0) {
    return "-" + DurationText(-ms);
  }
  if (ms > 0 && ms % (365 * kDay) == 0) {
    return fmt::format("{}y", ms / (365 * kDay));
  }
  if (ms > 0 && ms % (7 * kDay) == 0) {
    return fmt::format("{}w", ms / (7 * kDay));
  }
  std::string text = ms >= kDay ? fmt::format("{}d", ms / kDay) : "";
  if (ms % kDay != 0 || ms == 0) {
    text += FormatDurationMs(ms % kDay);
  }
  return text;
}

std::string ListOfLabels(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) {
    text += text.empty() ? "" : ", ";
    text += IsLabelName(label) ? label : QuoteLabelValue(label);
  }
  return text;
}

std::string ShiftText(const TimeShift& shift) {
  std::string text;
  if (shift.at.has_value()) {
    switch (shift.at->kind) {
      case AtModifier::Kind::kTime:
        text = fmt::format(" @ {:.3f}", static_cast<double>(shift.at->t_ms) / 1000);
        break;
      case AtModifier::Kind::kStart:
        text = " @ start()";
        break;
      case AtModifier::Kind::kEnd:
        text = " @ end()";
        break;
    }
  }
  if (shift.offset_ms != 0) {
    text += " offset " + DurationText(shift.offset_ms);
  }
  return text;
}

std::string SortedSelector(const std::vector<Matcher>& matchers) {
  std::vector<Matcher> sorted = matchers;
  const auto plain_name = [](const Matcher& m) {
    return m.type() == Matcher::Type::kEqual && m.name() == kMetricName;
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Matcher& a, const Matcher& b) {
    if (plain_name(a) || plain_name(b)) {
      return plain_name(a) && !plain_name(b);
    }
    return a.ToString() < b.ToString();
  });
  return FormatSelector(sorted);
}

std::string SubquerySuffix(const SubqueryExpr& subquery) {
  return fmt::format("[{}:{}]{}", DurationText(subquery.range_ms),
                     subquery.step_ms == 0 ? "" : DurationText(subquery.step_ms),
                     ShiftText(subquery.shift));
}

// " on (a) group_left (b)", with a blank in front of each.
std::string MatchingText(const BinaryExpr& binary) {
  using Cardinality = VectorMatching::Cardinality;
  const VectorMatching& m = binary.matching;
  const bool grouped =
      m.cardinality == Cardinality::kManyToOne || m.cardinality == Cardinality::kOneToMany;
  std::string text;
  if (m.on || !m.labels.empty() || grouped) {
    text = fmt::format(" {} ({})", m.on ? "on" : "ignoring", ListOfLabels(m.labels));
  }
  if (grouped) {
    text +=
        fmt::format(" group_{} ({})", m.cardinality == Cardinality::kManyToOne ? "left" : "right",
                    ListOfLabels(m.include));
  }
  return text;
}

std::string OperatorText(const BinaryExpr& binary) {
  return fmt::format("{}{}{}", ToString(binary.op), binary.return_bool ? " bool" : "",
                     MatchingText(binary));
}

std::string AggregateHead(const AggregateExpr& aggregate) {
  const std::string_view name = ToString(aggregate.op);
  if (aggregate.without) {
    return fmt::format("{} without ({}) ", name, ListOfLabels(aggregate.grouping));
  }
  if (!aggregate.grouping.empty()) {
    return fmt::format("{} by ({}) ", name, ListOfLabels(aggregate.grouping));
  }
  return std::string(name);
}

std::string Arguments(const std::vector<ExprPtr>& args) {
  std::string text;
  for (const ExprPtr& arg : args) {
    text += text.empty() ? "" : ", ";
    text += Format(*arg);
  }
  return text;
}

std::string Indent(int level) { return std::string(static_cast<size_t>(level) * 2, ' '); }

std::string Pretty(const Expr& expr, int level);

std::string PrettyBinary(const BinaryExpr& binary, int level) {
  return fmt::format("{}\n{}{}\n{}", Pretty(*binary.left, level + 1), Indent(level),
                     OperatorText(binary), Pretty(*binary.right, level + 1));
}

std::string PrettyCall(const CallExpr& call, int level) {
  std::string args;
  for (const ExprPtr& arg : call.args) {
    args += args.empty() ? "" : ",\n";
    args += Pretty(*arg, level + 1);
  }
  return fmt::format("{}{}(\n{}\n{})", Indent(level), call.function.name, args, Indent(level));
}

std::string PrettyAggregate(const AggregateExpr& aggregate, int level) {
  std::string text = Indent(level) + AggregateHead(aggregate) + "(\n";
  if (aggregate.param != nullptr) {
    text += Pretty(*aggregate.param, level + 1) + ",\n";
  }
  return text + Pretty(*aggregate.operand, level + 1) + "\n" + Indent(level) + ")";
}

std::string Pretty(const Expr& expr, int level) {
  std::string line = Format(expr);
  if (line.size() <= kLineLength) {
    return Indent(level) + line;
  }
  switch (expr.kind) {
    case NodeKind::kBinary:
      return PrettyBinary(static_cast<const BinaryExpr&>(expr), level);
    case NodeKind::kCall:
      return PrettyCall(static_cast<const CallExpr&>(expr), level);
    case NodeKind::kAggregate:
      return PrettyAggregate(static_cast<const AggregateExpr&>(expr), level);
    case NodeKind::kParen:
      return fmt::format("{}(\n{}\n{})", Indent(level),
                         Pretty(*static_cast<const ParenExpr&>(expr).inner, level + 1),
                         Indent(level));
    case NodeKind::kSubquery: {
      const auto& subquery = static_cast<const SubqueryExpr&>(expr);
      return Pretty(*subquery.inner, level) + SubquerySuffix(subquery);
    }
    case NodeKind::kUnaryMinus:
    case NodeKind::kUnaryPlus: {
      const std::string inner = Pretty(*static_cast<const UnaryExpr&>(expr).operand, level);
      return fmt::format("{}{}{}", Indent(level), expr.kind == NodeKind::kUnaryMinus ? '-' : '+',
                         inner.substr(inner.find_first_not_of(' ')));
    }
    default:
      return Indent(level) + line;
  }
}

}  // namespace

std::string FormatSelector(const std::vector<Matcher>& matchers) {
  std::string name;
  std::string inner;
  // With several matchers of the name, all are matchers like others.
  const bool named = std::count_if(matchers.begin(), matchers.end(),
                                   [](const Matcher& m) { return m.name() == kMetricName; }) == 1;
  for (const Matcher& matcher : matchers) {
    const bool plain =
        named && matcher.type() == Matcher::Type::kEqual && matcher.name() == kMetricName;
    if (plain && name.empty() && inner.empty() && IsMetricName(matcher.value())) {
      name = matcher.value();
      continue;
    }
    if (!inner.empty()) {
      inner += ',';
    }
    if (plain && !matcher.value().empty()) {
      inner += QuoteLabelValue(matcher.value());
    } else {
      inner += matcher.ToString();
    }
  }
  return inner.empty() && !name.empty() ? name : name + '{' + inner + '}';
}

std::string Format(const Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kNumber: {
      const auto& number = static_cast<const NumberLiteral&>(expr);
      if (number.value == std::numeric_limits<double>::infinity()) {
        return "Inf";  // +Inf ^ x would be +(Inf ^ x)
      }
      return number.duration ? DurationText(std::llround(number.value * 1000))
                             : FormatPlainNumber(number.value);
    }
    case NodeKind::kString:
      return QuoteLabelValue(static_cast<const StringLiteral&>(expr).value);
    case NodeKind::kSelector: {
      const auto& selector = static_cast<const VectorSelector&>(expr);
      return SortedSelector(selector.matchers) + ShiftText(selector.shift);
    }
    case NodeKind::kMatrix: {
      const auto& matrix = static_cast<const MatrixSelector&>(expr);
      return fmt::format("{}[{}]{}", SortedSelector(matrix.selector->matchers),
                         DurationText(matrix.range_ms), ShiftText(matrix.selector->shift));
    }
    case NodeKind::kSubquery: {
      const auto& subquery = static_cast<const SubqueryExpr&>(expr);
      return Format(*subquery.inner) + SubquerySuffix(subquery);
    }
    case NodeKind::kParen:
      return fmt::format("({})", Format(*static_cast<const ParenExpr&>(expr).inner));
    case NodeKind::kUnaryMinus:
      return "-" + Format(*static_cast<const UnaryExpr&>(expr).operand);
    case NodeKind::kUnaryPlus:
      return "+" + Format(*static_cast<const UnaryExpr&>(expr).operand);
    case NodeKind::kBinary: {
      const auto& binary = static_cast<const BinaryExpr&>(expr);
      return fmt::format("{} {} {}", Format(*binary.left), OperatorText(binary),
                         Format(*binary.right));
    }
    case NodeKind::kAggregate: {
      const auto& aggregate = static_cast<const AggregateExpr&>(expr);
      return fmt::format("{}({}{}{})", AggregateHead(aggregate),
                         aggregate.param == nullptr ? "" : Format(*aggregate.param),
                         aggregate.param == nullptr ? "" : ", ", Format(*aggregate.operand));
    }
    case NodeKind::kCall: {
      const auto& call = static_cast<const CallExpr&>(expr);
      return fmt::format("{}({})", call.function.name, Arguments(call.args));
    }
  }
  return "";
}

std::string FormatPretty(const Expr& expr) { return Pretty(expr, 0); }

}  // namespace ronda::promql
