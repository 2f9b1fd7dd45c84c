// Recursive descent over the tokens; one function per line of the grammar in the header.
#include "collector/promql/parser.h"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

constexpr std::string_view kAggregators[] = {
    "sum",    "avg",  "count",   "min",      "max",          "group",  "stddev",
    "stdvar", "topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"};
constexpr std::string_view kSetOperators[] = {"and", "or", "unless"};
constexpr std::string_view kBinaryModifiers[] = {"bool", "on", "ignoring", "group_left",
                                                 "group_right"};

template <size_t N>
bool OneOf(std::string_view word, const std::string_view (&list)[N]) {
  return std::any_of(std::begin(list), std::end(list),
                     [word](std::string_view entry) { return EqualsIgnoreCase(word, entry); });
}

std::optional<BinaryOp> ComparisonOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEqual:
      return BinaryOp::kEqual;
    case TokenKind::kNotEqual:
      return BinaryOp::kNotEqual;
    case TokenKind::kLess:
      return BinaryOp::kLess;
    case TokenKind::kLessEqual:
      return BinaryOp::kLessEqual;
    case TokenKind::kGreater:
      return BinaryOp::kGreater;
    case TokenKind::kGreaterEqual:
      return BinaryOp::kGreaterEqual;
    default:
      return std::nullopt;
  }
}

bool IsArithmetic(TokenKind kind) { return kind >= TokenKind::kAdd && kind <= TokenKind::kPow; }

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xC2 ? 0
                          : lead < 0xE0 ? 2
                          : lead < 0xF0 ? 3
                          : lead < 0xF5 ? 4
                                        : 0;
    if (length == 0 || i + length > text.size()) {
      return false;
    }
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<uint8_t>(text[i + k]) & 0xC0) != 0x80) {
        return false;
      }
    }
    const auto second = length > 1 ? static_cast<uint8_t>(text[i + 1]) : 0;
    // Overlong forms, surrogates, and beyond U+10FFFF.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<ExprPtr> Whole() {
    RONDA_ASSIGN_OR_RETURN(ExprPtr expr, Expression(0));
    if (Peek().kind != TokenKind::kEnd) {
      return Unexpected("a comparison or the end of the expression");
    }
    return expr;
  }

 private:
  const Token& Peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  const Token& Take() {
    const Token& token = Peek();
    next_ = std::min(next_ + 1, tokens_.size() - 1);
    return token;
  }
  bool TakeIf(TokenKind kind) {
    if (Peek().kind != kind) {
      return false;
    }
    Take();
    return true;
  }

  absl::Status Unexpected(std::string_view expected) const {
    return ErrorAt(Peek().position,
                   fmt::format("unexpected {}, expected {}", Describe(Peek()), expected));
  }
  absl::Status NotYet(const Token& token, std::string_view construct) const {
    return ErrorAt(token.position,
                   fmt::format("{} not supported: this version takes \"selector comparison "
                               "number\", such as node_load1 > 4",
                               construct));
  }

  // Fails if what follows an operand is PromQL that this version does not take.
  absl::Status CheckAfterOperand() const {
    const Token& token = Peek();
    if (token.kind == TokenKind::kLeftBracket) {
      return NotYet(token, "a range or subquery [...] is");
    }
    if (token.kind == TokenKind::kAt) {
      return NotYet(token, "the modifier @ is");
    }
    if (IsArithmetic(token.kind)) {
      return NotYet(token, fmt::format("the operator {} is", token.text));
    }
    if (token.kind == TokenKind::kIdentifier) {
      if (OneOf(token.text, kSetOperators) || EqualsIgnoreCase(token.text, "atan2")) {
        return NotYet(token, fmt::format("the operator {} is", token.text));
      }
      if (EqualsIgnoreCase(token.text, "offset")) {
        return NotYet(token, "the modifier offset is");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ExprPtr> Expression(int depth) {
    RONDA_ASSIGN_OR_RETURN(ExprPtr left, Operand(depth));
    for (;;) {
      RONDA_RETURN_IF_ERROR(CheckAfterOperand());
      const auto op = ComparisonOf(Peek().kind);
      if (!op) {
        return left;
      }
      if (++comparisons_ > kMaxDepth) {
        return ErrorAt(Peek().position, fmt::format("more than {} comparisons", kMaxDepth));
      }
      const Position position = Take().position;
      if (Peek().kind == TokenKind::kIdentifier && OneOf(Peek().text, kBinaryModifiers) &&
          Peek(1).kind != TokenKind::kLeftBrace) {
        return NotYet(Peek(), fmt::format("the modifier {} is", Peek().text));
      }
      RONDA_ASSIGN_OR_RETURN(ExprPtr right, Operand(depth));
      left = std::make_unique<BinaryExpr>(position, *op, std::move(left), std::move(right));
    }
  }

  absl::StatusOr<ExprPtr> Operand(int depth) {
    if (depth > kMaxDepth) {
      return ErrorAt(Peek().position, fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    const Token& token = Peek();
    switch (token.kind) {
      case TokenKind::kNumber:
      case TokenKind::kDuration:
        Take();
        return std::make_unique<NumberLiteral>(token.position, token.number);
      case TokenKind::kIdentifier:
      case TokenKind::kLeftBrace:
        return Selector();
      case TokenKind::kAdd:
        Take();
        return Operand(depth + 1);
      case TokenKind::kSub: {
        Take();
        RONDA_ASSIGN_OR_RETURN(ExprPtr operand, Operand(depth + 1));
        return std::make_unique<UnaryMinus>(token.position, std::move(operand));
      }
      case TokenKind::kLeftParen: {
        Take();
        RONDA_ASSIGN_OR_RETURN(ExprPtr inner, Expression(depth + 1));
        if (!TakeIf(TokenKind::kRightParen)) {
          return Unexpected("\")\"");
        }
        return std::make_unique<ParenExpr>(token.position, std::move(inner));
      }
      case TokenKind::kString:
        return NotYet(token, "a string as an expression is");
      default:
        return Unexpected("a selector or a number");
    }
  }

  absl::StatusOr<ExprPtr> Selector() {
    const Position position = Peek().position;
    std::vector<Matcher> matchers;
    if (Peek().kind == TokenKind::kIdentifier) {
      const Token& name = Take();
      if (OneOf(name.text, kAggregators) &&
          (Peek().kind == TokenKind::kLeftParen || Peek().kind == TokenKind::kIdentifier)) {
        return NotYet(name, fmt::format("the aggregation {}(...) is", name.text));
      }
      if (Peek().kind == TokenKind::kLeftParen) {
        return NotYet(name, fmt::format("the function {}(...) is", name.text));
      }
      matchers.push_back(Matcher::Equal(std::string(kMetricName), name.text));
    }
    if (TakeIf(TokenKind::kLeftBrace)) {
      RONDA_RETURN_IF_ERROR(Matchers(&matchers));
    }
    const bool selective = std::any_of(matchers.begin(), matchers.end(),
                                       [](const Matcher& m) { return !m.Matches(""); });
    if (!selective) {
      return ErrorAt(position,
                     "the selector would take every series: give a metric name, or a "
                     "matcher that an absent label does not satisfy");
    }
    return std::make_unique<VectorSelector>(position, std::move(matchers));
  }

  // After the opening brace, up to and with the closing one.
  absl::Status Matchers(std::vector<Matcher>* matchers) {
    while (!TakeIf(TokenKind::kRightBrace)) {
      RONDA_RETURN_IF_ERROR(OneMatcher(matchers));
      if (!TakeIf(TokenKind::kComma) && Peek().kind != TokenKind::kRightBrace) {
        return Unexpected("\",\" or \"}\"");
      }
    }
    return absl::OkStatus();
  }

  absl::Status OneMatcher(std::vector<Matcher>* matchers) {
    const Token& name = Peek();
    const bool quoted = name.kind == TokenKind::kString;
    if (name.kind != TokenKind::kIdentifier && !quoted) {
      return Unexpected("a label name or \"}\"");
    }
    if (quoted ? name.text.empty() || !IsUtf8(name.text) : !IsLabelName(name.text)) {
      return ErrorAt(name.position, fmt::format("{} is not a label name", Describe(name)));
    }
    Take();
    Matcher::Type type = Matcher::Type::kEqual;
    switch (Peek().kind) {
      case TokenKind::kAssign:
        break;
      case TokenKind::kNotEqual:
        type = Matcher::Type::kNotEqual;
        break;
      case TokenKind::kMatches:
        type = Matcher::Type::kRegex;
        break;
      case TokenKind::kNotMatches:
        type = Matcher::Type::kNotRegex;
        break;
      case TokenKind::kComma:
      case TokenKind::kRightBrace:
        if (quoted) {
          return AddName(name, matchers);
        }
        [[fallthrough]];
      default:
        return Unexpected("one of = != =~ !~");
    }
    Take();
    const Token& value = Peek();
    if (value.kind != TokenKind::kString) {
      return Unexpected("a string in quotes");
    }
    Take();
    if (!IsUtf8(value.text)) {
      return ErrorAt(value.position, "the string is not UTF-8");
    }
    auto matcher = Matcher::New(type, name.text, value.text);
    if (!matcher.ok()) {
      return ErrorAt(value.position, Message(matcher.status()));
    }
    if (name.text == kMetricName && HasPlainName(*matchers)) {
      return ErrorAt(name.position, "the metric name is given twice");
    }
    matchers->push_back(*std::move(matcher));
    return absl::OkStatus();
  }

  absl::Status AddName(const Token& name, std::vector<Matcher>* matchers) {
    if (std::any_of(matchers->begin(), matchers->end(),
                    [](const Matcher& m) { return m.name() == kMetricName; })) {
      return ErrorAt(name.position, "the metric name is given twice");
    }
    matchers->insert(matchers->begin(), Matcher::Equal(std::string(kMetricName), name.text));
    return absl::OkStatus();
  }

  // A name before the braces or in quotes; {__name__=~"a.*",__name__!="ab"} is fine.
  static bool HasPlainName(const std::vector<Matcher>& matchers) {
    return !matchers.empty() && matchers[0].name() == kMetricName &&
           matchers[0].type() == Matcher::Type::kEqual;
  }

  const std::vector<Token> tokens_;
  size_t next_ = 0;
  int comparisons_ = 0;
};

}  // namespace

absl::StatusOr<ExprPtr> Parse(std::string_view text) {
  RONDA_ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(text));
  return Parser(std::move(tokens)).Whole();
}

absl::StatusOr<std::vector<Matcher>> ParseSelector(std::string_view text) {
  RONDA_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  if (expr->kind != NodeKind::kSelector) {
    return ErrorAt(expr->position,
                   "expected one selector, such as node_load1 or "
                   "up{job=\"node\"}");
  }
  return static_cast<const VectorSelector&>(*expr).matchers;
}

}  // namespace ronda::promql
