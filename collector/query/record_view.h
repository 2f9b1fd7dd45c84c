// Alerts and gaps as the Api gives them, from the store's records and state.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "collector/store/records.h"
#include "collector/store/store.h"

namespace ronda::query {

// The alerts in the state space "alert": firing first, then by rule, node and labels. One that
// cannot be decoded is left out with a warning in the log. With what silences it at `now_ms`.
absl::StatusOr<std::vector<ActiveAlert>> ReadActiveAlerts(const store::Store& store,
                                                          int64_t now_ms);

// Transitions with start <= t <= end, in order of time, until `visit` returns false.
absl::Status ReadAlertLog(const store::RecordReader& records, int64_t start_ms, int64_t end_ms,
                          std::string_view node, absl::FunctionRef<bool(AlertEvent)> visit);

// The recorded gaps that touch [start, end], by their begin. Of the records of one gap, the one
// that closes it counts. The cause "late" marks what was missing and came later: no gap any more.
// kResourceExhausted: more than a million records.
absl::StatusOr<std::vector<Gap>> ReadGaps(const store::RecordReader& records, int64_t start_ms,
                                          int64_t end_ms, std::string_view node);

// Adds to *gaps the holes that touch [start, end] and that backfill may still close.
absl::Status AddHoles(const store::Store& store, int64_t start_ms, int64_t end_ms,
                      std::string_view node, std::vector<Gap>* gaps);

// Adds to *gaps one that lasts for each of `nodes` that is silent or stopped and has none yet.
void AddOpenGaps(const std::vector<NodeStatus>& nodes, std::vector<Gap>* gaps);

}  // namespace ronda::query
