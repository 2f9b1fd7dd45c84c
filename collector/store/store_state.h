// What the parts of the store share, and in which order they lock it.
//
// Lock order: Sealer's pass lock, StoreState::mu, then JournalWriter's or History's own. Nothing
// below mu ever calls back into it, and no file is read or written under it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "collector/store/catalogue.h"
#include "collector/store/head.h"
#include "collector/store/held_values.h"
#include "common/base/mutex.h"

namespace ronda::store {

struct StoreState {
  mutable Mutex mu;
  Catalogue catalogue ABSL_GUARDED_BY(mu);
  Head head ABSL_GUARDED_BY(mu);
  HeldValues held ABSL_GUARDED_BY(mu);
  uint64_t next_order ABSL_GUARDED_BY(mu) = 1;
  int64_t durable_commit ABSL_GUARDED_BY(mu) = 0;
  int64_t sealed_blocks ABSL_GUARDED_BY(mu) = 0;
  std::atomic<int64_t> late_bytes = 0;  // Store::LateBytes()
  int64_t duplicate_samples ABSL_GUARDED_BY(mu) = 0;
  int64_t conflicting_samples ABSL_GUARDED_BY(mu) = 0;
  int64_t dropped_samples ABSL_GUARDED_BY(mu) = 0;
  int64_t corrupt_journal_rows ABSL_GUARDED_BY(mu) = 0;
};

}  // namespace ronda::store
