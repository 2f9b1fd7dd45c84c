// Query strings and form bodies: application/x-www-form-urlencoded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/http/message.h"

namespace ronda::http {

inline constexpr size_t kMaxParams = 1000;

// Appends the pairs of "a=1&b=x%20y" to *out. kInvalidArgument: a '%' without two hexadecimal
// digits (the message shows it), or more than kMaxParams pairs in *out.
absl::Status ParseForm(std::string_view text, std::vector<Pair>* out);

// "%2F" and, in a query string or form, '+' decoded. kInvalidArgument as above.
absl::StatusOr<std::string> PercentDecode(std::string_view text, bool plus_is_space);

}  // namespace ronda::http
