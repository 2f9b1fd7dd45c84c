// What one agent has used of its limits, and what was refused of what it sent. It outlives the
// agent's streams, so that a new stream begins with nothing for free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "collector/ingest/refusal.h"
#include "collector/query/live_status.h"
#include "common/base/mutex.h"
#include "common/model/schema.h"

namespace ronda::ingest {

// Tokens that come back at a steady rate, up to a most. Not thread-safe. Times are milliseconds of
// the monotonic clock.
class TokenBucket {
 public:
  // How many there are at `now_ms`.
  double Refill(double per_second, double most, int64_t now_ms);
  // May make debts.
  void Take(double tokens) { tokens_ -= tokens; }

 private:
  double tokens_ = 0;
  int64_t at_ms_ = 0;
  bool began_ = false;  // it begins full
};

// Thread-safe; innermost in the lock order.
class Account {
 public:
  // Work that was done for the agent, in samples: `per_second` of them it may cause, and those of
  // kBurstSeconds at once. Returns for how long nothing more is to be read from it; 0: go on.
  int64_t Charge(double samples, double per_second, int64_t now_mono_ms) ABSL_LOCKS_EXCLUDED(mu_);
  static constexpr int64_t kBurstSeconds = 10;

  // `count` series that the agent did not have. False: not now; *wait_ms says when to try again.
  bool TakeNewSeries(size_t count, double per_minute, double at_once, int64_t now_mono_ms,
                     int64_t* wait_ms) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether the agent's group had this schema lately: then its series are not new.
  bool Had(const GroupIdentity& group, const SchemaHash& schema) const ABSL_LOCKS_EXCLUDED(mu_);
  // It has it now: its series are new no more, in whatever schema they come again.
  void Remember(const GroupIdentity& group, const SchemaHash& hash,
                const std::shared_ptr<const Schema>& schema) ABSL_LOCKS_EXCLUDED(mu_);
  // Series of a schema of the group that it did not have: neither in `live`, its last schema of the
  // live lane (may be null), nor in one that was remembered. Backfill brings one schema after the
  // other, each a little different from the one before and much from what is live by now.
  size_t CountNew(const GroupIdentity& group, const Schema& schema, const Schema* live) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // `count` frames were refused (or the stream, which counts as one).
  void Note(Refusal refusal, int64_t count, std::string_view detail, int64_t now_ms)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Since the collector's start, the latest first.
  std::vector<query::Refused> refused() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr size_t kMaxRemembered = 512;
  static constexpr size_t kMaxSeen = 20'000;
  static constexpr size_t kMaxDetail = 256;

  mutable Mutex mu_;
  TokenBucket work_ ABSL_GUARDED_BY(mu_);
  TokenBucket new_series_ ABSL_GUARDED_BY(mu_);
  // Hashes of group and schema; the oldest leave.
  std::deque<uint64_t> had_ ABSL_GUARDED_BY(mu_);
  // The first schema of each group, which agents share, and hashes of group and series of those
  // that came in later ones.
  std::map<GroupIdentity, std::shared_ptr<const Schema>> first_ ABSL_GUARDED_BY(mu_);
  std::unordered_set<uint64_t> seen_ ABSL_GUARDED_BY(mu_);
  std::map<Refusal, query::Refused> refused_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::ingest
