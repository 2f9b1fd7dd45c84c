// Tested by tests/unit/collector/rules/extensions_test.cc.
#include "collector/rules/extensions.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "absl/strings/ascii.h"
#include "collector/promql/parser.h"
#include "common/base/status.h"
#include "common/config/units.h"
#include "common/model/labels.h"

namespace ronda::rules {
namespace {

constexpr std::string_view kRunbook = "ronda_runbook";
constexpr std::string_view kOwner = "ronda_owner";
constexpr std::string_view kEscalation = "ronda_escalation";
constexpr std::string_view kRemedy = "ronda_remedy";
constexpr std::string_view kKnown[] = {kClearAnnotation, kDependsOnAnnotation, kRunbook,
                                       kOwner,           kEscalation,          kRemedy};

constexpr size_t kMaxText = 500;
constexpr size_t kMaxName = 100;
constexpr std::string_view kAction = "{{";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

// Takes a word off the front of the text; false if another text is there.
bool TakeWord(std::string_view word, std::string_view* text) {
  if (!text->starts_with(word)) {
    return false;
  }
  const std::string_view rest = text->substr(word.size());
  if (!rest.empty() && (absl::ascii_isalnum(static_cast<unsigned char>(rest.front())) ||
                        rest.front() == '_' || rest.front() == ':')) {
    return false;
  }
  *text = Trim(rest);
  return true;
}

// Where the text's first part ends: at the first of `stops` outside quotes, braces and brackets,
// or at its end.
size_t EndOfPart(std::string_view text, std::string_view stops) {
  char quote = 0;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      i += c == '\\' && quote != '`' ? 1 : 0;
      quote = c == quote ? 0 : quote;
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (depth == 0 && stops.find(c) != std::string_view::npos) {
      return i;
    } else {
      depth += c == '{' || c == '(' ? 1 : c == '}' || c == ')' ? -1 : 0;
    }
  }
  return text.size();
}

absl::StatusOr<std::vector<std::string>> ParseNames(std::string_view text) {
  std::vector<std::string> names;
  if (!text.starts_with('(') || !text.ends_with(')')) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "after \"on\" labels in brackets are expected, as in \"on (node, instance)\"");
  }
  text = Trim(text.substr(1, text.size() - 2));
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view name = Trim(text.substr(0, end));
    const bool quoted = name.size() > 1 && name.starts_with('"') && name.ends_with('"');
    if (!(quoted ? IsName(name.substr(1, name.size() - 2)) : IsLabelName(name))) {
      return Fail(absl::StatusCode::kInvalidArgument, "\"{}\" is not the name of a label", name);
    }
    names.emplace_back(quoted ? name.substr(1, name.size() - 2) : name);
    text = Trim(text.substr(std::min(end + 1, text.size())));
  }
  return names;
}

// What comes after "not": a selector of alerts, and perhaps on (labels).
absl::StatusOr<Dependency> ParseNotFiring(std::string_view text) {
  size_t end = EndOfPart(text, " \t\n{");
  const size_t brace = text.find_first_not_of(" \t\n", end);
  if (brace != std::string_view::npos && text[brace] == '{') {
    end = std::min(brace + 2 + EndOfPart(text.substr(brace + 1), "}"), text.size());
  }
  Dependency dependency;
  const std::string_view selector = text.substr(0, end);
  auto matchers = promql::ParseSelector(selector);
  if (!matchers.ok()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" does not say which alert: {}; expected is a name such as SwitchDown, or "
                "matchers such as {{alertname=\"Switch down\"}}",
                selector, Message(matchers.status()));
  }
  for (const Matcher& matcher : *matchers) {
    RONDA_ASSIGN_OR_RETURN(
        Matcher of_alert,
        Matcher::New(matcher.type(), matcher.name() == kMetricName ? "alertname" : matcher.name(),
                     matcher.value()));
    dependency.not_firing.push_back(std::move(of_alert));
  }
  std::string_view rest = Trim(text.substr(end));
  dependency.equal = {"node"};
  if (TakeWord("on", &rest)) {
    RONDA_ASSIGN_OR_RETURN(dependency.equal, ParseNames(rest));
  } else if (!rest.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is not understood; after the alert only \"on (labels)\" may follow", rest);
  }
  return dependency;
}

absl::StatusOr<Dependency> ParseOne(std::string_view text) {
  std::string_view rest = text;
  if (TakeWord("node", &rest) && rest == "up") {
    return Dependency{.text = std::string(text), .node_up = true};
  }
  rest = text;
  if (!TakeWord("not", &rest) || rest.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is not understood; expected is \"node up\" or \"not ALERT on (labels)\"",
                text);
  }
  RONDA_ASSIGN_OR_RETURN(Dependency dependency, ParseNotFiring(rest));
  dependency.text = std::string(text);
  return dependency;
}

std::string CheckRunbook(std::string_view value) {
  const std::string_view fixed = value.substr(0, value.find(kAction));
  const bool has_scheme = fixed.starts_with("https://") || fixed.starts_with("http://");
  const size_t host = fixed.find("//") + 2;
  if (!has_scheme || (host >= fixed.size() && fixed.size() == value.size())) {
    return "must be a link that begins with https:// or http://";
  }
  return std::any_of(fixed.begin(), fixed.end(),
                     [](unsigned char c) { return c <= ' ' || c == 0x7F; })
             ? "must be a link: it has a space in it (%20 in a link)"
             : "";
}

std::string CheckLine(std::string_view value) {
  return value.empty() || value.size() > kMaxText ||
                 std::any_of(value.begin(), value.end(),
                             [](unsigned char c) { return c < ' ' || c == 0x7F; })
             ? fmt::format("must be one line of at most {} bytes: a person, a team, an address",
                           kMaxText)
             : "";
}

std::string CheckPolicy(std::string_view value) {
  if (value.find(kAction) != std::string_view::npos) {
    return "must be the name of an escalation policy as it stands, without {{ }}";
  }
  return value.empty() || value.size() > kMaxName ||
                 !std::all_of(value.begin(), value.end(),
                              [](unsigned char c) {
                                return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
                              })
             ? "must be the name of an escalation policy: letters, digits, '_', '-' and '.'"
             : "";
}

}  // namespace

absl::StatusOr<std::vector<Dependency>> ParseDependsOn(std::string_view text) {
  if (text.find(kAction) != std::string_view::npos) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "{{{{ }}}} means nothing here: what an alert depends on is the same for all of a "
                "rule");
  }
  std::vector<Dependency> dependencies;
  std::string_view rest = Trim(text);
  do {
    const size_t end = EndOfPart(rest, ",");
    RONDA_ASSIGN_OR_RETURN(Dependency one, ParseOne(Trim(rest.substr(0, end))));
    dependencies.push_back(std::move(one));
    rest = end < rest.size() ? Trim(rest.substr(end + 1)) : std::string_view();
  } while (!rest.empty());
  return dependencies;
}

std::string CheckExtension(std::string_view name, std::string_view value) {
  if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) {
    const std::string_view near = config::Nearest(name, kKnown);
    return fmt::format("is no annotation that Ronda knows, {}",
                       near.empty() ? fmt::format("those are {}", fmt::join(kKnown, ", "))
                                    : fmt::format("did you mean \"{}\"?", near));
  }
  if (name == kRunbook) {
    return CheckRunbook(value);
  }
  if (name == kOwner) {
    return CheckLine(value);
  }
  return name == kEscalation ? CheckPolicy(value) : "";
}

}  // namespace ronda::rules
