// The gate between what rules say and what people are told.
//
//   transition --> silenced, inhibited, without what it depends on, flapping? --no--> outbox
//                                 | yes
//                                 v
//                          held, and why  --when that is over, if it is still news--> outbox
//
// What is held is news against what people were told last: an alert that fired and ended unseen is
// never told, one that they know of is told to be resolved even while it is silenced.
//
// All of it is durable: Pass() and Due() give StateWrites for the commit that the messages are part
// of, so that a restart neither forgets what is held nor tells it twice.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/mute/dependencies.h"
#include "collector/mute/flapping.h"
#include "collector/mute/held.h"
#include "collector/mute/inhibitor.h"
#include "collector/mute/maintenance.h"
#include "collector/mute/silences.h"
#include "collector/rules/transition.h"
#include "collector/store/state_write.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"

namespace ronda::mute {

// An alert that fires, with what keeps people from being told.
struct AlertView {
  rules::Alert alert;
  int64_t updated_ms = 0;                 // wall time of the last transition that the gate saw
  std::vector<std::string> silenced_by;   // ids
  std::vector<std::string> inhibited_by;  // fingerprints
  std::string held;                       // why its message waits, or flapping; "" if it was told
};

struct GateCounters {
  uint64_t held = 0;      // times that a message was held back
  uint64_t released = 0;  // held ones that were sent later
  uint64_t dropped = 0;   // held ones that were news no more
};

// What goes into a commit.
struct Passed {
  std::vector<store::StateWrite> state;
  std::vector<rules::Transition> send;
  // What was before, for Undo().
  std::vector<std::pair<std::string, std::optional<Held>>> held_before;
  Maintenance::Changes maintenance;
  GateCounters counters_before;

  bool empty() const { return state.empty() && send.empty(); }
};

// Thread-safe. Below Pipeline in the lock order, above nothing.
class Gate {
 public:
  struct Options {
    std::vector<InhibitRule> inhibit;
    FlapOptions flap;
    std::vector<MaintenanceSchedule> maintenance;
    absl::TimeZone zone;  // of the times in messages
  };

  // `clock` must outlive the gate.
  Gate(Options options, const Clock& clock);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Takes back what the store has, before the first Pass(): all active alerts, and (key, value) of
  // kHeldSpace, kSilenceSpace and kMaintenanceSpace. What cannot be read is logged and left out.
  using Entries = std::vector<std::pair<std::string, std::string>>;
  void Restore(const std::vector<rules::Alert>& alerts, const Entries& held,
               const Entries& silences, const Entries& maintenance) ABSL_LOCKS_EXCLUDED(mu_);

  // Other rules of what is held back, from now on; what is held is judged anew with the next Due().
  // A window of maintenance that is open, or shown as to come, stays.
  void Reload(Options options) ABSL_LOCKS_EXCLUDED(mu_);

  // The transitions of one commit, in order, those that are not for people among them. If that
  // commit does not come about, call Undo() before anything else; they may be passed again then.
  Passed Pass(std::span<const rules::Transition> transitions) ABSL_LOCKS_EXCLUDED(mu_);
  // What time, or a change of silences or of other alerts, has released. Call each second.
  Passed Due() ABSL_LOCKS_EXCLUDED(mu_);
  void Undo(Passed passed) ABSL_LOCKS_EXCLUDED(mu_);

  // A silence that is durable by now: it counts from here on.
  void Apply(const Silence& silence) ABSL_LOCKS_EXCLUDED(mu_);

  // A node is heard, or not (any more, or since the start). Those that nothing was said of are.
  void SetNode(std::string_view node, bool is_up) ABSL_LOCKS_EXCLUDED(mu_);

  std::vector<Silence> AllSilences() const ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<Silence> FindSilence(const std::string& id) const ABSL_LOCKS_EXCLUDED(mu_);
  // As Silences::FindByPrefix().
  absl::StatusOr<Silence> FindByPrefix(std::string_view prefix) const ABSL_LOCKS_EXCLUDED(mu_);
  // Those that fire now and match.
  size_t CountMatching(const std::vector<Matcher>& matchers) const ABSL_LOCKS_EXCLUDED(mu_);

  // Those that fire now or did before their data went missing, by their labels.
  std::vector<AlertView> Alerts() const ABSL_LOCKS_EXCLUDED(mu_);
  GateCounters counters() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mu_);  // messages that are held now

 private:
  struct Active {
    rules::Alert alert;
    int64_t updated_ms = 0;
  };

  void Follow(const rules::Transition& transition, int64_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PassOne(const rules::Transition& transition, int64_t now_ms, Passed* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // It fires from now on.
  void Enter(const std::string& key, const rules::Alert& alert, int64_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Sends what is due of the entry, or says why not.
  void Judge(const std::string& key, int64_t now_ms, Passed* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The message that is due of the entry, with what is to be said of it.
  rules::Transition Release(const std::string& key, Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Nothing is due: whether the entry is of use any more.
  void Age(const std::string& key, int64_t now_ms, Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteFired(const rules::Alert& alert, int64_t now_ms, Passed* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MaintenanceDue(int64_t now_ms, Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WriteMaintenance(Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string WhyNot(const Held& held, int64_t now_ms) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Held& Change(const std::string& key, Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The entry as it is now into the commit; one that says nothing is forgotten.
  void Write(const std::string& key, Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetOldSilences(int64_t now_ms, Passed* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Clock& clock_;

  mutable Mutex mu_;
  Options options_ ABSL_GUARDED_BY(mu_);
  Silences silences_ ABSL_GUARDED_BY(mu_);
  Maintenance maintenance_ ABSL_GUARDED_BY(mu_);
  Inhibitor inhibitor_ ABSL_GUARDED_BY(mu_);
  Dependencies dependencies_ ABSL_GUARDED_BY(mu_);
  StringMap<Active> active_ ABSL_GUARDED_BY(mu_);  // by rules::AlertKey()
  StringMap<Held> held_ ABSL_GUARDED_BY(mu_);      // likewise
  int64_t next_due_ms_ ABSL_GUARDED_BY(mu_) = 0;   // Due() has nothing to do before
  GateCounters counters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::mute
