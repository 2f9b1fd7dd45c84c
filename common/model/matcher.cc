#include "common/model/matcher.h"

#include <re2/re2.h>

#include "common/base/status.h"

namespace ronda {

Matcher::Matcher(Type type, std::string name, std::string value)
    : type_(type), name_(std::move(name)), value_(std::move(value)) {}

absl::StatusOr<Matcher> Matcher::New(Type type, std::string name, std::string value) {
  Matcher matcher(type, std::move(name), std::move(value));
  if (type == Type::kRegex || type == Type::kNotRegex) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(1 << 20);
    auto regex = std::make_shared<const re2::RE2>(matcher.value_, options);
    if (!regex->ok()) {
      return Fail(absl::StatusCode::kInvalidArgument, "bad regular expression {}: {}",
                  QuoteLabelValue(matcher.value_), regex->error());
    }
    matcher.regex_ = std::move(regex);
  }
  return matcher;
}

Matcher Matcher::Equal(std::string name, std::string value) {
  return Matcher(Type::kEqual, std::move(name), std::move(value));
}

bool Matcher::Matches(std::string_view value) const {
  switch (type_) {
    case Type::kEqual:
      return value == value_;
    case Type::kNotEqual:
      return value != value_;
    case Type::kRegex:
      return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
    case Type::kNotRegex:
      return !re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
  }
  return false;
}

std::string Matcher::ToString() const {
  static constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};
  return (IsLabelName(name_) ? name_ : QuoteLabelValue(name_)) +
         std::string(kOperators[static_cast<int>(type_)]) + QuoteLabelValue(value_);
}

bool MatchesAll(const Labels& labels, const std::vector<Matcher>& matchers) {
  for (const Matcher& matcher : matchers) {
    if (!matcher.Matches(labels.Get(matcher.name()))) {
      return false;
    }
  }
  return true;
}

}  // namespace ronda
