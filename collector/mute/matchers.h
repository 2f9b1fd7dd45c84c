// Matchers as people type them, in the spelling of Alertmanager and amtool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/matcher.h"

namespace ronda::mute {

// severity=critical, node="web1", node=~"web.*", role != db. The value may stand in double quotes,
// in which \" \\ and \n are escapes. kInvalidArgument: what is wrong and what is expected.
absl::StatusOr<Matcher> ParseMatcher(std::string_view text);

// The same for many, with what all of them together must be: at least one, and one of them must not
// match a label that is absent (else it would be for every alert there is).
absl::StatusOr<std::vector<Matcher>> ParseMatchers(const std::vector<std::string>& texts);

// kInvalidArgument: as above.
absl::Status CheckTogether(const std::vector<Matcher>& matchers);

// {node="web1",severity=~"high|critical"}
std::string FormatMatchers(const std::vector<Matcher>& matchers);

}  // namespace ronda::mute
