#include "collector/promql/script/pinned.h"

#include <algorithm>
#include <utility>

#include "collector/promql/functions.h"
#include "collector/promql/visit.h"

namespace ronda::promql {
namespace {

// The copy; `pin` is off inside a subquery.
class Copier {
 public:
  explicit Copier(int64_t t_ms) : t_ms_(t_ms) {}

  ExprPtr Copy(const Expr& expr, bool pin) const {
    switch (expr.kind) {
      case NodeKind::kNumber: {
        const auto& number = static_cast<const NumberLiteral&>(expr);
        return std::make_unique<NumberLiteral>(number.position, number.value, number.duration);
      }
      case NodeKind::kString:
        return std::make_unique<StringLiteral>(expr.position,
                                               static_cast<const StringLiteral&>(expr).value);
      case NodeKind::kSelector:
        return Selector(static_cast<const VectorSelector&>(expr), pin);
      case NodeKind::kMatrix: {
        const auto& matrix = static_cast<const MatrixSelector&>(expr);
        return std::make_unique<MatrixSelector>(Selector(*matrix.selector, pin), matrix.range_ms);
      }
      case NodeKind::kSubquery: {
        const auto& subquery = static_cast<const SubqueryExpr&>(expr);
        return std::make_unique<SubqueryExpr>(subquery.position, Copy(*subquery.inner, false),
                                              subquery.range_ms, subquery.step_ms,
                                              Shift(subquery.shift, pin));
      }
      case NodeKind::kParen:
        return std::make_unique<ParenExpr>(expr.position,
                                           Copy(*static_cast<const ParenExpr&>(expr).inner, pin));
      case NodeKind::kUnaryMinus:
      case NodeKind::kUnaryPlus:
        return std::make_unique<UnaryExpr>(expr.position, expr.kind == NodeKind::kUnaryMinus,
                                           Copy(*static_cast<const UnaryExpr&>(expr).operand, pin));
      case NodeKind::kBinary: {
        const auto& binary = static_cast<const BinaryExpr&>(expr);
        return std::make_unique<BinaryExpr>(binary.position, binary.op, Copy(*binary.left, pin),
                                            Copy(*binary.right, pin), binary.return_bool,
                                            binary.matching);
      }
      case NodeKind::kAggregate: {
        const auto& aggregate = static_cast<const AggregateExpr&>(expr);
        ExprPtr param = aggregate.param == nullptr ? nullptr : Copy(*aggregate.param, pin);
        return std::make_unique<AggregateExpr>(aggregate.position, aggregate.op, std::move(param),
                                               Copy(*aggregate.operand, pin), aggregate.without,
                                               aggregate.grouping);
      }
      case NodeKind::kCall: {
        const auto& call = static_cast<const CallExpr&>(expr);
        std::vector<ExprPtr> args;
        for (const ExprPtr& arg : call.args) {
          args.push_back(Copy(*arg, pin));
        }
        return std::make_unique<CallExpr>(call.position, call.function, std::move(args));
      }
    }
    return nullptr;
  }

 private:
  TimeShift Shift(TimeShift shift, bool pin) const {
    if (pin && !shift.at.has_value()) {
      shift.at = AtModifier{AtModifier::Kind::kTime, t_ms_};
    }
    return shift;
  }

  std::unique_ptr<const VectorSelector> Selector(const VectorSelector& selector, bool pin) const {
    return std::make_unique<VectorSelector>(selector.position, selector.matchers,
                                            Shift(selector.shift, pin));
  }

  const int64_t t_ms_;
};

bool IsQueryTime(const TimeShift& shift) {
  return shift.at.has_value() && shift.at->kind != AtModifier::Kind::kTime;
}

}  // namespace

bool UsesQueryTimes(const Expr& expr) {
  bool found = false;
  VisitExpr(expr, [&found](const Expr& node) {
    if (node.kind == NodeKind::kSelector) {
      found = found || IsQueryTime(static_cast<const VectorSelector&>(node).shift);
    } else if (node.kind == NodeKind::kSubquery) {
      found = found || IsQueryTime(static_cast<const SubqueryExpr&>(node).shift);
    }
  });
  return found;
}

ExprPtr Pinned(const Expr& expr, int64_t t_ms) {
  bool of_time = UsesQueryTimes(expr);
  VisitExpr(expr, [&of_time](const Expr& node) {
    of_time = of_time || (node.kind == NodeKind::kCall &&
                          DependsOnTime(static_cast<const CallExpr&>(node).function.id));
  });
  return of_time ? nullptr : Copier(t_ms).Copy(expr, true);
}

}  // namespace ronda::promql
