// Gap records of what the store itself has lost.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/dropped_samples.h"
#include "collector/store/replay.h"
#include "collector/store/store.h"
#include "common/base/clock.h"

namespace ronda::store {

// Appends a gap with the cause "corrupt" for each of `lost`, once: a restart finds the same damage
// until the journal is trimmed. Lost frames of no known node are left out.
absl::Status WriteCorruptGaps(Store* store, const std::vector<LostFrames>& lost,
                              const Clock& clock);

// The same for parts of history files. A part of every node becomes a gap of each of `nodes` that
// had been seen by then.
absl::Status WriteCorruptGaps(Store* store, const std::vector<CorruptPart>& parts,
                              const std::vector<std::pair<NodeId, NodeInfo>>& nodes,
                              const Clock& clock);

// A gap with the cause "max_size" of each node and group that samples were dropped of.
absl::Status WriteDroppedGaps(Store* store, std::vector<std::pair<NodeId, DroppedSamples>> dropped,
                              const Clock& clock);

}  // namespace ronda::store
