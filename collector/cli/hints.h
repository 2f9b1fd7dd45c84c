// Help for those who mistyped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/model/matcher.h"

namespace ronda::cli {

// The name that is nearest to `wanted` by edits, or else one that holds it; "" if none is near.
std::string NearestName(std::string_view wanted, const std::vector<std::string>& names);

// A parser's error "LINE:COLUMN: what" with the line and a caret under the place; the status as it
// is if it does not begin like that.
absl::Status ShowPlace(const absl::Status& error, std::string_view text);

}  // namespace ronda::cli
