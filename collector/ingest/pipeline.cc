#include "collector/ingest/pipeline.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "collector/rules/durable.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/model/node_checks.h"
#include "common/model/rule_series.h"
#include "common/model/sample.h"
#include "common/obs/log.h"

namespace ronda::ingest {
namespace {

// A batch whose commit is told to the agent, if it is still there.
store::Batch AcknowledgedBatch(store::NodeId id, const store::Epoch& epoch,
                               const codec::RangeSet& acknowledge,
                               std::weak_ptr<SessionPort> port) {
  store::Batch batch;
  batch.node = id;
  batch.epoch = epoch;
  batch.on_commit = [epoch = epoch.id, acknowledge, port = std::move(port)] {
    if (const auto alive = port.lock()) {
      alive->Acknowledge(epoch, acknowledge);
    }
  };
  return batch;
}

// From here on the node's agent is this one.
void SetAgent(const store::Epoch& epoch, const std::string& boot_id, store::NodeInfo* info) {
  info->epoch = epoch;
  info->boot_id = boot_id;
  info->said_goodbye = false;
}

}  // namespace

Pipeline::Pipeline(const Options& options, store::Store& store, rules::Engine& engine,
                   mute::Gate& gate, notify::Outbox& outbox, const Clock& clock)
    : options_(options),
      store_(store),
      engine_(engine),
      gate_(gate),
      outbox_(outbox),
      clock_(clock),
      started_ms_(clock.NowMs()),
      started_mono_ms_(clock.MonotonicMs()),
      own_epoch_{RandomBits(), clock.NowMs()},
      pending_bytes_(std::make_shared<std::atomic<int64_t>>(0)),
      own_(own_epoch_) {}

Pipeline::~Pipeline() = default;

absl::Status Pipeline::Restore(std::vector<rules::Alert>* others) {
  MutexLock lock(&mu_);
  for (const store::NodeInfo& info : store_.Nodes()) {
    RONDA_ASSIGN_OR_RETURN(const store::NodeId id, store_.PutNode(info));
    auto node = std::make_unique<Node>();
    node->info = info;
    node->epoch = info.epoch;
    node->boot_id = info.boot_id;
    // An import alone leaves no gap. An agent of which nothing was committed yet does.
    const bool had_agent = info.epoch.id != 0;
    node->followed.epoch_began = had_agent && !store_.Held(id, info.epoch).empty();
    node->gap_cause = had_agent && !node->followed.epoch_began ? kKilled : "";
    node->goodbye = info.said_goodbye ? kStopped : "";
    node->awaited = had_agent && !info.said_goodbye;
    RestoreSourcesLocked(id, *node);
    nodes_[id] = std::move(node);
  }
  RONDA_RETURN_IF_ERROR(RestoreLives());
  RONDA_RETURN_IF_ERROR(RestoreGateLocked());
  for (const auto& [id, node] : nodes_) {
    if (node->awaited && node->life != store::LifeState::kRetired) {
      gate_.SetNode(node->info.name, false);  // until it is heard
    }
  }
  RONDA_RETURN_IF_ERROR(RestoreAlertsLocked(others));
  return store_.ScanState(store::kHoleSpace,
                          [&](std::string_view key, std::string_view value)
                              ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                auto hole = store::DecodeHole(value);
                                for (auto& [id, node] : nodes_) {
                                  if (hole.ok() && node->info.name == hole->node) {
                                    node->followed.holes.Restore(*std::move(hole));
                                    return;
                                  }
                                }
                                obs::Warn("ingest", "the state of a hole is left out key={}", key);
                              });
}

// Why a node has no samples between its last epoch and the one that begins now.
std::string Pipeline::GapCauseLocked(const Node& node, const JoinRequest& request) const {
  const bool stopped = std::any_of(
      request.kept.begin(), request.kept.end(),
      [&](const KeptEpoch& kept) { return kept.stopped && kept.epoch.id == node.info.epoch.id; });
  if (!node.goodbye.empty() || stopped) {
    return std::string(kStopped);
  }
  if (!node.info.boot_id.empty() && node.info.boot_id != request.boot_id) {
    return std::string(kRebooted);
  }
  return std::string(kKilled);
}

absl::StatusOr<Joined> Pipeline::Join(const JoinRequest& as_told,
                                      std::shared_ptr<SessionPort> port) {
  RONDA_RETURN_IF_ERROR(CheckNodeName(as_told.node));
  RONDA_RETURN_IF_ERROR(CheckNodeLabels(as_told.labels));
  MutexLock lock(&mu_);
  JoinRequest request = as_told;
  request.node = PresentNameLocked(as_told.node);
  const auto streams = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) {
    return entry.second->port != nullptr;
  });
  if (static_cast<size_t>(streams) >= options_.max_nodes) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "{} agents are connected, limits.max_agents of collector.yml allows no more",
                streams);
  }
  store::NodeInfo info = store_.FindNode(request.node).value_or(store::NodeInfo{});
  const bool is_new = info.name.empty();
  if (is_new && nodes_.size() >= 2 * options_.max_nodes) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "{} nodes are known already, twice limits.max_agents of collector.yml",
                nodes_.size());
  }
  const int64_t now_mono = clock_.MonotonicMs();
  if (!is_new) {
    RONDA_ASSIGN_OR_RETURN(const store::NodeId known_id, store_.PutNode(info));
    const auto it = nodes_.find(known_id);
    if (it != nodes_.end() && it->second->life == store::LifeState::kRetired) {
      return RetiredError(request.node);
    }
    if (it != nodes_.end() && it->second->port != nullptr) {
      Node& node = *it->second;
      const int64_t heard = std::max(node.heard_mono_ms, node.joined_mono_ms);
      if (node.epoch.id != request.epoch.id && now_mono - heard < options_.live_stream_ms) {
        ++counters_.refused_clones;
        obs::Warn("ingest",
                  "refused a second agent of one name node={} peer={} connected_peer={}: a cloned "
                  "node? give one of them another name in agent.yml",
                  request.node, request.peer, node.peer);
        return Fail(absl::StatusCode::kAlreadyExists,
                    "another agent that calls itself {} is connected from {}: is this a cloned "
                    "node? give one of them another name (node: in agent.yml)",
                    request.node, node.peer);
      }
      node.port->Close(Fail(absl::StatusCode::kAborted, "the agent opened a newer stream from {}",
                            request.peer));
      node.port = nullptr;
    }
  }
  info.name = request.node;
  info.labels = request.labels;
  const bool of_rules = info.agent_version == kOfRulesAlone;
  info.agent_version = request.agent_version;
  if (info.epoch.id == 0 || info.epoch.id == request.epoch.id) {
    SetAgent(request.epoch, request.boot_id, &info);
  }
  if (is_new || of_rules) {
    info.first_seen_ms = clock_.NowMs();
  }
  RONDA_ASSIGN_OR_RETURN(const store::NodeId id, store_.PutNode(info));
  std::unique_ptr<Node>& slot = nodes_[id];
  if (slot == nullptr) {
    slot = std::make_unique<Node>();
  }
  Node& node = *slot;
  ArriveLocked(id, node);
  NoteReturnLocked(node);
  NoteMachineLocked(node, request);
  if (node.epoch.id != request.epoch.id) {
    // An agent of which no frame was taken leaves the gap to its successor.
    const bool had_agent = node.followed.epoch_began || !node.gap_cause.empty();
    node.gap_cause = had_agent ? GapCauseLocked(node, request) : "";
    node.followed.epoch_began = false;
  }
  if (node.info.labels != info.labels) {
    ForgetSourcesLocked(id, node, "node labels changed");
  }
  node.info = info;
  node.epoch = request.epoch;
  node.boot_id = request.boot_id;
  if (!info.said_goodbye) {
    node.goodbye.clear();
  }
  node.port = std::move(port);
  node.peer = request.peer;
  node.holding = false;
  node.kept = request.kept;
  for (KeptEpoch& kept : node.kept) {
    const codec::RangeSet of_kept = store_.Held(id, kept.epoch);
    kept.next_seq = of_kept.empty() ? 1 : of_kept.ranges().back().last + 1;
  }
  node.elsewhere = request.elsewhere;
  node.backfilled = false;
  const codec::RangeSet held = store_.Held(id, request.epoch);
  node.followed.stream_begins = true;
  node.followed.kept_told = false;
  node.followed.live_next = held.empty() ? 1 : held.ranges().back().last + 1;
  node.followed.live_ms = std::max(node.followed.live_ms, info.last_seen_ms);
  node.joined_mono_ms = now_mono;
  node.clock_offset_ms = request.clock_offset_ms;
  return Joined{id,
                store_.Durable(id, request.epoch),
                store_.Held(id, request.epoch),
                request.node,
                node.account,
                nodes_.size()};
}

absl::StatusOr<Joined> Pipeline::JoinImport(const JoinRequest& request) {
  RONDA_RETURN_IF_ERROR(CheckNodeName(request.node));
  MutexLock lock(&mu_);
  store::NodeInfo info = store_.FindNode(request.node).value_or(store::NodeInfo{});
  const bool is_new = info.name.empty();
  if (is_new && nodes_.size() >= 2 * options_.max_nodes) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "{} nodes are known already, twice limits.max_agents of collector.yml",
                nodes_.size());
  }
  const bool of_rules = info.agent_version == kOfRulesAlone;
  if (is_new || of_rules) {
    info.name = request.node;
    info.first_seen_ms = clock_.NowMs();
    info.agent_version.clear();
  }
  RONDA_ASSIGN_OR_RETURN(const store::NodeId id, store_.PutNode(info));
  std::unique_ptr<Node>& slot = nodes_[id];
  if (slot == nullptr) {
    slot = std::make_unique<Node>();
    slot->info = info;
  } else if (of_rules) {
    slot->info = info;
  }
  return Joined{id,
                store_.Durable(id, request.epoch),
                store_.Held(id, request.epoch),
                request.node,
                slot->account,
                nodes_.size()};
}

// Their series have other labels from here on: alerts on the old ones are over.
void Pipeline::ForgetSourcesLocked(store::NodeId id, Node& node, const std::string& reason) {
  std::vector<rules::Transition> transitions = std::exchange(node.owed, {});
  for (const auto& [identity, source] : node.sources) {
    engine_.OnSourceForgotten(source.id, clock_.NowMs(), reason, &transitions);
  }
  node.sources.clear();
  if (absl::Status status = CommitLocked(id, node, {}, {}, std::move(transitions)); !status.ok()) {
    obs::Error("ingest", "ended alerts could not be recorded node={} error=\"{}\"", node.info.name,
               Message(status));
  }
}

void Pipeline::Leave(store::NodeId id, const SessionPort* port, const std::string& goodbye) {
  MutexLock lock(&mu_);
  const auto it = nodes_.find(id);
  if (it == nodes_.end() || it->second->port.get() != port) {
    return;  // a newer stream took its place
  }
  Node& node = *it->second;
  node.port = nullptr;
  if (!goodbye.empty()) {
    node.goodbye = goodbye;
    node.info.said_goodbye = true;
    if (auto put = store_.PutNode(node.info); !put.ok()) {
      obs::Warn("ingest", "cannot note the goodbye node={} error=\"{}\"", node.info.name,
                Message(put.status()));
    }
  }
}

Pipeline::Source& Pipeline::SourceLocked(Node& node, const GroupIdentity& identity) {
  Source& source = node.sources[identity];
  if (source.id == 0) {
    source.id = next_source_++;
    source.identity = identity;
    source.target_labels = node.info.labels;
    source.target_labels.Set("node", node.info.name);
    source.target_labels.Set("job", identity.job);
    source.target_labels.Set("instance",
                             identity.instance.empty() ? node.info.name : identity.instance);
  }
  return source;
}

void Pipeline::EvaluateLocked(Node& node, const Arrival& arrival,
                              std::vector<rules::Transition>* out) {
  ++counters_.frames;
  if (arrival.schema == nullptr) {
    return;
  }
  counters_.samples += static_cast<int64_t>(arrival.values.size());
  Source& source = SourceLocked(node, arrival.entry.group);
  if (!arrival.live) {
    return;
  }
  // A late frame is for the engine to judge: it tells a repetition from a clock that was set back.
  if (arrival.entry.t_ms <= source.last_ms) {
    ++counters_.late_frames;
  }
  const bool all = source.schema != arrival.schema || codec::IsKey(arrival.entry.kind);
  source.schema = arrival.schema;
  source.last_ms = std::max(source.last_ms, arrival.entry.t_ms);
  const bool starts = std::exchange(source.epoch, node.epoch.id) != node.epoch.id;
  engine_.OnTick({.source = source.id,
                  .node = node.info.name,
                  .target_labels = source.target_labels,
                  .schema = arrival.schema,
                  .t_ms = arrival.entry.t_ms,
                  .values = arrival.values,
                  .changed = arrival.changed,
                  .all_changed = all,
                  .starts = starts},
                 out);
}

store::Batch Pipeline::OwnBatchLocked(store::NodeId id, std::vector<store::FrameEntry> own,
                                      const std::vector<rules::Transition>& transitions,
                                      const mute::Passed& passed) {
  store::Batch batch;
  batch.node = id;
  batch.epoch = own_.epoch();
  batch.essential = true;
  batch.frames = std::move(own);
  if (transitions.empty()) {
    return batch;
  }
  std::vector<Record> log;
  for (const rules::Transition& transition : transitions) {
    rules::AppendDurable(transition, &batch.state, &log);
  }
  for (store::FrameEntry& entry : own_.Records(id, AlertRecord(), log)) {
    batch.frames.push_back(std::move(entry));
  }
  AddPassedLocked(passed, &batch);
  return batch;
}

absl::Status Pipeline::AppendLocked(Node& node, std::vector<store::Batch> batches) {
  int64_t bytes = 0;
  for (const store::Batch& batch : batches) {
    for (const store::FrameEntry& frame : batch.frames) {
      bytes += static_cast<int64_t>(frame.bytes.size()) + 128;
    }
    for (const store::StateWrite& write : batch.state) {
      bytes += static_cast<int64_t>(write.key.size() + write.value.value_or("").size());
    }
  }
  *pending_bytes_ += bytes;
  *node.pending_bytes += bytes;
  store::Batch& last = batches.back();
  last.on_commit = [next = std::move(last.on_commit), all = pending_bytes_,
                    own = node.pending_bytes, bytes] {
    *all -= bytes;
    *own -= bytes;
    if (next) {
      next();
    }
  };
  absl::Status status = store_.Append(std::move(batches));
  if (!status.ok()) {
    *pending_bytes_ -= bytes;
    *node.pending_bytes -= bytes;
  }
  return status;
}

// What the agent sent and what the collector has to say of it, in one commit. If the store refuses,
// nothing of it is there: the transitions are owed and go with the node's next commit.
absl::Status Pipeline::CommitLocked(store::NodeId id, Node& node, std::vector<store::Batch> batches,
                                    std::vector<store::FrameEntry> own,
                                    std::vector<rules::Transition> transitions) {
  mute::Passed passed;
  if (!transitions.empty()) {
    passed = gate_.Pass(transitions);
  }
  if (!own.empty() || !transitions.empty()) {
    batches.push_back(OwnBatchLocked(id, std::move(own), transitions, passed));
  }
  if (batches.empty()) {
    return absl::OkStatus();
  }
  absl::Status status = AppendLocked(node, std::move(batches));
  if (!status.ok()) {
    if (!transitions.empty()) {
      gate_.Undo(std::move(passed));
    }
    own_.Restart(id);
    node.owed = std::move(transitions);
  }
  return status;
}

absl::StatusOr<bool> Pipeline::Accept(store::NodeId id, const store::Epoch& epoch,
                                      std::vector<Arrival> arrivals,
                                      const codec::RangeSet& acknowledge,
                                      std::weak_ptr<SessionPort> port) {
  MutexLock lock(&mu_);
  Node& node = *nodes_.at(id);
  if (node.port != port.lock()) {
    return Fail(absl::StatusCode::kAborted, "a newer stream of the agent took over");
  }
  // Silence is judged by receipt, not by durability.
  if (std::exchange(node.heard_mono_ms, clock_.MonotonicMs()) == 0) {
    gate_.SetNode(node.info.name, true);
  }
  if (node.silent) {
    SetSilentLocked(node, false);
    obs::Info("ingest", "node is back node={}", node.info.name);
  }
  if (!arrivals.empty() && store_.DiskFull()) {
    node.holding = true;
  }
  if (node.holding) {
    HoldLocked(id, node, arrivals);
    return false;
  }
  // One agent may fill an eighth, so that a flood costs the others nothing.
  if (pending_bytes_->load() > options_.max_pending_bytes ||
      node.pending_bytes->load() > options_.max_pending_bytes / 8) {
    ++counters_.backpressure;
    return Fail(absl::StatusCode::kResourceExhausted,
                "the journal cannot keep up: {} bytes wait to be committed",
                pending_bytes_->load());
  }
  std::vector<store::FrameEntry> own;
  std::vector<store::Batch> batches;
  const Followed before = node.followed;
  store::NodeInfo info = node.info;
  const bool present = epoch.id == node.epoch.id;
  AddMissingLocked(id, FollowLocked(id, node, present, arrivals), &own, &batches);
  if (present) {
    if (node.followed.epoch_began && info.epoch.id != epoch.id) {
      SetAgent(epoch, node.boot_id, &info);
      RONDA_RETURN_IF_ERROR(store_.PutNode(info).status());  // goes with the frames' commit
    }
  }
  std::vector<rules::Transition> transitions = std::exchange(node.owed, {});
  store::Batch batch = AcknowledgedBatch(id, epoch, acknowledge, std::move(port));
  batch.frames.reserve(arrivals.size());
  for (Arrival& arrival : arrivals) {
    EvaluateLocked(node, arrival, &transitions);
    batch.frames.push_back(std::move(arrival.entry));
  }
  batches.push_back(std::move(batch));
  const absl::Status status =
      CommitLocked(id, node, std::move(batches), std::move(own), std::move(transitions));
  if (!status.ok()) {
    node.followed = before;
    node.holding = store_.DiskFull();  // since a moment ago
    return node.holding ? absl::StatusOr<bool>(false) : status;
  }
  if (node.info.epoch.id != info.epoch.id) {
    node.info = std::move(info);
    node.goodbye.clear();
  }
  return true;
}

// What the rules say of frames that are not taken does not wait for them, and queries see the
// newest.
void Pipeline::HoldLocked(store::NodeId id, Node& node, const std::vector<Arrival>& arrivals) {
  std::vector<rules::Transition> transitions = std::exchange(node.owed, {});
  for (const Arrival& arrival : arrivals) {
    EvaluateLocked(node, arrival, &transitions);
    if (arrival.live && arrival.schema != nullptr) {
      store_.ShowHeld(id, arrival.entry, arrival.values);
    }
  }
  counters_.held_frames += static_cast<int64_t>(arrivals.size());
  // If not even these are taken they are owed.
  CommitLocked(id, node, {}, {}, std::move(transitions)).IgnoreError();
}

absl::Status Pipeline::AcceptImport(store::NodeId id, const store::Epoch& epoch,
                                    std::vector<Arrival> arrivals,
                                    const codec::RangeSet& acknowledge,
                                    std::weak_ptr<SessionPort> port) {
  MutexLock lock(&mu_);
  Node& node = *nodes_.at(id);
  if (pending_bytes_->load() > options_.max_pending_bytes / 2 ||
      node.pending_bytes->load() > options_.max_pending_bytes / 8) {
    ++counters_.backpressure;
    return Fail(absl::StatusCode::kResourceExhausted,
                "the journal cannot keep up (disk full or slow): {} bytes wait to be committed",
                pending_bytes_->load());
  }
  store::Batch batch = AcknowledgedBatch(id, epoch, acknowledge, std::move(port));
  for (Arrival& arrival : arrivals) {
    if (!arrival.entry.group.name.starts_with(kImportGroups) || arrival.schema == nullptr) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "an import holds samples of groups named {}... alone", kImportGroups);
    }
    ++counters_.frames;
    counters_.samples += static_cast<int64_t>(arrival.values.size());
    batch.frames.push_back(std::move(arrival.entry));
  }
  node.pushed_to = true;
  std::vector<store::Batch> batches;
  batches.push_back(std::move(batch));
  return AppendLocked(node, std::move(batches));
}

std::shared_ptr<const Schema> Pipeline::LastSchema(store::NodeId id,
                                                   const GroupIdentity& group) const {
  MutexLock lock(&mu_);
  const Node& node = *nodes_.at(id);
  const auto found = node.sources.find(group);
  return found == node.sources.end() ? nullptr : found->second.schema;
}

void Pipeline::NoteRefusal(const std::string& name, Refusal refusal, std::string_view detail) {
  refusals_.Add(refusal, 1);
  MutexLock lock(&mu_);
  if (Node* node = FindNodeLocked(name)) {
    node->account->Note(refusal, 1, detail, clock_.NowMs());
  }
}

void Pipeline::RecordGap(store::NodeId id, int64_t from_ms, int64_t to_ms, const std::string& group,
                         const std::string& cause, const std::string& detail) {
  MutexLock lock(&mu_);
  const Record gap{clock_.NowMs(), {from_ms, to_ms, group, cause, detail}};
  Node& node = *nodes_.at(id);
  if (absl::Status status = CommitLocked(id, node, {}, own_.Records(id, GapRecord(), {&gap, 1}),
                                         std::exchange(node.owed, {}));
      !status.ok()) {
    obs::Error("ingest", "a gap could not be recorded cause={} error=\"{}\"", cause,
               Message(status));
  }
}

void Pipeline::Write(store::StateWrite write) {
  store::Batch batch;
  batch.epoch = own_epoch_;
  batch.state.push_back(std::move(write));
  if (absl::Status status = store_.Append(std::move(batch)); !status.ok()) {
    obs::Warn("ingest", "a message that was sent stays in the outbox and may be sent again: {}",
              Message(status));
  }
}

PipelineCounters Pipeline::counters() const {
  MutexLock lock(&mu_);
  return counters_;
}

query::ProcessFacts Pipeline::Process() const {
  MutexLock lock(&mu_);
  return {.started_ms = started_ms_, .samples_per_second = samples_per_second_};
}

std::vector<query::LiveNode> Pipeline::LiveNodes() const {
  MutexLock lock(&mu_);
  std::vector<query::LiveNode> out;
  out.reserve(nodes_.size());
  const int64_t now_mono = clock_.MonotonicMs();
  for (const auto& [id, node] : nodes_) {
    if (node->info.agent_version == kOfRulesAlone) {
      continue;
    }
    query::LiveNode live;
    live.name = node->info.name;
    live.connected = node->port != nullptr;
    live.silent = node->silent;
    live.refused = node->account->refused();
    live.machine_changed_ms = node->machine.changed_ms;
    live.clock_offset_ms = node->clock_offset_ms;
    live.last_frame_ms =
        node->heard_mono_ms == 0 ? 0 : clock_.NowMs() - (now_mono - node->heard_mono_ms);
    out.push_back(std::move(live));
  }
  return out;
}

}  // namespace ronda::ingest
