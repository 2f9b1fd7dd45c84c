// A hand-written scanner over bytes. The rules for numbers are Go's, as Prometheus reads them: a
// leading 0 before octal digits means octal (017 is 15, 018 is 18), 0x means hexadecimal, and an
// underscore may stand between two digits.
#include "collector/promql/lexer.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "collector/promql/number_text.h"
#include "common/base/status.h"
#include "common/base/utf8.h"

namespace ronda::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Token>> Run() {
    for (;;) {
      SkipBlanks();
      start_ = pos_;
      if (pos_ == text_.size()) {
        Add(TokenKind::kEnd);
        return std::move(tokens_);
      }
      RONDA_RETURN_IF_ERROR(Next());
    }
  }

 private:
  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }

  void SkipBlanks() {
    while (pos_ < text_.size()) {
      if (IsSpace(text_[pos_])) {
        ++pos_;
      } else if (text_[pos_] == '#') {
        while (pos_ < text_.size() && text_[pos_] != '\n') ++pos_;
      } else {
        return;
      }
    }
  }

  // Counts on from the last place asked for: the calls go forward through the text.
  Position PositionAt(size_t offset) {
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] == '\n') {
        ++position_.line;
        position_.column = 1;
      } else if ((static_cast<uint8_t>(text_[counted_]) & 0xC0) != 0x80) {
        ++position_.column;
      }
    }
    return position_;
  }

  Token& Add(TokenKind kind) {
    tokens_.push_back(
        {kind, std::string(text_.substr(start_, pos_ - start_)), 0, PositionAt(start_)});
    return tokens_.back();
  }

  absl::Status Error(std::string_view message) { return ErrorAt(PositionAt(start_), message); }

  absl::Status Next() {
    const char c = Peek();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
      return Number();
    }
    if (IsLetter(c) || (c == ':' && bracket_depth_ == 0)) {
      Word();
      return absl::OkStatus();
    }
    if (c == '"' || c == '\'') {
      return Quoted(c);
    }
    if (c == '`') {
      return Raw();
    }
    return Operator();
  }

  void Word() {
    while (IsLetter(Peek()) || IsDigit(Peek()) || (Peek() == ':' && bracket_depth_ == 0)) ++pos_;
    const std::string_view word = text_.substr(start_, pos_ - start_);
    if (brace_depth_ == 0 && EqualsIgnoreCase(word, "inf")) {
      Add(TokenKind::kNumber).number = std::numeric_limits<double>::infinity();
    } else if (brace_depth_ == 0 && EqualsIgnoreCase(word, "nan")) {
      Add(TokenKind::kNumber).number = std::numeric_limits<double>::quiet_NaN();
    } else {
      Add(TokenKind::kIdentifier);
    }
  }

  // Takes everything that could belong to the number, so that "5mm" is one bad word and not two
  // good ones.
  absl::Status Number() {
    const bool hex = Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X');
    for (char last = '\0'; pos_ < text_.size(); last = text_[pos_++]) {
      const char c = text_[pos_];
      const bool sign =
          (c == '+' || c == '-') && (last == 'e' || last == 'E') && !hex && !(IsLetter(Peek(1)));
      if (!IsDigit(c) && !IsLetter(c) && c != '.' && !sign) {
        break;
      }
    }
    const std::string_view word = text_.substr(start_, pos_ - start_);
    if (const auto number = ParseNumber(word)) {
      Add(TokenKind::kNumber).number = *number;
    } else if (const auto ms = ParseDurationMs(word)) {
      Add(TokenKind::kDuration).number = static_cast<double>(*ms) / 1000;
    } else {
      return Error(fmt::format("bad number or duration \"{}\"", word));
    }
    return absl::OkStatus();
  }

  absl::Status Raw() {
    const size_t end = text_.find('`', pos_ + 1);
    if (end == std::string_view::npos) {
      return Error("raw string without its closing `");
    }
    pos_ = end + 1;
    Add(TokenKind::kString).text = std::string(text_.substr(start_ + 1, end - start_ - 1));
    return absl::OkStatus();
  }

  absl::Status Quoted(char quote) {
    std::string value;
    for (++pos_; Peek() != quote;) {
      if (pos_ >= text_.size() || Peek() == '\n') {
        return Error(fmt::format("string without its closing {}", quote));
      }
      if (Peek() == '\\') {
        RONDA_RETURN_IF_ERROR(Escape(quote, &value));
      } else {
        value += text_[pos_++];
      }
    }
    ++pos_;
    Add(TokenKind::kString).text = std::move(value);
    return absl::OkStatus();
  }

  absl::Status Escape(char quote, std::string* value) {
    const char c = Peek(1);
    static constexpr std::string_view kNames = "abfnrtv\\";
    static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\";
    if (const size_t i = kNames.find(c); i != std::string_view::npos && c != '\0') {
      *value += kValues[i];
      pos_ += 2;
      return absl::OkStatus();
    }
    if (c == quote) {
      *value += quote;
      pos_ += 2;
      return absl::OkStatus();
    }
    const bool octal = c >= '0' && c <= '7';
    const int digits = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t code = 0;
    bool good = digits > 0;
    for (int i = 0; i < digits && good; ++i) {
      const int digit = HexValue(Peek(static_cast<size_t>(i) + (octal ? 1 : 2)));
      good = digit >= 0 && (!octal || digit < 8);
      code = code * (octal ? 8 : 16) + static_cast<uint32_t>(good ? digit : 0);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    const bool character = c == 'u' || c == 'U';
    if (!good || (octal && code > 255) || (character && (code > 0x10FFFF || surrogate))) {
      start_ = pos_;
      return Error("bad escape in a string: write \\\\ for a backslash, or use `...`");
    }
    if (character) {
      AppendUtf8(code, value);
    } else {
      value->push_back(static_cast<char>(code));
    }
    pos_ += static_cast<size_t>(digits) + (octal ? 1 : 2);
    return absl::OkStatus();
  }

  absl::Status Operator() {
    struct Spelling {
      std::string_view text;
      TokenKind kind;
    };
    static constexpr Spelling kSpellings[] = {
        {"==", TokenKind::kEqual},       {"!=", TokenKind::kNotEqual},
        {"<=", TokenKind::kLessEqual},   {">=", TokenKind::kGreaterEqual},
        {"=~", TokenKind::kMatches},     {"!~", TokenKind::kNotMatches},
        {"=", TokenKind::kAssign},       {"<", TokenKind::kLess},
        {">", TokenKind::kGreater},      {"(", TokenKind::kLeftParen},
        {")", TokenKind::kRightParen},   {"{", TokenKind::kLeftBrace},
        {"}", TokenKind::kRightBrace},   {"[", TokenKind::kLeftBracket},
        {"]", TokenKind::kRightBracket}, {",", TokenKind::kComma},
        {":", TokenKind::kColon},        {"@", TokenKind::kAt},
        {"+", TokenKind::kAdd},          {"-", TokenKind::kSub},
        {"*", TokenKind::kMul},          {"/", TokenKind::kDiv},
        {"%", TokenKind::kMod},          {"^", TokenKind::kPow},
    };
    for (const auto& [text, kind] : kSpellings) {
      if (text_.substr(pos_, text.size()) != text) {
        continue;
      }
      pos_ += text.size();
      Add(kind);
      brace_depth_ += kind == TokenKind::kLeftBrace ? 1 : kind == TokenKind::kRightBrace ? -1 : 0;
      bracket_depth_ += kind == TokenKind::kLeftBracket    ? 1
                        : kind == TokenKind::kRightBracket ? -1
                                                           : 0;
      return absl::OkStatus();
    }
    size_t end = pos_ + 1;
    while (end < text_.size() && (static_cast<uint8_t>(text_[end]) & 0xC0) == 0x80) ++end;
    return Error(fmt::format("unexpected character \"{}\"", text_.substr(pos_, end - pos_)));
  }

  const std::string_view text_;
  size_t pos_ = 0;
  size_t start_ = 0;  // of the present token
  size_t counted_ = 0;
  Position position_;  // of counted_
  int brace_depth_ = 0;
  int bracket_depth_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Lex(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the expression is {} bytes long, at most {} are taken", text.size(),
                kMaxExpressionBytes);
  }
  return Lexer(text).Run();
}

absl::Status ErrorAt(Position position, std::string_view message) {
  return Fail(absl::StatusCode::kInvalidArgument, "{}:{}: {}", position.line, position.column,
              message);
}

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end of the expression";
    case TokenKind::kString:
      return fmt::format("the string \"{}\"", token.text);
    default:
      return fmt::format("\"{}\"", token.text);
  }
}

}  // namespace ronda::promql
