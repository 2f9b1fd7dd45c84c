// An action is a pipeline of calls; each call gets the result of the one before as its last
// argument. A new function is a row in kFunctions and a case in Call().
#include "collector/rules/template.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "collector/rules/humanize.h"
#include "common/base/status.h"

namespace ronda::rules {
namespace {

enum class Function {
  kNone,
  kHumanize,
  kHumanize1024,
  kHumanizeDuration,
  kHumanizePercentage,
  kPrintf
};

constexpr std::pair<std::string_view, Function> kFunctions[] = {
    {"humanize", Function::kHumanize},
    {"humanize1024", Function::kHumanize1024},
    {"humanizeDuration", Function::kHumanizeDuration},
    {"humanizePercentage", Function::kHumanizePercentage},
    {"printf", Function::kPrintf},
};

using Result = std::variant<double, std::string>;

struct Operand {
  enum class Kind { kValue, kLabels, kLabel, kLiteral };
  Kind kind = Kind::kLiteral;
  std::string text;  // the label's name, or the literal
};

struct Call {
  Function function = Function::kNone;
  std::vector<Operand> arguments;
};

std::string TextOf(const Result& result) {
  return std::holds_alternative<double>(result) ? FormatGoNumber(std::get<double>(result))
                                                : std::get<std::string>(result);
}

double NumberOf(const Result& result) {
  if (std::holds_alternative<double>(result)) {
    return std::get<double>(result);
  }
  const std::string& text = std::get<std::string>(result);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' ? value : std::numeric_limits<double>::quiet_NaN();
}

std::string LabelsText(const Labels& labels) {
  std::string out = "map[";
  for (const Label& label : labels.all()) {
    out += fmt::format("{}{}:{}", out.size() > 4 ? " " : "", label.name, label.value);
  }
  return out + "]";
}

// One verb of a printf format, or the text up to the next one.
struct Verb {
  char letter = '\0';  // '\0': plain text
  std::string text;
  bool minus = false, plus = false, zero = false;
  int width = 0;
  int precision = -1;
};

// Nothing if the format is not one that Expand can print.
std::optional<std::vector<Verb>> ParseFormat(std::string_view format) {
  std::vector<Verb> verbs;
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      const size_t end = std::min(format.find('%', i), format.size());
      verbs.push_back({'\0', std::string(format.substr(i, end - i))});
      i = end;
      continue;
    }
    Verb verb;
    for (++i; i < format.size(); ++i) {
      if (format[i] == '-') {
        verb.minus = true;
      } else if (format[i] == '+') {
        verb.plus = true;
      } else if (format[i] == '0') {
        verb.zero = true;
      } else {
        break;
      }
    }
    const auto number = [&](int* out) {
      for (*out = 0; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i) {
        *out = std::min(*out * 10 + (format[i] - '0'), 100);
      }
    };
    number(&verb.width);
    if (i < format.size() && format[i] == '.') {
      ++i;
      number(&verb.precision);
    }
    if (i == format.size()) {
      return std::nullopt;
    }
    verb.letter = format[i++];
    if (verb.letter == '%') {
      verbs.push_back({'\0', "%"});
    } else if (std::string_view("feEgGsqv").find(verb.letter) != std::string_view::npos) {
      verbs.push_back(verb);
    } else {
      return std::nullopt;
    }
  }
  return verbs;
}

std::string PrintVerb(const Verb& verb, const Result& argument) {
  std::string text;
  const std::string_view sign = verb.plus ? "+" : "-";
  switch (verb.letter) {
    case 'f':
    case 'e':
    case 'E':
    case 'g':
    case 'G': {
      const double v = NumberOf(argument);
      if (verb.precision < 0 && (verb.letter == 'g' || verb.letter == 'G')) {
        text = FormatGoNumber(v);
      } else {
        const int precision = verb.precision < 0 ? 6 : verb.precision;
        text =
            fmt::format(fmt::runtime(fmt::format("{{:{}.{}{}}}", sign, precision, verb.letter)), v);
      }
      break;
    }
    case 'q':
      text = QuoteLabelValue(TextOf(argument));
      break;
    default:
      text = TextOf(argument);
      break;
  }
  const auto width = static_cast<size_t>(verb.width);
  if (text.size() < width) {
    const std::string fill(width - text.size(), verb.zero && !verb.minus ? '0' : ' ');
    const bool after_sign = verb.zero && !verb.minus && (text[0] == '-' || text[0] == '+');
    text = verb.minus ? text + fill : after_sign ? text[0] + fill + text.substr(1) : fill + text;
  }
  return text;
}

std::string Printf(const std::vector<Result>& arguments) {
  std::string out;
  size_t next = 1;
  const auto verbs = ParseFormat(TextOf(arguments[0]));
  for (const Verb& verb : *verbs) {  // checked by Parse
    out += verb.letter == '\0' ? verb.text : PrintVerb(verb, arguments[next++]);
  }
  return out;
}

Result Apply(Function function, const std::vector<Result>& arguments) {
  switch (function) {
    case Function::kNone:
      return arguments[0];
    case Function::kHumanize:
      return Humanize(NumberOf(arguments[0]));
    case Function::kHumanize1024:
      return Humanize1024(NumberOf(arguments[0]));
    case Function::kHumanizeDuration:
      return HumanizeDuration(NumberOf(arguments[0]));
    case Function::kHumanizePercentage:
      return HumanizePercentage(NumberOf(arguments[0]));
    case Function::kPrintf:
      return Printf(arguments);
  }
  return "";
}

std::string_view Trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
  return s;
}

// The words of an action: blanks separate, quotes hold together, | stands alone.
absl::StatusOr<std::vector<std::string>> Words(std::string_view action) {
  std::vector<std::string> words;
  for (size_t i = 0; i < action.size();) {
    const char c = action[i];
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++i;
    } else if (c == '|') {
      words.emplace_back("|");
      ++i;
    } else if (c == '"' || c == '`') {
      const size_t begin = i;
      std::string text(1, '"');
      for (++i; i < action.size() && action[i] != c; ++i) {
        if (c == '"' && action[i] == '\\' && i + 1 < action.size()) {
          ++i;
          text += action[i] == 'n' ? '\n' : action[i] == 't' ? '\t' : action[i];
        } else {
          text += action[i];
        }
      }
      if (i == action.size()) {
        return Fail(absl::StatusCode::kInvalidArgument, "string without its closing {} in {}", c,
                    action.substr(begin));
      }
      ++i;
      words.push_back(std::move(text));
    } else {
      const size_t begin = i;
      while (i < action.size() && !std::isspace(static_cast<unsigned char>(action[i])) &&
             action[i] != '|') {
        ++i;
      }
      words.emplace_back(action.substr(begin, i - begin));
    }
  }
  return words;
}

absl::StatusOr<Operand> ParseOperand(const std::string& word) {
  if (word[0] == '"') {
    return Operand{Operand::Kind::kLiteral, word.substr(1)};
  }
  if (word == "$value" || word == ".Value") {
    return Operand{Operand::Kind::kValue, ""};
  }
  if (word == "$labels" || word == ".Labels") {
    return Operand{Operand::Kind::kLabels, ""};
  }
  for (const std::string_view prefix : {"$labels.", ".Labels."}) {
    if (word.compare(0, prefix.size(), prefix) == 0 && IsLabelName(word.substr(prefix.size()))) {
      return Operand{Operand::Kind::kLabel, word.substr(prefix.size())};
    }
  }
  char* end = nullptr;
  std::strtod(word.c_str(), &end);
  if (*end == '\0') {
    return Operand{Operand::Kind::kLiteral, word};
  }
  if (word[0] == '$' || word[0] == '.') {
    return Fail(absl::StatusCode::kInvalidArgument,
                "unknown variable {}: $value, $labels and $labels.NAME are known", word);
  }
  return Fail(absl::StatusCode::kInvalidArgument, "unknown function {}", word);
}

absl::Status CheckArguments(const Call& call, size_t count, std::string_view name) {
  if (call.function != Function::kPrintf) {
    return count == 1 ? absl::OkStatus()
                      : Fail(absl::StatusCode::kInvalidArgument, "{} takes one value, not {}",
                             name.empty() ? "an action" : name, count);
  }
  if (call.arguments.empty() || call.arguments[0].kind != Operand::Kind::kLiteral) {
    return Fail(absl::StatusCode::kInvalidArgument, "printf needs a format in quotes");
  }
  const auto verbs = ParseFormat(call.arguments[0].text);
  if (!verbs) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "printf does not know the format \"{}\": the verbs are f e g s q v and %",
                call.arguments[0].text);
  }
  size_t wanted = 1;
  for (const Verb& verb : *verbs) {
    wanted += verb.letter != '\0' ? 1 : 0;
  }
  if (wanted != count) {
    return Fail(absl::StatusCode::kInvalidArgument, "printf \"{}\" needs {} values, not {}",
                call.arguments[0].text, wanted - 1, count - 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Call>> ParseAction(std::string_view action) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<std::string> words, Words(action));
  std::vector<Call> calls;
  for (size_t i = 0; i <= words.size(); ++i) {
    Call call;
    std::string name;
    for (; i < words.size() && words[i] != "|"; ++i) {
      if (name.empty() && call.arguments.empty()) {
        for (const auto& [known, function] : kFunctions) {
          if (words[i] == known) {
            call.function = function;
            name = known;
          }
        }
        if (!name.empty()) {
          continue;
        }
      }
      RONDA_ASSIGN_OR_RETURN(Operand operand, ParseOperand(words[i]));
      call.arguments.push_back(std::move(operand));
    }
    if (!calls.empty() && name.empty()) {
      return Fail(absl::StatusCode::kInvalidArgument, "a function must follow |");
    }
    RONDA_RETURN_IF_ERROR(
        CheckArguments(call, call.arguments.size() + (calls.empty() ? 0 : 1), name));
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

struct Template::Action {
  std::vector<Call> calls;

  std::string Run(const Labels& labels, double value) const {
    Result result;
    for (size_t i = 0; i < calls.size(); ++i) {
      std::vector<Result> arguments;
      for (const Operand& operand : calls[i].arguments) {
        switch (operand.kind) {
          case Operand::Kind::kValue:
            arguments.emplace_back(value);
            break;
          case Operand::Kind::kLabels:
            arguments.emplace_back(LabelsText(labels));
            break;
          case Operand::Kind::kLabel:
            arguments.emplace_back(std::string(labels.Get(operand.text)));
            break;
          case Operand::Kind::kLiteral:
            arguments.emplace_back(operand.text);
            break;
        }
      }
      if (i > 0) {
        arguments.push_back(std::move(result));
      }
      result = Apply(calls[i].function, arguments);
    }
    return TextOf(result);
  }
};

absl::StatusOr<Template> Template::Parse(std::string_view text) {
  Template out;
  out.text_ = text;
  bool trim_next = false;
  while (true) {
    const size_t open = text.find("{{");
    std::string_view literal = text.substr(0, open);
    if (trim_next) {
      while (!literal.empty() && std::isspace(static_cast<unsigned char>(literal.front()))) {
        literal.remove_prefix(1);
      }
    }
    if (open == std::string_view::npos) {
      out.between_.emplace_back(literal);
      return out;
    }
    const size_t close = text.find("}}", open);
    if (close == std::string_view::npos) {
      return Fail(absl::StatusCode::kInvalidArgument, "{{{{ without its }}}} in \"{}\"",
                  text.substr(open, 40));
    }
    std::string_view action = text.substr(open + 2, close - open - 2);
    if (!action.empty() && action.front() == '-') {
      action.remove_prefix(1);
      while (!literal.empty() && std::isspace(static_cast<unsigned char>(literal.back()))) {
        literal.remove_suffix(1);
      }
    }
    trim_next = !action.empty() && action.back() == '-';
    if (trim_next) {
      action.remove_suffix(1);
    }
    action = Trim(action);
    auto calls = ParseAction(action);
    if (!calls.ok()) {
      return Annotate(calls.status(), fmt::format("{{{{ {} }}}}", action));
    }
    for (const Call& call : *calls) {
      for (const Operand& operand : call.arguments) {
        out.uses_value_ |= operand.kind == Operand::Kind::kValue;
      }
    }
    out.between_.emplace_back(literal);
    out.actions_.push_back(std::make_shared<const Action>(Action{*std::move(calls)}));
    text.remove_prefix(close + 2);
  }
}

std::string Template::Expand(const Labels& labels, double value) const {
  if (between_.empty()) {
    return "";
  }
  std::string out = between_[0];
  for (size_t i = 0; i < actions_.size(); ++i) {
    out += actions_[i]->Run(labels, value);
    out += between_[i + 1];
  }
  return out;
}

}  // namespace ronda::rules
