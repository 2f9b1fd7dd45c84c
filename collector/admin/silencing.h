// What people do to silences: each change durable, with its entry of the audit, before it counts.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/mute/gate.h"
#include "collector/trust/audit.h"
#include "collector/trust/ledger.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::admin {

// Thread-safe; one change at a time. Each waits for a commit (kDeadlineExceeded: the disk is slow).
class Silencing {
 public:
  // All must outlive it.
  Silencing(mute::Gate& gate, trust::Audit& audit, const Clock& clock)
      : gate_(gate), audit_(audit), clock_(clock) {}

  struct Added {
    mute::Silence silence;
    size_t matching = 0;  // alerts that fire now
  };
  // A new one; without an id. A start in the past (or 0) is now. With an id it takes the place of
  // that one: in place while that leaves the past as it was, else the old one ends and a new one is
  // made, as in Alertmanager. kInvalidArgument; kNotFound: no silence has that id.
  absl::StatusOr<Added> Put(mute::Silence silence, const trust::Actor& actor);

  struct Expired {
    mute::Silence silence;
    bool was_over = false;
  };
  // Ends it now; one that is to come will not. `id` may be the beginning of it if `by_prefix`.
  // kNotFound, kInvalidArgument.
  absl::StatusOr<Expired> Expire(std::string_view id, bool by_prefix, bool maintenance,
                                 const trust::Actor& actor);

  const mute::Gate& gate() const { return gate_; }

 private:
  absl::Status Write(const mute::Silence& silence, const char* what, const trust::Actor& actor);
  absl::Status End(mute::Silence silence, const trust::Actor& actor);

  mute::Gate& gate_;
  trust::Audit& audit_;
  const Clock& clock_;
  Mutex changing_;  // outermost in the lock order
};

}  // namespace ronda::admin
