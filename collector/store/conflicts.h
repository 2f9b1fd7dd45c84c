// Counting samples that arrived more than once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "collector/store/history.h"

namespace ronda::store {

struct Conflicts {
  int64_t duplicates = 0;  // equal time and series, equal value
  int64_t conflicts = 0;   // equal time and series, another value
};

// Samples of a run about to be sealed that blocks of the same source hold already, or runs that go
// into the same transaction before it. Each pair of runs is compared once: when the later one is
// sealed.
Conflicts FindConflicts(const History& history, const std::vector<SourceSchema>& pairs_of_source,
                        const SealedRun& sealed, std::span<const SealedRun> before);

}  // namespace ronda::store
