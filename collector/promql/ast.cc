#include "collector/promql/ast.h"

#include <fmt/format.h>

#include "collector/promql/number_text.h"

namespace ronda::promql {

std::string_view ToString(BinaryOp op) {
  static constexpr std::string_view kNames[] = {"==", "!=", "<", "<=", ">", ">="};
  return kNames[static_cast<int>(op)];
}

std::string FormatSelector(const std::vector<Matcher>& matchers) {
  std::string name;
  std::string inner;
  for (const Matcher& matcher : matchers) {
    const bool plain = matcher.type() == Matcher::Type::kEqual && matcher.name() == kMetricName;
    if (plain && name.empty() && inner.empty() && IsMetricName(matcher.value())) {
      name = matcher.value();
      continue;
    }
    if (!inner.empty()) {
      inner += ',';
    }
    if (plain) {
      inner += QuoteLabelValue(matcher.value());
    } else if (IsLabelName(matcher.name())) {
      inner += matcher.ToString();
    } else {
      inner += QuoteLabelValue(matcher.name()) + matcher.ToString().substr(matcher.name().size());
    }
  }
  return inner.empty() && !name.empty() ? name : name + '{' + inner + '}';
}

std::string Format(const Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kNumber:
      return FormatNumber(static_cast<const NumberLiteral&>(expr).value);
    case NodeKind::kSelector:
      return FormatSelector(static_cast<const VectorSelector&>(expr).matchers);
    case NodeKind::kParen:
      return fmt::format("({})", Format(*static_cast<const ParenExpr&>(expr).inner));
    case NodeKind::kUnaryMinus:
      return fmt::format("-{}", Format(*static_cast<const UnaryMinus&>(expr).operand));
    case NodeKind::kBinary: {
      const auto& binary = static_cast<const BinaryExpr&>(expr);
      return fmt::format("{} {} {}", Format(*binary.left), ToString(binary.op),
                         Format(*binary.right));
    }
  }
  return "";
}

}  // namespace ronda::promql
