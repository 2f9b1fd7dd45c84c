// The tokens of PromQL: the whole set of the language, also what the parser does not take yet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::promql {

// Where a token begins. Lines and columns count from 1; columns count characters, not bytes.
struct Position {
  int line = 1;
  int column = 1;
  bool operator==(const Position&) const = default;
};

enum class TokenKind {
  kEnd,
  kIdentifier,  // names and keywords: which of the two it is depends on where it stands
  kNumber,      // 1, 0x1f, 017, 1e-3, 1_000, Inf, NaN; `number` holds the value
  kDuration,    // 1h30m; `number` holds seconds
  kString,      // "…", '…' or `…`; `text` holds the value without quotes and escapes
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kAt,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAssign,        // =
  kEqual,         // ==
  kNotEqual,      // !=
  kLess,          // <
  kLessEqual,     // <=
  kGreater,       // >
  kGreaterEqual,  // >=
  kMatches,       // =~
  kNotMatches,    // !~
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;   // the value of a string, else as written
  double number = 0;  // of kNumber and kDuration
  Position position;
};

// An expression may not be longer than this.
inline constexpr size_t kMaxExpressionBytes = 64 << 10;

// Splits `text` into tokens; the last one is kEnd. Blanks and comments (# to the end of the line)
// separate tokens and are dropped. kInvalidArgument, "LINE:COLUMN: what is wrong", if a token is
// not well formed.
//
// Inside [ ] a colon is a token of its own (subqueries); elsewhere it belongs to the name around
// it. Inside { } "inf" and "nan" are names, elsewhere numbers.
absl::StatusOr<std::vector<Token>> Lex(std::string_view text);

// "LINE:COLUMN: message", as all errors of this folder are written.
absl::Status ErrorAt(Position position, std::string_view message);

// The token as an error message shows it: its text in quotes, or "the end of the expression".
std::string Describe(const Token& token);

}  // namespace ronda::promql
