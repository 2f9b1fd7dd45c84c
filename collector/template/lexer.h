// Text and actions of a template, as tokens. The rules are those of Go's text/template.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::tmpl {

enum class TokenKind {
  kText,        // between actions
  kOpen,        // {{
  kClose,       // }}
  kIdentifier,  // printf, if, end
  kField,       // .Labels: without the dot
  kVariable,    // $, $value: with the dollar
  kDot,
  kString,  // its value, without quotes and escapes
  kInteger,
  kFloat,
  kPipe,
  kDeclare,  // :=
  kAssign,   // =
  kComma,
  kLeft,   // (
  kRight,  // )
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  bool space_before = false;  // in an action: apart from the token before
  int line = 1;
};

// Ends with kEnd. Comments are left out, trim markers applied. kInvalidArgument, "line N: ...".
absl::StatusOr<std::vector<Token>> Lex(std::string_view text);

}  // namespace ronda::tmpl
