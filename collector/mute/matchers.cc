// Tested by tests/unit/collector/mute/matchers_test.cc.
#include "collector/mute/matchers.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/model/labels.h"

namespace ronda::mute {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return "";
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Where the quote that begins `text` is closed; npos: nowhere.
size_t ClosingQuote(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      return i;
    }
    i += text[i] == '\\' ? 1 : 0;
  }
  return std::string_view::npos;
}

// What is between quotes, or as it is.
absl::StatusOr<std::string> Unquote(std::string_view text) {
  if (!text.starts_with("\"")) {
    return std::string(text);
  }
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      return i + 1 == text.size() ? absl::StatusOr<std::string>(out)
                                  : Fail(absl::StatusCode::kInvalidArgument,
                                         "{}: there is more after the closing quote", text);
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      const bool known = text[i] == '"' || text[i] == '\\';
      out += text[i] == 'n' ? "\n" : (known ? "" : "\\");
      out += text[i] == 'n' ? "" : std::string(1, text[i]);
    } else {
      out += text[i];
    }
  }
  return Fail(absl::StatusCode::kInvalidArgument, "{}: the closing quote is missing", text);
}

}  // namespace

absl::StatusOr<Matcher> ParseMatcher(std::string_view text) {
  text = Trim(text);
  const size_t name_end = text.starts_with('"') ? std::min(ClosingQuote(text), text.size()) : 0;
  const size_t at = text.find_first_of("=!", name_end);
  RONDA_ASSIGN_OR_RETURN(std::string name, Unquote(Trim(text.substr(0, at))));
  const std::string_view rest = at == std::string_view::npos ? "" : text.substr(at);
  static constexpr std::pair<std::string_view, Matcher::Type> kOperators[] = {
      {"=~", Matcher::Type::kRegex},
      {"!~", Matcher::Type::kNotRegex},
      {"!=", Matcher::Type::kNotEqual},
      {"=", Matcher::Type::kEqual}};
  const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                [&](const auto& o) { return rest.starts_with(o.first); });
  if (op == std::end(kOperators)) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is no matcher; expected LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX or "
                "LABEL!~REGEX, such as node=web1 or 'severity=~\"high|critical\"'",
                text);
  }
  if (!IsName(name)) {
    return Fail(absl::StatusCode::kInvalidArgument, "\"{}\": \"{}\" is not the name of a label",
                text, name);
  }
  RONDA_ASSIGN_OR_RETURN(std::string value, Unquote(Trim(rest.substr(op->first.size()))));
  auto matcher = Matcher::New(op->second, std::move(name), std::move(value));
  return matcher.ok() ? std::move(matcher) : Annotate(matcher.status(), text);
}

absl::Status CheckTogether(const std::vector<Matcher>& matchers) {
  if (matchers.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "at least one matcher is needed, such as node=web1");
  }
  const bool selects = std::any_of(matchers.begin(), matchers.end(),
                                   [](const Matcher& matcher) { return !matcher.Matches(""); });
  return selects ? absl::OkStatus()
                 : Fail(absl::StatusCode::kInvalidArgument,
                        "{} matches alerts without these labels too: at least one matcher must not "
                        "match the empty value",
                        FormatMatchers(matchers));
}

absl::StatusOr<std::vector<Matcher>> ParseMatchers(const std::vector<std::string>& texts) {
  std::vector<Matcher> matchers;
  for (const std::string& text : texts) {
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, ParseMatcher(text));
    matchers.push_back(std::move(matcher));
  }
  RONDA_RETURN_IF_ERROR(CheckTogether(matchers));
  return matchers;
}

std::string FormatMatchers(const std::vector<Matcher>& matchers) {
  std::string out = "{";
  for (const Matcher& matcher : matchers) {
    out += (out.size() > 1 ? "," : "") + matcher.ToString();
  }
  return out + "}";
}

}  // namespace ronda::mute
