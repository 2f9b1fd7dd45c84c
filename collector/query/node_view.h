// What is known of the nodes, put together from the catalogue, the series `up` and the live status.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "collector/query/live_status.h"
#include "collector/store/store.h"

namespace ronda::query {

// Time of the newest sample an agent sent; 0 without data. `wall_ms` bounds the search from above
// (a day after it).
absl::StatusOr<int64_t> NewestSampleMs(const store::Store& store, int64_t wall_ms);

// The nodes by name, all but gaps_24h. `live` may be null.
absl::StatusOr<std::vector<NodeStatus>> ViewNodes(const store::Store& store, const LiveStatus* live,
                                                  const TimeBase& time, std::string_view only);

}  // namespace ronda::query
