// Nodes that collector.yml names: expected as if somebody had said `ronda nodes expect`.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/ingest/pipeline.h"
#include "collector/store/store.h"
#include "common/base/clock.h"

namespace ronda::ingest {

// Who said so, in NodeLife::by.
inline constexpr std::string_view kByConfig = "collector.yml";

// Expects each that was never here, and no longer expects those that an earlier collector.yml named
// and that did not come. One that was retired by hand stays so; the log says it. After
// Pipeline::Restore(), before agents come. An error if the state cannot be read.
absl::Status ExpectNodes(const std::vector<std::string>& names, Pipeline& pipeline,
                         const store::Store& store, const Clock& clock);

}  // namespace ronda::ingest
