// Recursive descent over the tokens; one function per line of the grammar in the header.
#include "collector/promql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "collector/promql/functions.h"
#include "collector/promql/number_text.h"
#include "collector/promql/type_check.h"
#include "common/base/status.h"
#include "common/base/utf8.h"

namespace ronda::promql {
namespace {

// Seconds that still fit int64 milliseconds, with room to add and subtract.
constexpr double kMaxSeconds = 9.2e15 / 1000;

struct OperatorRow {
  std::string_view text;
  BinaryOp op;
  int strength;
};
constexpr int kPowStrength = 6;
constexpr OperatorRow kOperators[] = {
    {"or", BinaryOp::kOr, 1},         {"and", BinaryOp::kAnd, 2},
    {"unless", BinaryOp::kUnless, 2}, {"==", BinaryOp::kEqual, 3},
    {"!=", BinaryOp::kNotEqual, 3},   {"<=", BinaryOp::kLessEqual, 3},
    {"<", BinaryOp::kLess, 3},        {">=", BinaryOp::kGreaterEqual, 3},
    {">", BinaryOp::kGreater, 3},     {"+", BinaryOp::kAdd, 4},
    {"-", BinaryOp::kSub, 4},         {"*", BinaryOp::kMul, 5},
    {"/", BinaryOp::kDiv, 5},         {"%", BinaryOp::kMod, 5},
    {"atan2", BinaryOp::kAtan2, 5},   {"^", BinaryOp::kPow, kPowStrength},
};

const OperatorRow* FindOperator(const Token& token) {
  if (token.kind == TokenKind::kString) {
    return nullptr;
  }
  for (const OperatorRow& row : kOperators) {
    if (EqualsIgnoreCase(token.text, row.text)) {
      return &row;
    }
  }
  return nullptr;
}

std::optional<AggregateOp> FindAggregate(const Token& token) {
  if (token.kind == TokenKind::kIdentifier) {
    for (int op = 0; op <= static_cast<int>(AggregateOp::kLimitRatio); ++op) {
      if (EqualsIgnoreCase(token.text, ToString(static_cast<AggregateOp>(op)))) {
        return static_cast<AggregateOp>(op);
      }
    }
  }
  return std::nullopt;
}

bool IsWord(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kIdentifier && EqualsIgnoreCase(token.text, word);
}

bool IsGrouping(const Token& token) { return IsWord(token, "by") || IsWord(token, "without"); }

// An operand while its postfixes are read: nodes are immutable, so that a selector is only made
// when all of it is known.
struct Draft {
  Position position;
  ExprPtr done;                   // what is complete already, if it is no selector
  std::vector<Matcher> matchers;  // of a selector
  ExprPtr inner;                  // of a subquery
  int64_t range_ms = 0;           // of a range selector or a subquery
  int64_t step_ms = 0;
  TimeShift shift;
  bool has_offset = false;

  bool IsSubquery() const { return inner != nullptr; }
  bool IsSelector() const { return done == nullptr && inner == nullptr; }
};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<ExprPtr> Whole() {
    RONDA_ASSIGN_OR_RETURN(ExprPtr expr, Expression(0, 0));
    if (Peek().kind != TokenKind::kEnd) {
      return Unexpected("an operator or the end of the expression");
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
  bool TakeWord(std::string_view word) {
    if (!IsWord(Peek(), word)) {
      return false;
    }
    Take();
    return true;
  }

  absl::Status Unexpected(std::string_view expected) const {
    return ErrorAt(Peek().position,
                   fmt::format("unexpected {}, expected {}", Describe(Peek()), expected));
  }
  absl::Status Expect(TokenKind kind, std::string_view text) {
    return TakeIf(kind) ? absl::OkStatus() : Unexpected(fmt::format("\"{}\"", text));
  }

  // Operators of at least `strength`.
  absl::StatusOr<ExprPtr> Expression(int depth, int strength) {
    RONDA_ASSIGN_OR_RETURN(ExprPtr left, Operand(depth));
    for (;;) {
      const Token& token = Peek();
      const OperatorRow* row = FindOperator(token);
      if (row == nullptr || row->strength < strength) {
        return left;
      }
      if (++operators_ > kMaxOperators) {
        return ErrorAt(token.position, fmt::format("more than {} operators", kMaxOperators));
      }
      Take();
      RONDA_ASSIGN_OR_RETURN(left, Binary(depth, token.position, *row, std::move(left)));
    }
  }

  // After the operator.
  absl::StatusOr<ExprPtr> Binary(int depth, Position at, const OperatorRow& row, ExprPtr left) {
    const bool with_bool = TakeWord("bool");
    VectorMatching matching;
    const bool has_matching = IsWord(Peek(), "on") || IsWord(Peek(), "ignoring");
    if (has_matching) {
      RONDA_RETURN_IF_ERROR(Matching(&matching));
    }
    // What is as strong groups from the left, but powers group from the right.
    const bool from_right = row.op == BinaryOp::kPow;
    RONDA_ASSIGN_OR_RETURN(ExprPtr right, Expression(from_right ? depth + 1 : depth,
                                                     from_right ? row.strength : row.strength + 1));
    RONDA_RETURN_IF_ERROR(
        CheckBinary(at, row.op, *left, *right, with_bool, matching, has_matching));
    if (IsSetOperator(row.op)) {
      matching.cardinality = VectorMatching::Cardinality::kManyToMany;
    }
    return std::make_unique<BinaryExpr>(at, row.op, std::move(left), std::move(right), with_bool,
                                        std::move(matching));
  }

  absl::Status Matching(VectorMatching* matching) {
    matching->on = IsWord(Take(), "on");
    RONDA_RETURN_IF_ERROR(LabelList(&matching->labels));
    const bool left = IsWord(Peek(), "group_left");
    if (left || IsWord(Peek(), "group_right")) {
      Take();
      matching->cardinality =
          left ? VectorMatching::Cardinality::kManyToOne : VectorMatching::Cardinality::kOneToMany;
      if (Peek().kind == TokenKind::kLeftParen) {
        return LabelList(&matching->include);
      }
    }
    return absl::OkStatus();
  }

  // "(" labels ")".
  absl::Status LabelList(std::vector<std::string>* labels) {
    RONDA_RETURN_IF_ERROR(Expect(TokenKind::kLeftParen, "("));
    while (!TakeIf(TokenKind::kRightParen)) {
      const Token& label = Peek();
      const bool plain = label.kind == TokenKind::kIdentifier && IsLabelName(label.text);
      const bool quoted = label.kind == TokenKind::kString && IsName(label.text);
      if (!plain && !quoted) {
        return Unexpected("a label name or \")\"");
      }
      labels->push_back(Take().text);
      if (!TakeIf(TokenKind::kComma) && Peek().kind != TokenKind::kRightParen) {
        return Unexpected("\",\" or \")\"");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ExprPtr> Operand(int depth) {
    const Token& token = Peek();
    if (depth > kMaxDepth) {
      return ErrorAt(token.position, fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    if (token.kind != TokenKind::kAdd && token.kind != TokenKind::kSub) {
      return Postfixed(depth);
    }
    const bool minus = Take().kind == TokenKind::kSub;
    RONDA_ASSIGN_OR_RETURN(ExprPtr operand, Expression(depth + 1, kPowStrength));
    RONDA_RETURN_IF_ERROR(CheckUnary(token.position, *operand));
    if (operand->kind == NodeKind::kNumber) {
      const auto& number = static_cast<const NumberLiteral&>(*operand);
      return std::make_unique<NumberLiteral>(token.position, minus ? -number.value : number.value,
                                             number.duration);
    }
    return std::make_unique<UnaryExpr>(token.position, minus, std::move(operand));
  }

  absl::StatusOr<ExprPtr> Postfixed(int depth) {
    RONDA_ASSIGN_OR_RETURN(Draft draft, Primary(depth));
    for (int postfixes = 0;; ++postfixes) {
      if (postfixes > kMaxDepth) {
        return ErrorAt(Peek().position, fmt::format("more than {} modifiers", kMaxDepth));
      }
      if (Peek().kind == TokenKind::kLeftBracket) {
        RONDA_RETURN_IF_ERROR(Bracket(&draft));
      } else if (IsWord(Peek(), "offset")) {
        RONDA_RETURN_IF_ERROR(Offset(&draft));
      } else if (Peek().kind == TokenKind::kAt) {
        RONDA_RETURN_IF_ERROR(At(&draft));
      } else {
        return Finish(std::move(draft));
      }
    }
  }

  static ExprPtr Finish(Draft draft) {
    if (draft.done != nullptr) {
      return std::move(draft.done);
    }
    if (draft.IsSubquery()) {
      return std::make_unique<SubqueryExpr>(draft.position, std::move(draft.inner), draft.range_ms,
                                            draft.step_ms, draft.shift);
    }
    auto selector =
        std::make_unique<VectorSelector>(draft.position, std::move(draft.matchers), draft.shift);
    if (draft.range_ms == 0) {
      return selector;
    }
    return std::make_unique<MatrixSelector>(std::move(selector), draft.range_ms);
  }

  // [5m] or [1h:1m].
  absl::Status Bracket(Draft* draft) {
    const Position at = Take().position;
    int64_t range_ms = 0;
    RONDA_RETURN_IF_ERROR(Duration(&range_ms, /*positive=*/true));
    if (!TakeIf(TokenKind::kColon)) {
      if (Peek().kind != TokenKind::kRightBracket) {
        return Unexpected("\":\" or \"]\"");
      }
      Take();
      if (!draft->IsSelector() || draft->range_ms != 0) {
        return ErrorAt(at, "ranges only allowed for vector selectors");
      }
      if (draft->has_offset) {
        return ErrorAt(at, "no offset modifiers allowed before range");
      }
      if (draft->shift.at.has_value()) {
        return ErrorAt(at, "no @ modifiers allowed before range");
      }
      draft->range_ms = range_ms;
      return absl::OkStatus();
    }
    int64_t step_ms = 0;
    if (Peek().kind != TokenKind::kRightBracket) {
      RONDA_RETURN_IF_ERROR(Duration(&step_ms, /*positive=*/true));
    }
    RONDA_RETURN_IF_ERROR(Expect(TokenKind::kRightBracket, "]"));
    const Position position = draft->position;
    ExprPtr inner = Finish(std::move(*draft));
    if (inner->type != ValueType::kVector && inner->type != ValueType::kScalar) {
      return ErrorAt(at, fmt::format("subquery is only allowed on instant vector, got {} instead",
                                     ToString(inner->type)));
    }
    if (inner->type == ValueType::kScalar) {
      return ErrorAt(at, "subquery is only allowed on instant vector, got scalar instead");
    }
    *draft = Draft();
    draft->position = position;
    draft->inner = std::move(inner);
    draft->range_ms = range_ms;
    draft->step_ms = step_ms;
    return absl::OkStatus();
  }

  // A duration, or seconds as a number.
  absl::Status Duration(int64_t* ms, bool positive) {
    const Token& token = Peek();
    if (token.kind != TokenKind::kDuration && token.kind != TokenKind::kNumber) {
      return Unexpected("a duration such as 5m");
    }
    if (!(token.number <= kMaxSeconds)) {
      return ErrorAt(token.position, fmt::format("duration \"{}\" out of range", token.text));
    }
    *ms = std::llround(token.number * 1000);
    if (positive && *ms <= 0) {
      return ErrorAt(token.position, "duration must be greater than 0");
    }
    Take();
    return absl::OkStatus();
  }

  // True if offset and @ make sense for what has been read.
  static bool TakesShift(const Draft& draft) { return draft.done == nullptr; }

  absl::Status Offset(Draft* draft) {
    const Position at = Take().position;
    if (!TakesShift(*draft)) {
      return ErrorAt(at,
                     "offset modifier must be preceded by an instant vector selector or range "
                     "vector selector or a subquery");
    }
    if (draft->has_offset) {
      return ErrorAt(at, "offset may not be set multiple times");
    }
    const bool minus = TakeSign();
    int64_t ms = 0;
    RONDA_RETURN_IF_ERROR(Duration(&ms, /*positive=*/false));
    draft->shift.offset_ms = minus ? -ms : ms;
    draft->has_offset = true;
    return absl::OkStatus();
  }

  // True for minus.
  bool TakeSign() {
    const bool minus = Peek().kind == TokenKind::kSub;
    if (minus || Peek().kind == TokenKind::kAdd) {
      Take();
    }
    return minus;
  }

  absl::Status At(Draft* draft) {
    const Position at = Take().position;
    if (!TakesShift(*draft)) {
      return ErrorAt(at,
                     "@ modifier must be preceded by an instant vector selector or range vector "
                     "selector or a subquery");
    }
    if (draft->shift.at.has_value()) {
      return ErrorAt(at, "@ <timestamp> may not be set multiple times");
    }
    AtModifier modifier;
    if (IsWord(Peek(), "start") || IsWord(Peek(), "end")) {
      modifier.kind = IsWord(Take(), "start") ? AtModifier::Kind::kStart : AtModifier::Kind::kEnd;
      RONDA_RETURN_IF_ERROR(Expect(TokenKind::kLeftParen, "("));
      RONDA_RETURN_IF_ERROR(Expect(TokenKind::kRightParen, ")"));
    } else {
      const bool minus = TakeSign();
      const Token& time = Peek();
      if (time.kind != TokenKind::kNumber && time.kind != TokenKind::kDuration) {
        return Unexpected("a time in seconds, start() or end()");
      }
      if (!(std::fabs(time.number) <= kMaxSeconds)) {
        return ErrorAt(time.position,
                       fmt::format("timestamp out of bounds for @ modifier: {}", time.text));
      }
      Take();
      modifier.t_ms = std::llround(time.number * 1000) * (minus ? -1 : 1);
    }
    draft->shift.at = modifier;
    return absl::OkStatus();
  }

  absl::StatusOr<Draft> Primary(int depth) {
    const Token& token = Peek();
    Draft draft;
    draft.position = token.position;
    switch (token.kind) {
      case TokenKind::kNumber:
      case TokenKind::kDuration:
        Take();
        draft.done = std::make_unique<NumberLiteral>(token.position, token.number,
                                                     token.kind == TokenKind::kDuration);
        return draft;
      case TokenKind::kString:
        Take();
        draft.done = std::make_unique<StringLiteral>(token.position, token.text);
        return draft;
      case TokenKind::kLeftParen: {
        Take();
        RONDA_ASSIGN_OR_RETURN(ExprPtr inner, Expression(depth + 1, 0));
        RONDA_RETURN_IF_ERROR(Expect(TokenKind::kRightParen, ")"));
        draft.done = std::make_unique<ParenExpr>(token.position, std::move(inner));
        return draft;
      }
      case TokenKind::kIdentifier:
        if (FindAggregate(token).has_value() &&
            (Peek(1).kind == TokenKind::kLeftParen || IsGrouping(Peek(1)))) {
          RONDA_ASSIGN_OR_RETURN(draft.done, Aggregate(depth));
          return draft;
        }
        if (Peek(1).kind == TokenKind::kLeftParen) {
          RONDA_ASSIGN_OR_RETURN(draft.done, Call(depth));
          return draft;
        }
        [[fallthrough]];
      case TokenKind::kLeftBrace: {
        RONDA_ASSIGN_OR_RETURN(draft.matchers, Selector());
        return draft;
      }
      default:
        return Unexpected("a selector, a number, a function or \"(\"");
    }
  }

  absl::StatusOr<ExprPtr> Call(int depth) {
    const Token& name = Take();
    const FunctionSpec* function = FindFunction(name.text);
    if (function == nullptr) {
      return ErrorAt(name.position, fmt::format("unknown function with name \"{}\"", name.text));
    }
    std::vector<ExprPtr> args;
    RONDA_RETURN_IF_ERROR(Arguments(depth, &args));
    RONDA_RETURN_IF_ERROR(CheckCall(name.position, *function, args));
    return std::make_unique<CallExpr>(name.position, *function, std::move(args));
  }

  absl::Status Arguments(int depth, std::vector<ExprPtr>* args) {
    RONDA_RETURN_IF_ERROR(Expect(TokenKind::kLeftParen, "("));
    if (TakeIf(TokenKind::kRightParen)) {
      return absl::OkStatus();
    }
    for (;;) {
      RONDA_ASSIGN_OR_RETURN(ExprPtr arg, Expression(depth + 1, 0));
      args->push_back(std::move(arg));
      if (TakeIf(TokenKind::kRightParen)) {
        return absl::OkStatus();
      }
      if (!TakeIf(TokenKind::kComma)) {
        return Unexpected("\",\" or \")\"");
      }
    }
  }

  absl::StatusOr<ExprPtr> Aggregate(int depth) {
    const Token& name = Peek();
    const AggregateOp op = *FindAggregate(Take());
    bool without = false;
    std::vector<std::string> grouping;
    const bool grouped_before = IsGrouping(Peek());
    if (grouped_before) {
      without = IsWord(Take(), "without");
      RONDA_RETURN_IF_ERROR(LabelList(&grouping));
    }
    std::vector<ExprPtr> args;
    RONDA_RETURN_IF_ERROR(Arguments(depth, &args));
    if (!grouped_before && IsGrouping(Peek())) {
      without = IsWord(Take(), "without");
      RONDA_RETURN_IF_ERROR(LabelList(&grouping));
    }
    RONDA_RETURN_IF_ERROR(CheckAggregate(name.position, op, args));
    ExprPtr param = args.size() == 2 ? std::move(args[0]) : nullptr;
    return std::make_unique<AggregateExpr>(name.position, op, std::move(param),
                                           std::move(args.back()), without, std::move(grouping));
  }

  absl::StatusOr<std::vector<Matcher>> Selector() {
    const Position position = Peek().position;
    std::vector<Matcher> matchers;
    named_ = Peek().kind == TokenKind::kIdentifier;
    if (named_) {
      matchers.push_back(Matcher::Equal(std::string(kMetricName), Take().text));
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
    return matchers;
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
    if (!(quoted ? IsName(name.text) : IsLabelName(name.text))) {
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
    if (name.text == kMetricName && named_) {
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
    named_ = true;
    return absl::OkStatus();
  }

  const std::vector<Token> tokens_;
  size_t next_ = 0;
  int operators_ = 0;
  // The present selector has a name before its braces or in quotes. Without one it may have several
  // matchers of __name__.
  bool named_ = false;
};

}  // namespace

absl::StatusOr<ExprPtr> Parse(std::string_view text) {
  RONDA_ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(text));
  return Parser(std::move(tokens)).Whole();
}

absl::StatusOr<std::vector<Matcher>> ParseSelector(std::string_view text) {
  RONDA_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  if (expr->kind != NodeKind::kSelector) {
    return ErrorAt(StartOf(*expr),
                   "expected one selector, such as node_load1 or "
                   "up{job=\"node\"}");
  }
  const auto& selector = static_cast<const VectorSelector&>(*expr);
  if (selector.shift.at.has_value() || selector.shift.offset_ms != 0) {
    return ErrorAt(selector.position, "expected a selector without offset and @");
  }
  return selector.matchers;
}

}  // namespace ronda::promql
