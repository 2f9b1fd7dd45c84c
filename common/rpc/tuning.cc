#include "common/rpc/tuning.h"

#include "absl/synchronization/mutex.h"

namespace ronda::rpc {

void TuneProcess() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace ronda::rpc
