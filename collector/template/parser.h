#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/template/tree.h"

namespace ronda::tmpl {

// `variables` are those that are set before the template runs, with their dollars.
// kInvalidArgument, "line N: ...", for an unknown function or variable, what is not closed, and the
// like.
absl::StatusOr<std::shared_ptr<const Tree>> ParseTree(std::string_view text,
                                                      std::span<const std::string_view> variables);

}  // namespace ronda::tmpl
