// The syntax tree of PromQL expressions.
//
// Nodes are immutable after parsing and own their children. What walks the tree switches over
// `kind`. Types and arguments have been checked by the parser: an evaluator need not do so again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/promql/lexer.h"
#include "common/model/matcher.h"

namespace ronda::promql {

enum class ValueType { kScalar, kString, kVector, kMatrix };

// "scalar", "string", "instant vector", "range vector", as messages name them.
std::string_view ToString(ValueType type);

enum class NodeKind {
  kNumber,
  kString,
  kSelector,
  kMatrix,
  kSubquery,
  kParen,
  kUnaryMinus,
  kUnaryPlus,
  kBinary,
  kAggregate,
  kCall
};

struct Expr {
  Expr(NodeKind node_kind, Position node_position, ValueType value_type, bool invariant)
      : kind(node_kind), position(node_position), type(value_type), step_invariant(invariant) {}
  virtual ~Expr() = default;

  const NodeKind kind;
  const Position position;  // of the first character; of the operator for kBinary
  const ValueType type;
  // The value is the same at every step of a range query, because of literals and @ alone.
  const bool step_invariant;
};
using ExprPtr = std::unique_ptr<const Expr>;

struct NumberLiteral : Expr {
  NumberLiteral(Position at, double v, bool is_duration = false)
      : Expr(NodeKind::kNumber, at, ValueType::kScalar, true), value(v), duration(is_duration) {}
  const double value;   // of a duration: seconds
  const bool duration;  // written as 1h30m
};

struct StringLiteral : Expr {
  StringLiteral(Position at, std::string v)
      : Expr(NodeKind::kString, at, ValueType::kString, true), value(std::move(v)) {}
  const std::string value;
};

// What `@` names: a time, or the first or last one of the whole query.
struct AtModifier {
  enum class Kind { kTime, kStart, kEnd };
  Kind kind = Kind::kTime;
  int64_t t_ms = 0;  // of kTime
};

// `offset 5m` and `@ 1700000000` of selectors and subqueries.
struct TimeShift {
  int64_t offset_ms = 0;  // into the past; may be negative
  std::optional<AtModifier> at;
};

// The metric's name is an equality matcher on __name__, the first in `matchers`.
struct VectorSelector : Expr {
  VectorSelector(Position where, std::vector<Matcher> m, TimeShift s = {})
      : Expr(NodeKind::kSelector, where, ValueType::kVector, s.at.has_value()),
        matchers(std::move(m)),
        shift(s) {}
  const std::vector<Matcher> matchers;
  const TimeShift shift;
};

// selector[5m]; offset and @ are the selector's.
struct MatrixSelector : Expr {
  MatrixSelector(std::unique_ptr<const VectorSelector> s, int64_t range)
      : Expr(NodeKind::kMatrix, s->position, ValueType::kMatrix, s->step_invariant),
        selector(std::move(s)),
        range_ms(range) {}
  const std::unique_ptr<const VectorSelector> selector;
  const int64_t range_ms;
};

struct SubqueryExpr : Expr {
  SubqueryExpr(Position where, ExprPtr e, int64_t range, int64_t step, TimeShift s = {})
      : Expr(NodeKind::kSubquery, where, ValueType::kMatrix, s.at.has_value()),
        inner(std::move(e)),
        range_ms(range),
        step_ms(step),
        shift(s) {}
  const ExprPtr inner;
  const int64_t range_ms;
  const int64_t step_ms;  // 0: the default
  const TimeShift shift;
};

struct ParenExpr : Expr {
  ParenExpr(Position at, ExprPtr e)
      : Expr(NodeKind::kParen, at, e->type, e->step_invariant), inner(std::move(e)) {}
  const ExprPtr inner;
};

// kUnaryMinus or kUnaryPlus. Signs of number literals are part of the literal.
struct UnaryExpr : Expr {
  UnaryExpr(Position at, bool minus, ExprPtr e)
      : Expr(minus ? NodeKind::kUnaryMinus : NodeKind::kUnaryPlus, at, e->type, e->step_invariant),
        operand(std::move(e)) {}
  const ExprPtr operand;
};

enum class BinaryOp {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kAnd,
  kOr,
  kUnless
};

constexpr bool IsComparison(BinaryOp op) { return op <= BinaryOp::kGreaterEqual; }
constexpr bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }

// How the series of two vectors find each other.
struct VectorMatching {
  enum class Cardinality { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
  Cardinality cardinality = Cardinality::kOneToOne;  // kManyToMany: set operators
  bool on = false;                                   // else ignoring
  std::vector<std::string> labels;                   // of on() or ignoring()
  std::vector<std::string> include;                  // of group_left() or group_right()
};

struct BinaryExpr : Expr {
  BinaryExpr(Position at, BinaryOp o, ExprPtr l, ExprPtr r, bool with_bool = false,
             VectorMatching m = {});
  const BinaryOp op;
  const ExprPtr left;
  const ExprPtr right;
  const bool return_bool;
  const VectorMatching matching;  // of two vectors
};

enum class AggregateOp {
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kCountValues,
  kQuantile,
  kLimitk,
  kLimitRatio
};

struct AggregateExpr : Expr {
  AggregateExpr(Position at, AggregateOp o, ExprPtr p, ExprPtr e, bool wo,
                std::vector<std::string> labels)
      : Expr(NodeKind::kAggregate, at, ValueType::kVector,
             e->step_invariant && (p == nullptr || p->step_invariant)),
        op(o),
        param(std::move(p)),
        operand(std::move(e)),
        without(wo),
        grouping(std::move(labels)) {}
  const AggregateOp op;
  const ExprPtr param;  // of topk, quantile, count_values, ...; else null
  const ExprPtr operand;
  const bool without;
  const std::vector<std::string> grouping;  // as written
};

struct FunctionSpec;  // functions.h

struct CallExpr : Expr {
  CallExpr(Position at, const FunctionSpec& f, std::vector<ExprPtr> a);
  const FunctionSpec& function;
  const std::vector<ExprPtr> args;
};

std::string_view ToString(BinaryOp op);     // "=="
std::string_view ToString(AggregateOp op);  // "topk"

// Where the text of the expression begins (for kBinary: that of its left side).
Position StartOf(const Expr& expr);
// Without the parentheses around it.
const Expr& WithoutParens(const Expr& expr);

// The expression in one canonical spelling, on one line, which parses to an equal tree.
std::string Format(const Expr& expr);
// The same over several lines, with indents, where a part is longer than 100 characters.
std::string FormatPretty(const Expr& expr);
// A selector by its matchers: name{a="b"}; {"odd name","odd.label"="x"} where names need quotes.
std::string FormatSelector(const std::vector<Matcher>& matchers);

}  // namespace ronda::promql
