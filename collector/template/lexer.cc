#include "collector/template/lexer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "common/base/status.h"
#include "common/base/utf8.h"

namespace ronda::tmpl {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kSpaces = " \t\r\n";

bool IsSpace(char c) { return kSpaces.find(c) != std::string_view::npos; }
bool IsWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Token>> Run() {
    bool trim_left = false;
    while (true) {
      const size_t open = text_.find(kOpen, at_);
      std::string_view between =
          text_.substr(at_, open == std::string_view::npos ? open : open - at_);
      const int line = line_;
      Count(between);
      if (trim_left) {
        between.remove_prefix(std::min(between.find_first_not_of(kSpaces), between.size()));
      }
      if (open == std::string_view::npos) {
        AddText(between, line);
        Add(TokenKind::kEnd, "");
        return std::move(tokens_);
      }
      at_ = open + kOpen.size();
      if (at_ + 1 < text_.size() && text_[at_] == '-' && IsSpace(text_[at_ + 1])) {
        ++at_;
        between = between.substr(0, between.find_last_not_of(kSpaces) + 1);
      }
      AddText(between, line);
      RONDA_RETURN_IF_ERROR(Action(&trim_left));
    }
  }

 private:
  absl::Status Error(std::string_view message) const {
    return Fail(absl::StatusCode::kInvalidArgument, "line {}: {}", line_, message);
  }

  void Count(std::string_view passed) {
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
  }

  void AddText(std::string_view text, int line) {
    if (!text.empty()) {
      tokens_.push_back({TokenKind::kText, std::string(text), 0, 0, false, line});
    }
  }

  void Add(TokenKind kind, std::string_view text) {
    tokens_.push_back({kind, std::string(text), 0, 0, space_, line_});
  }

  // Whether "-}}" is here, behind a space.
  bool AtTrimmedClose() const {
    return space_ && text_.substr(at_).starts_with("-") &&
           text_.substr(at_ + 1).starts_with(kClose);
  }

  absl::Status Action(bool* trim_left) {
    *trim_left = false;
    space_ = false;
    SkipSpace();
    if (text_.substr(at_).starts_with("/*")) {
      return Comment(trim_left);
    }
    Add(TokenKind::kOpen, kOpen);
    while (true) {
      space_ = false;
      SkipSpace();
      if (at_ >= text_.size()) {
        return Error("unclosed action");
      }
      if (AtTrimmedClose()) {
        ++at_;
        *trim_left = true;
      }
      if (text_.substr(at_).starts_with(kClose)) {
        at_ += kClose.size();
        Add(TokenKind::kClose, kClose);
        return absl::OkStatus();
      }
      RONDA_RETURN_IF_ERROR(One());
    }
  }

  absl::Status Comment(bool* trim_left) {
    const size_t end = text_.find("*/", at_);
    if (end == std::string_view::npos) {
      return Error("unclosed comment");
    }
    Count(text_.substr(at_, end - at_));
    at_ = end + 2;
    space_ = false;
    SkipSpace();
    if (AtTrimmedClose()) {
      ++at_;
      *trim_left = true;
    }
    if (!text_.substr(at_).starts_with(kClose)) {
      return Error("a comment ends before its closing delimiter");
    }
    at_ += kClose.size();
    return absl::OkStatus();
  }

  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) {
      line_ += text_[at_] == '\n' ? 1 : 0;
      space_ = true;
      ++at_;
    }
  }

  std::string_view Word(size_t begin) {
    while (at_ < text_.size() && IsWord(text_[at_])) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  bool DigitAt(size_t at) const {
    return at < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at])) != 0;
  }

  absl::Status One() {
    const size_t begin = at_;
    const char c = text_[at_];
    const bool sign = c == '-' || c == '+';
    if (DigitAt(at_) || ((c == '.' || sign) && DigitAt(at_ + 1)) ||
        (sign && at_ + 1 < text_.size() && text_[at_ + 1] == '.' && DigitAt(at_ + 2))) {
      return Number();
    }
    ++at_;
    switch (c) {
      case '|':
        Add(TokenKind::kPipe, "|");
        return absl::OkStatus();
      case ',':
        Add(TokenKind::kComma, ",");
        return absl::OkStatus();
      case '(':
        Add(TokenKind::kLeft, "(");
        return absl::OkStatus();
      case ')':
        Add(TokenKind::kRight, ")");
        return absl::OkStatus();
      case '=':
        Add(TokenKind::kAssign, "=");
        return absl::OkStatus();
      case ':':
        if (at_ < text_.size() && text_[at_] == '=') {
          ++at_;
          Add(TokenKind::kDeclare, ":=");
          return absl::OkStatus();
        }
        return Error("expected :=");
      case '"':
        return Quoted();
      case '`':
        return Raw();
      case '\'':
        return Character();
      case '$':
        Add(TokenKind::kVariable, Word(begin));
        return absl::OkStatus();
      case '.': {
        const std::string_view name = Word(at_);
        Add(name.empty() ? TokenKind::kDot : TokenKind::kField, name);
        return absl::OkStatus();
      }
      default:
        break;
    }
    if (!IsWord(c)) {
      return Error(fmt::format("unexpected \"{}\" in an action", c));
    }
    Add(TokenKind::kIdentifier, Word(begin));
    return absl::OkStatus();
  }

  absl::Status Number() {
    const size_t begin = at_;
    if (text_[at_] == '-' || text_[at_] == '+') {
      ++at_;
    }
    bool is_float = false;
    const bool hex = text_.substr(at_).starts_with("0x") || text_.substr(at_).starts_with("0X");
    while (at_ < text_.size() && (IsWord(text_[at_]) || text_[at_] == '.' ||
                                  ((text_[at_] == '-' || text_[at_] == '+') && !hex &&
                                   (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))) {
      is_float |= text_[at_] == '.' || (!hex && (text_[at_] == 'e' || text_[at_] == 'E'));
      ++at_;
    }
    const std::string_view all = text_.substr(begin, at_ - begin);
    std::string digits(all);
    std::erase(digits, '_');
    const bool negative = digits[0] == '-';
    if (digits[0] == '-' || digits[0] == '+') {
      digits.erase(0, 1);
    }
    Token token{
        is_float ? TokenKind::kFloat : TokenKind::kInteger, std::string(all), 0, 0, space_, line_};
    const char* first = digits.data() + (hex ? 2 : 0);
    const char* last = digits.data() + digits.size();
    if (is_float) {
      const auto [end, error] = std::from_chars(first, last, token.number);
      if (error != std::errc() || end != last) {
        return Error(fmt::format("bad number {}", all));
      }
      token.number = negative ? -token.number : token.number;
    } else {
      const auto [end, error] = std::from_chars(first, last, token.integer, hex ? 16 : 10);
      if (error != std::errc() || end != last) {
        return Error(fmt::format("bad number {}", all));
      }
      token.integer = negative ? -token.integer : token.integer;
    }
    tokens_.push_back(std::move(token));
    return absl::OkStatus();
  }

  absl::Status Raw() {
    const size_t end = text_.find('`', at_);
    if (end == std::string_view::npos) {
      return Error("unclosed raw string");
    }
    const std::string_view text = text_.substr(at_, end - at_);
    Add(TokenKind::kString, text);
    Count(text);
    at_ = end + 1;
    return absl::OkStatus();
  }

  absl::Status Quoted() {
    std::string out;
    while (true) {
      if (at_ >= text_.size() || text_[at_] == '\n') {
        return Error("unclosed string");
      }
      const char c = text_[at_++];
      if (c == '"') {
        Add(TokenKind::kString, out);
        return absl::OkStatus();
      }
      if (c != '\\') {
        out += c;
        continue;
      }
      RONDA_RETURN_IF_ERROR(Escape(&out));
    }
  }

  // 'x' is the number of its character.
  absl::Status Character() {
    std::string out;
    if (at_ < text_.size() && text_[at_] == '\\') {
      ++at_;
      RONDA_RETURN_IF_ERROR(Escape(&out));
    } else if (at_ < text_.size()) {
      out += text_[at_++];
    }
    if (at_ >= text_.size() || text_[at_] != '\'' || out.size() != 1) {
      return Error("bad character constant");
    }
    ++at_;
    Add(TokenKind::kInteger, out);
    tokens_.back().integer = static_cast<unsigned char>(out[0]);
    return absl::OkStatus();
  }

  absl::Status Escape(std::string* out) {
    static constexpr std::string_view kLetters = "abfnrtv\\\"'";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (const size_t i = kLetters.find(c); c != '\0' && i != std::string_view::npos) {
      *out += kMeanings[i];
      return absl::OkStatus();
    }
    const bool octal = c >= '0' && c <= '7';
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 3 : 0;
    const size_t begin = octal ? at_ - 1 : at_;
    uint32_t rune = 0;
    if (digits == 0 || begin + digits > text_.size()) {
      return Error("bad escape in a string");
    }
    const char* const end = text_.data() + begin + digits;
    const auto [stop, error] = std::from_chars(text_.data() + begin, end, rune, octal ? 8 : 16);
    if (error != std::errc() || stop != end || rune > (digits <= 3 ? 0xffU : 0x10ffffU)) {
      return Error("bad escape in a string");
    }
    at_ = begin + digits;
    if (digits <= 3) {
      *out += static_cast<char>(rune);
    } else {
      AppendUtf8(rune, out);
    }
    return absl::OkStatus();
  }

  const std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool space_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Lex(std::string_view text) { return Lexer(text).Run(); }

}  // namespace ronda::tmpl
