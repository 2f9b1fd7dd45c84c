// Evaluation of rules on arrival (placement.h says which): each frame goes past the rules once,
// before its commit.
//
// Rules are compiled per schema to lists of columns (plan.h). A frame costs a comparison for each
// rule of each changed column and a step (lifecycle.h) for each alert of its source that is active;
// an instance that is neither changed nor active costs nothing, and no memory.
//
// Time is sample time throughout. A frame that is not newer than the last one of its source (a
// backfill beside the live lane, a repetition) is counted and otherwise ignored; after
// kLateTicksUntilReset of them in a row the source's clock is taken to have been set back, and
// evaluation goes on from there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/rules/alert.h"
#include "collector/rules/lifecycle.h"
#include "collector/rules/plan.h"
#include "collector/rules/rule_file.h"
#include "collector/rules/transition.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::rules {

inline constexpr int kLateTicksUntilReset = 60;

// One decoded frame. All of it is borrowed for the call.
struct SourceTick {
  uint64_t source = 0;  // the caller's stable number of (node, group identity, node labels), not 0
  std::string_view node;
  const Labels& target_labels;  // node, job, instance and the node's own labels
  const std::shared_ptr<const Schema>& schema;
  int64_t t_ms = 0;
  std::span<const double> values;     // one per series; the staleness marker means no sample
  std::span<const uint32_t> changed;  // columns whose bits differ from the frame before
  bool all_changed = false;           // first frame of the source here, or another schema
  // The collector wrote it for a node that is silent: by another clock than the node's own frames,
  // so it is never late and makes none of them late.
  bool synthetic = false;
  // First frame of an agent that has just started: what takes two readings (the CPU's usage) is not
  // there yet, and so nothing has ended.
  bool starts = false;
};

struct EngineOptions {
  int64_t unknown_for_ms = 24LL * 3600 * 1000;  // an unknown alert ends after this
  // An alert from before a restart or reload that no source of its node claims is unknown after
  // this much sample time.
  int64_t unclaimed_for_ms = 60'000;
  TextContext texts = {};
};

struct RuleCounters {
  uint64_t ticks = 0;
  uint64_t late_ticks = 0;  // ignored: not newer than the last one of their source
  uint64_t bad_ticks = 0;   // ignored: values do not fit the schema
  uint64_t comparisons = 0;
  uint64_t transitions = 0;
  uint64_t plans_compiled = 0;
  uint64_t limited = 0;     // alerts not raised because of their group's limit
  uint64_t duplicates = 0;  // alerts not raised because another series has the same alert labels
  size_t pending = 0;
  size_t firing = 0;
  size_t unknown = 0;
  size_t sources = 0;
};

// Thread-safe: one mutex inside, held for each call; nothing is called out from under it. Feed the
// frames of one source in order; sources may come in any order. Transitions are appended to `out`
// in the order in which they happened, for the caller to put into the commit of the frames.
class Engine {
 public:
  // kInvalidArgument if two files have a group of one name with rules of one name and labels.
  static absl::StatusOr<std::unique_ptr<Engine>> New(std::vector<RuleFile> files,
                                                     EngineOptions options = {});

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Takes back the alerts that were active when the process ended, before the first tick. Each goes
  // on where it was when a source of its node has its labels again. Those whose rule is gone or has
  // other labels now are over: their transitions come with the next tick.
  void Restore(std::vector<Alert> alerts) ABSL_LOCKS_EXCLUDED(mu_);

  void OnTick(const SourceTick& tick, std::vector<Transition>* out) ABSL_LOCKS_EXCLUDED(mu_);

  // The node's alerts become unknown, reason "node silent", but for those of rules that read `up`:
  // the frame with up = 0 that the collector writes next is for them. Call this before that frame.
  void OnNodeSilent(std::string_view node, int64_t t_ms, std::vector<Transition>* out)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Its alerts are over (resolved if they had fired), with `reason`; its sources are forgotten.
  void OnNodeForgotten(std::string_view node, int64_t t_ms, std::string_view reason,
                       std::vector<Transition>* out) ABSL_LOCKS_EXCLUDED(mu_);
  // The same for one source (a database that is no longer configured).
  void OnSourceForgotten(uint64_t source, int64_t t_ms, std::string_view reason,
                         std::vector<Transition>* out) ABSL_LOCKS_EXCLUDED(mu_);

  // Other rules from the next tick on; alerts go on as after Restore(). Those whose rule runs at an
  // interval now go to `others`, if it is not null. On an error nothing changes.
  absl::Status Reload(std::vector<RuleFile> files, std::vector<Alert>* others = nullptr)
      ABSL_LOCKS_EXCLUDED(mu_);
  // As Restore(), between ticks: alerts of rules that ran at an interval before.
  void Adopt(std::vector<Alert> alerts) ABSL_LOCKS_EXCLUDED(mu_);

  // Copies, sorted by group, rule and labels.
  std::vector<Alert> Active() const ABSL_LOCKS_EXCLUDED(mu_);
  std::shared_ptr<const std::vector<RuleFile>> files() const ABSL_LOCKS_EXCLUDED(mu_);
  RuleCounters counters() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr uint32_t kNoEntry = ~uint32_t{0};

  struct Instance {
    Alert alert;
    std::string key;
    uint32_t rule = 0;
    int64_t unclaimed_since_ms = -1;  // of one without a source: the first tick of its node
  };

  // Looked at in each tick of its source.
  struct Watch {
    uint32_t entry = kNoEntry;     // into the plan; kNoEntry: the schema has no such series now
    Instance* instance = nullptr;  // null: true, but over the limit or a duplicate
  };

  struct Source {
    std::string node;
    std::shared_ptr<const Plan> plan;
    std::vector<Watch> watches;
    std::vector<bool> watched;  // by entry; empty while nothing is
    int64_t last_t_ms = 0;
    bool seen = false;  // last_t_ms is set
    int late_in_a_row = 0;
  };

  explicit Engine(EngineOptions options) : options_(std::move(options)) {}

  void SetFiles(std::vector<RuleFile> files) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetPlansLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<PlacedRule>::const_iterator FindRuleLocked(const Alert& alert) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasIntervalRuleLocked(const Alert& alert) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestoreLocked(std::vector<Alert> alerts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsLate(const SourceTick& tick, Source* source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Rebuild(const SourceTick& tick, Source* source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::shared_ptr<const Plan> PlanFor(const SourceTick& tick) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gives each alert its entry in the source's new plan, or none.
  void Claim(const SourceTick& tick, const std::vector<Instance*>& claimed, Source* source)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Owns(const SourceTick& tick, const Instance& instance) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StepWatches(const SourceTick& tick, Source* source, std::vector<Transition>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CompareColumn(const SourceTick& tick, uint32_t column, Source* source,
                     std::vector<Transition>* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Raises the alert of an entry that is true; null if that may not be.
  Instance* Raise(const SourceTick& tick, const Plan& plan, uint32_t entry,
                  std::vector<Transition>* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AgeUnclaimed(const SourceTick& tick, std::vector<Transition>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // One step; returns false if the instance is over (and then gone).
  bool Step(const Observation& seen, int64_t t_ms, Instance* instance, std::vector<Transition>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget(Instance* instance, int64_t t_ms, std::string_view reason,
              std::vector<Transition>* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetWatch(Source* source, Watch watch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FlushOver(int64_t t_ms, std::vector<Transition>* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const EngineOptions options_;

  mutable Mutex mu_;
  std::shared_ptr<const std::vector<RuleFile>> files_ ABSL_GUARDED_BY(mu_);
  std::vector<PlacedRule> rules_ ABSL_GUARDED_BY(mu_);  // into files_
  std::vector<int> active_of_rule_ ABSL_GUARDED_BY(mu_);
  StringMap<std::weak_ptr<const Plan>> plans_ ABSL_GUARDED_BY(mu_);
  size_t plans_swept_at_ ABSL_GUARDED_BY(mu_) = 64;
  absl::flat_hash_map<uint64_t, Source> sources_ ABSL_GUARDED_BY(mu_);
  StringMap<std::unique_ptr<Instance>> instances_ ABSL_GUARDED_BY(mu_);  // by AlertKey()
  StringMap<std::vector<Instance*>> unclaimed_ ABSL_GUARDED_BY(mu_);     // by node
  std::vector<Alert> over_ ABSL_GUARDED_BY(mu_);  // restored without a rule: end at the next tick
  RuleCounters counters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::rules
