// Silences as the Api gives them, from the store's state.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/mute/silences.h"
#include "collector/query/api.h"
#include "collector/store/store.h"

namespace ronda::query {

// All of the state space "silence". One that cannot be read is left out with a warning in the log.
absl::StatusOr<mute::Silences> LoadSilences(const store::Store& store);

// By their begin, then id; those that are over at `now_ms` only with `expired`.
absl::StatusOr<std::vector<SilenceStatus>> ReadSilences(const store::Store& store, int64_t now_ms,
                                                        bool expired);

}  // namespace ronda::query
