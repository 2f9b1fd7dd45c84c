// What a node may be called, and which labels it may have.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "common/model/labels.h"

namespace ronda {

// kInvalidArgument says what is wrong, for the agent's log.
absl::Status CheckNodeName(std::string_view name);
absl::Status CheckNodeLabels(const Labels& labels);

}  // namespace ronda
