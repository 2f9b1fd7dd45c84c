// The syntax tree of PromQL expressions.
//
// Nodes are immutable after parsing and own their children. A new construct of the language is a
// new NodeKind with its struct here, a case in Format() and a branch in the parser; what walks the
// tree switches over `kind`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/promql/lexer.h"
#include "common/model/matcher.h"

namespace ronda::promql {

enum class NodeKind { kNumber, kSelector, kParen, kUnaryMinus, kBinary };

struct Expr {
  Expr(NodeKind node_kind, Position node_position) : kind(node_kind), position(node_position) {}
  virtual ~Expr() = default;

  const NodeKind kind;
  const Position position;  // of the first character; of the operator for kBinary
};
using ExprPtr = std::unique_ptr<const Expr>;

struct NumberLiteral : Expr {
  NumberLiteral(Position at, double v) : Expr(NodeKind::kNumber, at), value(v) {}
  const double value;  // of a duration: seconds
};

// The metric's name is an equality matcher on __name__, the first in `matchers`.
struct VectorSelector : Expr {
  VectorSelector(Position at, std::vector<Matcher> m)
      : Expr(NodeKind::kSelector, at), matchers(std::move(m)) {}
  const std::vector<Matcher> matchers;
};

struct ParenExpr : Expr {
  ParenExpr(Position at, ExprPtr e) : Expr(NodeKind::kParen, at), inner(std::move(e)) {}
  const ExprPtr inner;
};

struct UnaryMinus : Expr {
  UnaryMinus(Position at, ExprPtr e) : Expr(NodeKind::kUnaryMinus, at), operand(std::move(e)) {}
  const ExprPtr operand;
};

enum class BinaryOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct BinaryExpr : Expr {
  BinaryExpr(Position at, BinaryOp o, ExprPtr l, ExprPtr r)
      : Expr(NodeKind::kBinary, at), op(o), left(std::move(l)), right(std::move(r)) {}
  const BinaryOp op;
  const ExprPtr left;
  const ExprPtr right;
};

std::string_view ToString(BinaryOp op);  // "=="

// The expression in one canonical spelling, which parses to an equal tree.
std::string Format(const Expr& expr);
// A selector by its matchers: name{a="b"}; {"odd name","odd.label"="x"} where names need quotes.
std::string FormatSelector(const std::vector<Matcher>& matchers);

}  // namespace ronda::promql
