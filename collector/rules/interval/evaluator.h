// Evaluates rules that cannot run on arrival, each group at its interval, and keeps their alerts.
//
// One thread, ronda-rules. Groups are spread over their intervals; the rules of a group run in
// order. What a rule gives goes to the host at once, so that the next one reads what it recorded.
// A group that takes longer than its interval misses evaluations, which are counted.
//
// After a restart alerts go on as they were: one that had fired is not told again, and `for` goes
// on where nobody looked for less than that.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "collector/rules/alert.h"
#include "collector/rules/interval/group_state.h"
#include "collector/rules/interval/host.h"
#include "collector/rules/rule_file.h"
#include "collector/store/queryable.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::rules {

struct EvaluatorOptions {
  int64_t unknown_for_ms = 24LL * 3600 * 1000;
  TextContext texts = {};
  int64_t timeout_ms = 60'000;  // of one expression
  int64_t max_samples = 50'000'000;
  int64_t max_bytes = 256 << 20;  // of one expression
};

struct EvaluatorCounters {
  int64_t evaluations = 0;  // of rules
  int64_t failures = 0;
  int64_t missed = 0;  // of groups
  size_t pending = 0;
  size_t firing = 0;
  size_t unknown = 0;
};

// A group with how it went, as of its last evaluation.
struct GroupReport {
  std::string file;
  std::string group;
  GroupHealth health;
};

// Thread-safe, but for Start() and Stop(), which one thread calls.
class Evaluator {
 public:
  // All must outlive it.
  Evaluator(std::vector<RuleFile> files, EvaluatorOptions options, RuleHost& host,
            const store::Queryable& data, const Clock& clock);
  ~Evaluator();

  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // Alerts of before a restart, before the first evaluation. Those that no rule can have raised end
  // with the next one.
  void Restore(std::vector<Alert> alerts) ABSL_LOCKS_EXCLUDED(run_mu_, mu_);

  // Other rules from now on. Alerts and series of rules that are still there go on; the rest end
  // with the next evaluation, but alerts whose rule runs on arrival now go to `others`.
  void Reload(std::vector<RuleFile> files, std::vector<Alert>* others)
      ABSL_LOCKS_EXCLUDED(run_mu_, mu_);
  // As Restore(): alerts of rules that ran on arrival before.
  void Adopt(std::vector<Alert> alerts) { Restore(std::move(alerts)); }

  void Start();
  void Stop();  // cancels what runs. Idempotent

  // Evaluates the groups that are due by the clock; returns when the next one is. What the thread
  // does; tests without one call it.
  int64_t RunDue() ABSL_LOCKS_EXCLUDED(run_mu_, mu_);

  // Copies, sorted by group, rule and labels.
  std::vector<Alert> Active() const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<GroupReport> Reports() const ABSL_LOCKS_EXCLUDED(mu_);
  EvaluatorCounters counters() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  void SetFiles(std::vector<RuleFile> files) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void RestoreLocked(std::vector<Alert> alerts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void FlushOver(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void EvaluateGroup(size_t number, int64_t t_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void Publish(size_t group, size_t rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void PublishAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);

  const EvaluatorOptions options_;
  RuleHost& host_;
  const store::Queryable& data_;
  const Clock& clock_;

  // Held while rules run; before mu_, and before the host's locks.
  mutable Mutex run_mu_;
  std::shared_ptr<const std::vector<RuleFile>> files_ ABSL_GUARDED_BY(run_mu_);
  std::vector<std::unique_ptr<GroupState>> groups_ ABSL_GUARDED_BY(run_mu_);
  int64_t scheduled_ms_ ABSL_GUARDED_BY(run_mu_) = 0;  // the clock, when it was last looked at
  // Without a rule: they end with the next evaluation.
  std::vector<Alert> over_ ABSL_GUARDED_BY(run_mu_);
  std::vector<RuleSample> over_series_ ABSL_GUARDED_BY(run_mu_);

  std::atomic<bool> cancelled_{false};
  std::atomic<int> waiting_{0};  // calls that want run_mu_ soon

  mutable Mutex mu_;
  CondVar wake_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<GroupReport> reports_ ABSL_GUARDED_BY(mu_);
  std::vector<std::vector<std::vector<Alert>>> alerts_ ABSL_GUARDED_BY(mu_);  // by group and rule
  EvaluatorCounters counters_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace ronda::rules
