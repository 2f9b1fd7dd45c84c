// The JSON of Alertmanager's API, version 2 (its api/v2/openapi.yaml), as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/mute/gate.h"

namespace ronda::http {

// gettableAlert. An alert that fires has no end: as Alertmanager would without another word of it,
// it is said to end in 5 minutes from now. Why a message waits is the annotation ronda_held, that
// the data is missing ronda_unknown.
std::string AlertJson(const mute::AlertView& view, const std::vector<std::string>& receivers,
                      int64_t now_ms);

// gettableSilence.
std::string SilenceJson(const mute::Silence& silence, int64_t now_ms);

// postableSilence, not yet checked as a whole. kInvalidArgument: which field is wrong.
absl::StatusOr<mute::Silence> ParsePostedSilence(std::string_view body);

}  // namespace ronda::http
