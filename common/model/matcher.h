// Label matchers: =, !=, =~, !~.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/labels.h"

namespace re2 {
class RE2;
}

namespace ronda {

// Matches one label. A label that is absent has the value "". Regular expressions are RE2's and
// must match the whole value; '.' matches a newline too. Immutable, thread-safe, cheap to copy.
class Matcher {
 public:
  enum class Type { kEqual, kNotEqual, kRegex, kNotRegex };

  // kInvalidArgument with RE2's reason if the expression does not compile.
  static absl::StatusOr<Matcher> New(Type type, std::string name, std::string value);
  // An equality matcher, which cannot fail.
  static Matcher Equal(std::string name, std::string value);

  bool Matches(std::string_view value) const;

  Type type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  // name=~"value"
  std::string ToString() const;

 private:
  Matcher(Type type, std::string name, std::string value);

  Type type_;
  std::string name_;
  std::string value_;
  std::shared_ptr<const re2::RE2> regex_;
};

// True if every matcher matches.
bool MatchesAll(const Labels& labels, const std::vector<Matcher>& matchers);

}  // namespace ronda
