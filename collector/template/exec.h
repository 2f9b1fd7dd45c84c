#pragma once

#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "collector/template/functions.h"
#include "collector/template/tree.h"

namespace ronda::tmpl {

using Variable = std::pair<std::string, Value>;  // its name with the dollar

// kInvalidArgument, "line N: ...", for what the values cannot do; kResourceExhausted beyond 1 MiB
// of text, a million steps or a hundred templates inside each other.
absl::StatusOr<std::string> Execute(const Tree& tree, const Value& dot,
                                    std::span<const Variable> variables,
                                    const Environment& environment);

}  // namespace ronda::tmpl
