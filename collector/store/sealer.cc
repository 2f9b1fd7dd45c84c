#include "collector/store/sealer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "collector/store/conflicts.h"
#include "collector/store/run_decode.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

constexpr size_t kRunsPerTransaction = 64;
constexpr int64_t kRemovePerStep = 200;

// A node's share, 0 to 1, of the time between two thirds of the age limit and the limit.
double Stagger(NodeId node) {
  const uint64_t mixed = static_cast<uint64_t>(node) * 0x9e3779b97f4a7c15ULL;
  return static_cast<double>(mixed >> 11) / static_cast<double>(uint64_t{1} << 53);
}

int64_t HeldBytes(const RunSnapshot& run) {
  auto bytes = static_cast<int64_t>(run.frames.size() * sizeof(HeadFrame));
  for (const HeadFrame& frame : run.frames) {
    bytes += static_cast<int64_t>(frame.bytes.size());
  }
  return bytes;
}

}  // namespace

void Sealer::Start() {
  thread_ = StartThread("store-seal", [this] { Run(); });
}

void Sealer::Stop() {
  {
    MutexLock lock(&thread_mu_);
    stop_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Sealer::Run() {
  bool failing = false;
  for (;;) {
    {
      MutexLock lock(&thread_mu_);
      if (!stop_) {
        wake_.WaitFor(&thread_mu_, std::chrono::seconds(1));
      }
      if (stop_) {
        return;
      }
    }
    const absl::Status status = Round();
    if (!status.ok() && !failing) {
      obs::Error("store", "sealing failed, trying again: {}", Message(status));
    }
    failing = !status.ok();
  }
}

absl::Status Sealer::Round() {
  if (disk_.full()) {
    MutexLock pass(&pass_mu_);
    return Trim();
  }
  RONDA_RETURN_IF_ERROR(Pass(false));
  return RemoveOld();
}

std::vector<SealedRun> Sealer::FindDue(bool now) {
  std::vector<SealedRun> due;
  const int64_t now_ms = clock_.MonotonicMs();
  int64_t late_bytes = 0;
  MutexLock lock(&state_.mu);
  state_.head.ForEachRun([&](const EpochState& epoch, const HeadRun& run) {
    state_.mu.AssertHeld();
    const auto durable =
        static_cast<size_t>(std::partition_point(run.frames.begin(), run.frames.end(),
                                                 [&](const HeadFrame& f) {
                                                   state_.mu.AssertHeld();
                                                   return f.commit <= state_.durable_commit;
                                                 }) -
                            run.frames.begin());
    const int64_t age_ms = now_ms - run.due_since_ms;
    const bool aged = age_ms >= options_.seal_after_ms;
    const bool ended = durable == run.frames.size() && Head::HasEnded(epoch, run);
    const auto turn_ms = static_cast<int64_t>(static_cast<double>(options_.seal_after_ms) *
                                              (2.0 + Stagger(run.key.node)) / 3.0);
    const bool due_now = aged || (ended && (now || run.late || age_ms >= turn_ms));
    // A run that came back and did not grow leaves the head again.
    const bool news = durable > run.sealed_frames || (aged && durable == run.frames.size());
    if (!due_now || !news || durable == 0) {
      return;
    }
    SealedRun sealed;
    sealed.run = Snapshot(run);
    sealed.run.frames.resize(durable);
    sealed.may_grow = !ended;
    sealed.late_bytes = run.late ? HeldBytes(sealed.run) : 0;
    late_bytes += sealed.late_bytes;
    due.push_back(std::move(sealed));
  });
  state_.late_bytes = late_bytes;
  return due;
}

bool Sealer::Decode(SealedRun* sealed) {
  std::vector<HeadFrame>& frames = sealed->run.frames;
  sealed->last_seq = frames.back().seq;
  sealed->last_order = frames.back().order;
  if (sealed->run.schema != nullptr) {
    DecodedSamples decoded = DecodeSamples(frames, {});
    if (decoded.frames == 0 ||
        decoded.columns.size() != sealed->run.schema->schema->series.size()) {
      return false;
    }
    for (size_t i = 0; i < decoded.frames; ++i) {
      sealed->order.push_back(frames[i].order);
    }
    sealed->t_min_ms = *std::min_element(decoded.t_ms.begin(), decoded.t_ms.end());
    sealed->t_max_ms = *std::max_element(decoded.t_ms.begin(), decoded.t_ms.end());
    sealed->t_ms = std::move(decoded.t_ms);
    sealed->columns = std::move(decoded.columns);
    return true;
  }
  RecordKind kind;
  bool any = false;
  const size_t good = DecodeRecords(frames, &kind, [&](size_t, const Record& row) {
    sealed->t_min_ms = any ? std::min(sealed->t_min_ms, row.t_ms) : row.t_ms;
    sealed->t_max_ms = any ? std::max(sealed->t_max_ms, row.t_ms) : row.t_ms;
    any = true;
  });
  sealed->kind = kind.name;
  return good > 0;
}

void Sealer::CountConflicts(const SealedRun& sealed, const std::vector<SealedRun>& before) {
  if (sealed.run.schema == nullptr) {
    return;
  }
  std::vector<SourceSchema> pairs;
  {
    MutexLock lock(&state_.mu);
    pairs = state_.catalogue.PairsOf(sealed.run.source->id);
  }
  const Conflicts found = FindConflicts(history_, pairs, sealed, before);
  MutexLock lock(&state_.mu);
  state_.duplicate_samples += found.duplicates;
  state_.conflicting_samples += found.conflicts;
}

void Sealer::MarkSealed(const std::vector<SealedRun>& runs) {
  MutexLock lock(&state_.mu);
  for (const SealedRun& sealed : runs) {
    HeadRun* const run = state_.head.FindRun(sealed.run.key);
    run->sealed_frames = sealed.run.frames.size();
    run->due_since_ms = clock_.MonotonicMs();
    state_.late_bytes -= sealed.late_bytes;
    state_.head.PutEpoch(run->key.node, run->key.epoch)->sealed_since_trim = true;
    if (run->sealed_frames == run->frames.size()) {
      state_.head.RemoveRun(sealed.run.key);
    }
  }
}

absl::Status Sealer::Pass(bool now) {
  MutexLock pass(&pass_mu_);
  std::vector<SealedRun> due = FindDue(now);
  for (size_t at = 0; at < due.size(); at += kRunsPerTransaction) {
    std::vector<SealedRun> part;
    std::vector<SealedRun> undecodable;
    for (size_t i = at; i < std::min(due.size(), at + kRunsPerTransaction); ++i) {
      if (Decode(&due[i])) {
        CountConflicts(due[i], part);
        part.push_back(std::move(due[i]));
      } else {
        obs::Error("store", "dropping run {} of node {}: its frames cannot be decoded",
                   due[i].run.key.first_seq, due[i].run.source->row.node_name);
        undecodable.push_back(std::move(due[i]));
      }
    }
    RONDA_RETURN_IF_ERROR(history_.Write(part));
    {
      MutexLock lock(&state_.mu);
      state_.sealed_blocks += static_cast<int64_t>(part.size());
    }
    MarkSealed(part);
    MarkSealed(undecodable);
  }
  return Trim();
}

absl::Status Sealer::Trim() {
  TrimContent content;
  {
    MutexLock lock(&state_.mu);
    const std::optional<int64_t> oldest = state_.head.OldestUnsealedCommit();
    content.through_commit =
        oldest ? std::min(*oldest - 1, state_.durable_commit) : state_.durable_commit;
    content.next_order = state_.next_order;
    state_.head.ForEachEpoch([&](EpochState& epoch) {
      if (epoch.sealed_since_trim) {
        epoch.sealed_since_trim = false;
        content.epochs.push_back({epoch.node, {epoch.epoch, Head::SealedRanges(epoch)}});
      }
    });
    if (content.epochs.empty() && content.through_commit <= trimmed_through_) {
      return absl::OkStatus();
    }
    content.nodes = state_.catalogue.TakeSeen();
  }
  const absl::Status status = journal_.Trim(content);
  if (status.ok()) {
    trimmed_through_ = content.through_commit;
    return status;
  }
  MutexLock lock(&state_.mu);
  for (const auto& [node, row] : content.epochs) {
    state_.head.PutEpoch(node, row.epoch)->sealed_since_trim = true;
  }
  return status;
}

absl::Status Sealer::RemoveOld() {
  if (options_.retention_raw_ms <= 0) {
    return absl::OkStatus();
  }
  PairIndex pairs;
  {
    MutexLock lock(&state_.mu);
    pairs = state_.catalogue.Index();
  }
  const int64_t before_ms = clock_.NowMs() - options_.retention_raw_ms;
  RONDA_RETURN_IF_ERROR(history_.RemovePackedRecords(before_ms));
  int64_t left = kRemovePerStep;
  for (const PairIndex::Pair& pair : pairs) {
    RONDA_ASSIGN_OR_RETURN(const int64_t removed, history_.Remove(pair->pair, before_ms, left));
    left -= removed;
    if (left <= 0) {
      break;
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
