// The part of the pipeline that says what is missing: gaps, and holes that backfill may close.
#include <algorithm>
#include <utility>

#include "collector/ingest/pipeline.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::ingest {
namespace {

// Shorter ones have no tick of a second in them.
constexpr int64_t kMinHoleMs = 1000;

Record Gap(int64_t from_ms, int64_t to_ms, const std::string& cause, const std::string& detail) {
  return Record{to_ms, {from_ms, to_ms, std::string(), cause, detail}};
}

// Parts of the hole that are not held. Numbers are given out in order of time and at an even pace:
// that is where their times are taken from.
std::vector<std::pair<int64_t, int64_t>> MissingTimes(const store::Hole& hole,
                                                      const codec::RangeSet& held) {
  std::vector<codec::SeqRange> missing;
  uint64_t next = hole.seqs.first;
  for (const codec::SeqRange& range : held.ranges()) {
    if (range.last < next || range.first > hole.seqs.last) {
      continue;
    }
    if (range.first > next) {
      missing.push_back({next, range.first - 1});
    }
    next = range.last + 1;
  }
  if (next <= hole.seqs.last) {
    missing.push_back({next, hole.seqs.last});
  }
  const auto time_of = [&](uint64_t seq) {
    const double part = static_cast<double>(seq - hole.seqs.first) /
                        static_cast<double>(hole.seqs.last + 1 - hole.seqs.first);
    return hole.from_ms +
           static_cast<int64_t>(part * static_cast<double>(hole.to_ms - hole.from_ms));
  };
  std::vector<std::pair<int64_t, int64_t>> times;
  for (const codec::SeqRange& range : missing) {
    times.emplace_back(time_of(range.first), time_of(range.last + 1));
  }
  return times;
}

}  // namespace

void Pipeline::OpenHoleLocked(store::NodeId id, Node& node, const store::Epoch& epoch,
                              codec::SeqRange seqs, int64_t from_ms, int64_t to_ms, Missing* out) {
  if (seqs.first > seqs.last || from_ms <= 0 || to_ms - from_ms <= kMinHoleMs) {
    return;
  }
  const bool down = from_ms < started_ms_ || from_ms < stood_still_until_ms_;
  store::Hole hole{node.info.name,
                   epoch.id,
                   epoch.started_ms,
                   seqs,
                   from_ms,
                   to_ms,
                   !node.elsewhere.empty() ? "failover"
                   : down                  ? "collector down"
                                           : "network"};
  // Backfill may be done before the first live frame comes.
  if ((node.backfilled && node.followed.stream_begins) ||
      ContainsAll(store_.Held(id, epoch), seqs)) {
    EndHoleLocked(id, node, hole, out);
  } else {
    node.followed.holes.Open(std::move(hole), &out->state);
  }
}

void Pipeline::EndHoleLocked(store::NodeId id, const Node& node, const store::Hole& hole,
                             Missing* out) {
  const codec::RangeSet held = store_.Held(id, {hole.epoch, hole.epoch_started_ms});
  const bool whole = ContainsAll(held, hole.seqs);
  const bool elsewhere = !node.elsewhere.empty();
  // What an agent that still runs gave up it explains itself.
  if (whole || (!elsewhere && hole.epoch == node.epoch.id)) {
    out->gaps.push_back(
        Gap(hole.from_ms, hole.to_ms, std::string(store::kLateCause),
            fmt::format("{}{}", hole.cause, whole ? "" : "; the agent gave up a part")));
    return;
  }
  for (const auto& [from_ms, to_ms] : MissingTimes(hole, held)) {
    out->gaps.push_back(elsewhere
                            ? Gap(from_ms, to_ms, "failover", "acknowledged by " + node.elsewhere)
                            : Gap(from_ms, to_ms,
                                  node.gap_cause.empty() ? std::string(kKilled) : node.gap_cause,
                                  "it was not on the node's disk yet"));
  }
}

// The agent was started anew: what it kept of earlier epochs will come, and the time in which no
// agent ran is a gap for good. Told with the first frame that comes on the stream, of whatever
// epoch, in one commit with it: what is durable of an epoch says that what is missing before it was
// told. If the next stream says the same again, so do we; of gaps with one begin one counts.
void Pipeline::TellKeptLocked(store::NodeId id, Node& node, Missing* out) {
  std::sort(node.kept.begin(), node.kept.end(), [](const KeptEpoch& a, const KeptEpoch& b) {
    return a.epoch.started_ms < b.epoch.started_ms;
  });
  int64_t from_ms = node.followed.live_ms;
  const bool rebooted = node.gap_cause == kRebooted;
  std::string_view cause = node.gap_cause;  // of what follows the epoch before
  for (const KeptEpoch& kept : node.kept) {
    const bool unseen =
        node.info.epoch.id == node.epoch.id || kept.epoch.started_ms > node.info.epoch.started_ms;
    const bool after = unseen && kept.epoch.started_ms > from_ms;
    if (kept.newest_ms > from_ms) {
      if (after && from_ms > 0 && !cause.empty()) {
        out->gaps.push_back(Gap(from_ms, kept.epoch.started_ms,
                                std::string(cause == kRebooted ? kKilled : cause),
                                cause == kStopped ? "no collector was there to hear it"
                                                  : "no collector was there to see it"));
      }
      OpenHoleLocked(id, node, kept.epoch, {kept.next_seq, kept.last_seq},
                     after ? kept.epoch.started_ms : from_ms, kept.newest_ms, out);
      from_ms = kept.newest_ms;
    }
    if (unseen) {
      cause = kept.stopped ? kStopped : rebooted ? kRebooted : kKilled;
    }
  }
  node.followed.kept_told = true;
  node.followed.cause = cause;
  node.followed.live_ms = from_ms;
}

// The first frame of the present epoch, in either lane.
void Pipeline::BeginEpochLocked(Node& node, const Arrival& first, Missing* out) {
  const int64_t from_ms = node.followed.live_ms;
  // If frames of this epoch wait, the agent ran before this one.
  const bool waits = first.entry.seq > 1 && node.epoch.started_ms > from_ms &&
                     node.epoch.started_ms < first.entry.t_ms;
  const int64_t began_ms = waits ? node.epoch.started_ms : first.entry.t_ms;
  if (!node.followed.cause.empty() && from_ms > 0 && began_ms > from_ms) {
    out->gaps.push_back(Gap(from_ms, began_ms, node.followed.cause, ""));
  }
  node.followed.epoch_began = true;
  node.followed.live_ms = began_ms;
}

Pipeline::Missing Pipeline::FollowLocked(store::NodeId id, Node& node, bool present,
                                         const std::vector<Arrival>& arrivals) {
  Missing missing;
  Followed& followed = node.followed;
  if (arrivals.empty() || (followed.epoch_began && !present)) {
    return missing;
  }
  if (!followed.epoch_began && !followed.kept_told) {
    TellKeptLocked(id, node, &missing);
  }
  for (const Arrival& arrival : arrivals) {
    if (!present) {
      break;
    }
    if (!followed.epoch_began) {
      BeginEpochLocked(node, arrival, &missing);
    }
    if (!arrival.live) {
      continue;
    }
    const uint64_t seq = arrival.entry.seq;
    if (seq > followed.live_next) {
      OpenHoleLocked(id, node, node.epoch, {followed.live_next, seq - 1}, followed.live_ms,
                     arrival.entry.t_ms, &missing);
    }
    followed.stream_begins = false;
    followed.live_next = std::max(followed.live_next, seq + 1);
    if (arrival.schema != nullptr) {
      followed.live_ms = std::max(followed.live_ms, arrival.entry.t_ms);
    }
  }
  return missing;
}

void Pipeline::AddMissingLocked(store::NodeId id, const Missing& missing,
                                std::vector<store::FrameEntry>* own,
                                std::vector<store::Batch>* batches) {
  if (!missing.gaps.empty()) {
    *own = own_.Records(id, GapRecord(), missing.gaps);
  }
  if (!missing.state.empty()) {
    store::Batch batch;
    batch.node = id;
    batch.epoch = own_.epoch();
    batch.state = missing.state;
    batches->push_back(std::move(batch));
  }
}

void Pipeline::Backfilled(store::NodeId id, const SessionPort* port) {
  MutexLock lock(&mu_);
  const auto it = nodes_.find(id);
  if (it == nodes_.end() || it->second->port.get() != port) {
    return;
  }
  Node& node = *it->second;
  node.backfilled = true;
  if (node.followed.holes.empty()) {
    return;
  }
  Missing out;
  for (const store::Hole& hole : node.followed.holes.GiveUp(&out.state)) {
    EndHoleLocked(id, node, hole, &out);
  }
  std::vector<store::FrameEntry> own;
  std::vector<store::Batch> batches;
  AddMissingLocked(id, out, &own, &batches);
  if (absl::Status status =
          CommitLocked(id, node, std::move(batches), std::move(own), std::exchange(node.owed, {}));
      !status.ok()) {
    obs::Error("ingest", "what backfill closed could not be recorded node={} error=\"{}\"",
               node.info.name, Message(status));
  }
}

bool Pipeline::TakesBackfill() const {
  return pending_bytes_->load() < options_.max_pending_bytes / 4 &&
         store_.LateBytes() < options_.max_late_bytes;
}

}  // namespace ronda::ingest
