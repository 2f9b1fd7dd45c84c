#include "agent/samplers/host/name_filter.h"

#include <re2/re2.h>

#include "common/base/status.h"

namespace ronda::agent {

absl::StatusOr<NameFilter> NameFilter::New(const std::string& expression) {
  NameFilter filter;
  if (expression.empty()) {
    return filter;
  }
  auto regex = std::make_shared<const re2::RE2>(expression, re2::RE2::Quiet);
  if (!regex->ok()) {
    return Fail(absl::StatusCode::kInvalidArgument, "compiling the regular expression '{}': {}",
                expression, regex->error());
  }
  filter.regex_ = std::move(regex);
  return filter;
}

bool NameFilter::Matches(std::string_view name) const {
  return regex_ != nullptr &&
         re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *regex_);
}

}  // namespace ronda::agent
