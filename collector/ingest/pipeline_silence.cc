// The part of the pipeline that time drives: nodes that say nothing, and what is owed.
#include <algorithm>
#include <utility>

#include "collector/ingest/pipeline.h"
#include "common/base/status.h"
#include "common/model/sample.h"
#include "common/obs/log.h"

namespace ronda::ingest {
namespace {

constexpr int64_t kRateWindowMs = 5000;
// Tick() is called each second.
constexpr int64_t kStoodStillMs = 4000;

size_t FindUp(const Schema& schema) {
  for (size_t i = 0; i < schema.series.size(); ++i) {
    if (schema.metric_of(i).name == "up") {
      return i;
    }
  }
  return schema.series.size();
}

}  // namespace

void Pipeline::SetSilentLocked(Node& node, bool silent) {
  node.silent = silent;
  gate_.SetNode(node.info.name, !silent);
}

// Ends the node's series and says up = 0 for each of its sources; the rules see it pass like any
// other frame.
void Pipeline::GoSilentLocked(store::NodeId id, Node& node) {
  const bool first = !node.silent;
  SetSilentLocked(node, true);  // before its alerts are judged
  std::vector<rules::Transition> transitions = std::exchange(node.owed, {});
  // Samples, which a full disk does not take: then only the rules hear of it.
  const bool full = store_.DiskFull();
  store::Batch batch;
  batch.node = id;
  batch.epoch = own_.epoch();
  if (first) {
    engine_.OnNodeSilent(node.info.name, clock_.NowMs(), &transitions);
  }
  for (auto& [identity, source] : node.sources) {
    if (source.schema == nullptr) {
      continue;
    }
    const size_t up = FindUp(*source.schema);
    if (up == source.schema->series.size()) {
      continue;
    }
    // Never at a time at which the agent samples: its own value, should it still come, must win.
    int64_t t_ms = std::max(clock_.NowMs(), source.last_ms + 1);
    if (t_ms % 1000 == source.last_ms % 1000) {
      ++t_ms;
    }
    std::vector<double> values(source.schema->series.size(), StaleMarker());
    values[up] = 0;
    std::vector<uint32_t> all(values.size());
    for (uint32_t i = 0; i < all.size(); ++i) {
      all[i] = i;
    }
    if (!full) {
      batch.frames.push_back(own_.Samples(id, identity, source.schema, t_ms, values));
    }
    if (groups_.Holds(id)) {
      continue;  // the rules are told of its group
    }
    engine_.OnTick({.source = source.id,
                    .node = node.info.name,
                    .target_labels = source.target_labels,
                    .schema = source.schema,
                    .t_ms = t_ms,
                    .values = values,
                    .changed = all,
                    .all_changed = true,
                    .synthetic = true},
                   &transitions);
  }
  if (first) {
    ++counters_.silent_nodes;
    if (groups_.Holds(id)) {
      obs::Debug("ingest", "node is silent with its group node={}", node.info.name);
    } else if (HadAgent(node)) {
      obs::Warn("ingest", "node is silent node={} since_s={}", node.info.name,
                (clock_.NowMs() - store_.FindNode(node.info.name)->last_seen_ms) / 1000);
    } else {
      obs::Warn("ingest", "node is expected and did not come node={}", node.info.name);
    }
  }
  node.silence_told_mono_ms = clock_.MonotonicMs();
  std::vector<store::Batch> batches;
  if (!batch.frames.empty()) {
    batches.push_back(std::move(batch));
  }
  if (absl::Status status = CommitLocked(id, node, std::move(batches), {}, std::move(transitions));
      !status.ok()) {
    obs::Error("ingest", "a node's silence could not be recorded node={} error=\"{}\"",
               node.info.name, Message(status));
  }
}

// The ramp is the time until nearly all that come back were there: one that straggles does not make
// the others' silence wait. Nodes that come after the grace do not begin it anew.
int64_t Pipeline::GraceEndLocked() const {
  int64_t grace_ms = options_.silence_grace_ms;
  if (grace_ms > 0 && !returns_ms_.empty()) {
    const size_t nearly_all = (returns_ms_.size() - 1) * 95 / 100;
    const int64_t ramp_ms = returns_ms_[nearly_all];
    grace_ms = std::max(grace_ms, std::min(2 * ramp_ms, options_.max_grace_ms));
  }
  return started_mono_ms_ + grace_ms;
}

void Pipeline::NoteReturnLocked(Node& node) {
  const int64_t now = clock_.MonotonicMs();
  if (std::exchange(node.awaited, false) && now < GraceEndLocked()) {
    returns_ms_.push_back(now - started_mono_ms_);
  }
}

// When it was heard last, as far as that counts against it.
int64_t Pipeline::QuietSinceLocked(const Node& node) const {
  return node.heard_mono_ms != 0 ? node.heard_mono_ms
                                 : std::max(node.joined_mono_ms, GraceEndLocked());
}

void Pipeline::Tick() {
  MutexLock lock(&mu_);
  const int64_t now = clock_.MonotonicMs();
  if (now - rate_mono_ms_ >= kRateWindowMs) {
    samples_per_second_ = static_cast<double>(counters_.samples - rate_samples_) * 1000 /
                          static_cast<double>(now - std::max(rate_mono_ms_, started_mono_ms_));
    rate_samples_ = counters_.samples;
    rate_mono_ms_ = now;
  }
  if (ticked_mono_ms_ != 0 && now - ticked_mono_ms_ > kStoodStillMs) {
    stood_still_until_ms_ = clock_.NowMs();
    obs::Warn("ingest", "the collector stood still for {} s", (now - ticked_mono_ms_) / 1000);
  }
  ticked_mono_ms_ = now;
  UpdateGroupsLocked(now);
  ReleaseHeldLocked();
  TellAlertsLocked();
  const bool full = store_.DiskFull();
  for (auto& [id, node] : nodes_) {
    if (node->life == store::LifeState::kRetired) {
      continue;
    }
    if (!HadAgent(*node)) {
      TickExpectedLocked(id, *node);  // imported alone, or to come
      continue;
    }
    if (node->holding && node->port != nullptr && !full) {
      node->port->Close(Fail(absl::StatusCode::kUnavailable,
                             "there is room on the collector's disk again: send what was not "
                             "acknowledged"));
      node->port = nullptr;
    }
    const bool silent = now - QuietSinceLocked(*node) >= options_.silence_after_ms;
    const bool again = now - node->silence_told_mono_ms >= options_.silence_repeat_ms;
    if (silent && (!node->silent || again)) {
      GoSilentLocked(id, *node);
    } else if (!node->owed.empty()) {
      // Said again each second until the store takes it; it has logged why it does not.
      CommitLocked(id, *node, {}, {}, std::exchange(node->owed, {})).IgnoreError();
    }
  }
}

}  // namespace ronda::ingest
