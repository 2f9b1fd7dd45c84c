// The part of the pipeline that people drive: nodes that are to come, and nodes that are gone.
// Tested by tests/unit/collector/ingest/node_life_test.cc.
#include <utility>

#include "collector/ingest/pipeline.h"
#include "common/base/status.h"
#include "common/model/node_checks.h"
#include "common/model/rule_series.h"
#include "common/obs/log.h"

namespace ronda::ingest {

using store::LifeState;
using store::NodeLife;

bool Pipeline::HadAgent(const Node& node) { return node.info.epoch.id != 0; }

Pipeline::Node* Pipeline::FindNodeLocked(std::string_view name) {
  for (auto& [id, node] : nodes_) {
    if (node->info.name == name) {
      return node.get();
    }
  }
  return nullptr;
}

std::string Pipeline::PresentNameLocked(const std::string& name) {
  std::string now = name;
  // No name is given twice: the steps end.
  for (auto next = renamed_.find(now); next != renamed_.end(); next = renamed_.find(now)) {
    now = next->second;
  }
  return now;
}

absl::Status Pipeline::CheckRenameLocked(const std::string& name, const std::string& to) {
  RONDA_RETURN_IF_ERROR(CheckNodeName(to));
  const Node* node = FindNodeLocked(name);
  const Node* target = FindNodeLocked(to);
  if (node == nullptr || !HadAgent(*node)) {
    return Fail(absl::StatusCode::kNotFound,
                "no node is called \"{}\" and has had an agent; see `ronda nodes`", name);
  }
  if (node->life == LifeState::kRetired) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "{} was {}; `ronda nodes unretire {}` takes it back", name,
                renamed_.contains(name) ? "renamed to " + renamed_[name] : "retired", name);
  }
  if (target != nullptr && (HadAgent(*target) || target->life == LifeState::kRetired)) {
    return Fail(absl::StatusCode::kAlreadyExists,
                "{} is a node of its own{}: the history of two nodes is not put under one name", to,
                target->life == LifeState::kRetired ? ", which was retired" : "");
  }
  return absl::OkStatus();
}

absl::Status Pipeline::CheckChange(const std::string& name, NodeChange change,
                                   const std::string& to) {
  RONDA_RETURN_IF_ERROR(CheckNodeName(name));
  MutexLock lock(&mu_);
  const Node* node = FindNodeLocked(name);
  const bool retired = node != nullptr && node->life == LifeState::kRetired;
  switch (change) {
    case NodeChange::kExpect:
      if (retired) {
        return Fail(absl::StatusCode::kFailedPrecondition,
                    "{} was retired; `ronda nodes unretire {}` takes it back", name, name);
      }
      if (node != nullptr && HadAgent(*node)) {
        return Fail(absl::StatusCode::kAlreadyExists,
                    "{} has been here already: it is watched, and alerted when it is silent", name);
      }
      if (node != nullptr && node->life == LifeState::kExpected) {
        return Fail(absl::StatusCode::kAlreadyExists, "{} is expected already", name);
      }
      if (nodes_.size() >= 2 * options_.max_nodes) {
        return Fail(absl::StatusCode::kResourceExhausted,
                    "{} nodes are known already, twice limits.max_agents of collector.yml",
                    nodes_.size());
      }
      return absl::OkStatus();
    case NodeChange::kForget:
      return node != nullptr && node->life == LifeState::kExpected
                 ? absl::OkStatus()
                 : Fail(absl::StatusCode::kNotFound, "{} is not expected", name);
    case NodeChange::kRetire:
      if (node == nullptr) {
        return Fail(absl::StatusCode::kNotFound, "no node is called \"{}\"; see `ronda nodes`",
                    name);
      }
      return retired ? Fail(absl::StatusCode::kAlreadyExists, "{} is retired already", name)
                     : absl::OkStatus();
    case NodeChange::kUnretire:
      return retired ? absl::OkStatus()
                     : Fail(absl::StatusCode::kNotFound,
                            "no retired node is called \"{}\"; see `ronda nodes --all`", name);
    case NodeChange::kAccept:
      return node != nullptr && node->machine.changed_ms != 0
                 ? absl::OkStatus()
                 : Fail(absl::StatusCode::kNotFound,
                        "there is nothing to accept: no node \"{}\" is known to be another machine "
                        "than before",
                        name);
    case NodeChange::kRename:
      return CheckRenameLocked(name, to);
  }
  return absl::OkStatus();
}

void Pipeline::Apply(const NodeLife& life, NodeChange change) {
  MutexLock lock(&mu_);
  store::NodeInfo info = store_.FindNode(life.node).value_or(store::NodeInfo{});
  if (info.name.empty() || info.agent_version == kOfRulesAlone) {
    info.agent_version.clear();
    info.name = life.node;
    info.first_seen_ms = clock_.NowMs();
  }
  const auto id = store_.PutNode(info);
  if (!id.ok()) {
    obs::Error("ingest", "a node cannot be added node={} error=\"{}\"", life.node,
               Message(id.status()));
    return;
  }
  std::unique_ptr<Node>& slot = nodes_[*id];
  if (slot == nullptr) {
    slot = std::make_unique<Node>();
    slot->info = info;
  }
  Node& node = *slot;
  switch (change) {
    case NodeChange::kExpect:
      node.life = LifeState::kExpected;
      node.expected_mono_ms = clock_.MonotonicMs();
      break;
    case NodeChange::kForget:
      node.life.reset();
      SetSilentLocked(node, false);
      ForgetSourcesLocked(*id, node, "node no longer expected");
      break;
    case NodeChange::kRetire:
      RetireLocked(*id, node, RetiredError(life.node), "node retired");
      break;
    case NodeChange::kRename:
      renamed_[life.node] = life.now;
      RetireLocked(
          *id, node,
          Fail(absl::StatusCode::kUnavailable,
               "the node {} is called {} on this collector from now on", life.node, life.now),
          "node renamed to " + life.now);
      break;
    case NodeChange::kAccept:
      node.machine.changed_ms = 0;
      break;
    case NodeChange::kUnretire:
      node.life.reset();
      if (Node* now = FindNodeLocked(PresentNameLocked(life.node));
          now != nullptr && now->port != nullptr) {
        now->port->Close(
            Fail(absl::StatusCode::kUnavailable, "the node is called {} again", life.node));
        now->port = nullptr;
      }
      renamed_.erase(life.node);
      // As if it had just joined: it has time to come, and is silent if it does not.
      node.joined_mono_ms = clock_.MonotonicMs();
      node.heard_mono_ms = 0;
      RestoreSourcesLocked(*id, node);
      break;
  }
}

// Its alerts end, its stream too. From here on Tick() passes over it.
void Pipeline::RetireLocked(store::NodeId id, Node& node, const absl::Status& why,
                            const std::string& reason) {
  node.life = LifeState::kRetired;
  SetSilentLocked(node, false);
  if (node.port != nullptr) {
    node.port->Close(why);
    node.port = nullptr;
  }
  std::vector<rules::Transition> transitions = std::exchange(node.owed, {});
  engine_.OnNodeForgotten(node.info.name, clock_.NowMs(), reason, &transitions);
  node.sources.clear();
  if (absl::Status status = CommitLocked(id, node, {}, {}, std::move(transitions)); !status.ok()) {
    obs::Error("ingest", "ended alerts could not be recorded node={} error=\"{}\"", node.info.name,
               Message(status));
  }
}

absl::Status Pipeline::RetiredError(const std::string& name) {
  return Fail(absl::StatusCode::kFailedPrecondition,
              "the node {} was retired on this collector: stop its agent, or take the node back "
              "there with `ronda nodes unretire {}`",
              name, name);
}

store::StateWrite Pipeline::AcceptMachine(const std::string& name) {
  MutexLock lock(&mu_);
  const Node* node = FindNodeLocked(name);
  store::NodeMachine machine = node != nullptr ? node->machine : store::NodeMachine{};
  machine.node = name;
  machine.changed_ms = 0;
  return {std::string(store::kNodeMachineSpace), name, machine.Encode()};
}

// Another machine of the same name was set up anew, or is a copy: the operator is told. It is let
// in, since with certificates somebody enrolled it, and history goes on under the name.
void Pipeline::NoteMachineLocked(Node& node, const JoinRequest& request) {
  if (request.machine_id.empty() || request.machine_id == node.machine.id) {
    return;
  }
  const bool changed = !node.machine.id.empty();
  node.machine = {node.info.name.empty() ? request.node : node.info.name, request.machine_id,
                  changed ? clock_.NowMs() : 0};
  if (changed) {
    obs::Warn("ingest",
              "the node is another machine than before node={} peer={}: if it was set up anew, "
              "`ronda nodes accept {}`",
              request.node, request.peer, request.node);
  }
  store::Batch batch;
  batch.epoch = own_.epoch();
  batch.state.push_back(
      {std::string(store::kNodeMachineSpace), request.node, node.machine.Encode()});
  if (absl::Status status = store_.Append(std::move(batch)); !status.ok()) {
    obs::Warn("ingest", "which machine a node is could not be recorded node={} error=\"{}\"",
              request.node, Message(status));
  }
}

// The agent that was expected is there: what was said of its absence is over.
void Pipeline::ArriveLocked(store::NodeId id, Node& node) {
  if (node.life != LifeState::kExpected) {
    return;
  }
  node.life.reset();
  SetSilentLocked(node, false);
  ForgetSourcesLocked(id, node, "node joined");
  store::Batch batch;
  batch.epoch = own_.epoch();
  batch.state.push_back({std::string(store::kNodeLifeSpace), node.info.name, std::nullopt});
  if (absl::Status status = store_.Append(std::move(batch)); !status.ok()) {
    obs::Warn("ingest", "that an expected node joined could not be recorded node={} error=\"{}\"",
              node.info.name, Message(status));
  }
}

// One that never came has no series: what is said of it is that it is down.
void Pipeline::TickExpectedLocked(store::NodeId id, Node& node) {
  const int64_t now = clock_.MonotonicMs();
  const bool late =
      now - node.expected_mono_ms >= options_.missing_after_ms && now >= GraceEndLocked();
  const bool again = now - node.silence_told_mono_ms >= options_.silence_repeat_ms;
  if (node.life != LifeState::kExpected || !late || (node.silent && !again)) {
    return;
  }
  if (node.sources.empty()) {
    auto schema = std::make_shared<Schema>();
    schema->metrics = {{"up", MetricType::kGauge, "", "1 if the source could be read."}};
    schema->series = {{0, Labels()}};
    if (absl::Status added = store_.AddSchema(schema); !added.ok()) {
      return;
    }
    SourceLocked(node, {"expected", "node", ""}).schema = schema;
  }
  GoSilentLocked(id, node);
}

void Pipeline::RestoreSourcesLocked(store::NodeId id, Node& node) {
  for (const store::SourceInfo& source : store_.Sources(id)) {
    if (source.group.name.starts_with(kImportGroups)) {
      node.pushed_to = true;
      continue;
    }
    if (source.group.name.starts_with(kRuleGroups)) {
      continue;
    }
    Source& known = SourceLocked(node, source.group);
    known.schema = store_.FindSchema(source.schema);
    known.last_ms = source.last_ms;
    known.epoch = node.info.epoch.id;
  }
}

absl::Status Pipeline::RestoreLives() {
  StringMap<Node*> by_name;
  for (auto& [id, node] : nodes_) {
    by_name[node->info.name] = node.get();
  }
  RONDA_RETURN_IF_ERROR(
      store_.ScanState(store::kNodeMachineSpace, [&](std::string_view, std::string_view value) {
        auto machine = store::DecodeNodeMachine(value);
        if (const auto node = machine.ok() ? by_name.find(machine->node) : by_name.end();
            node != by_name.end()) {
          node->second->machine = *std::move(machine);
        }
      }));
  return store_.ScanState(
      store::kNodeLifeSpace,
      [&](std::string_view key, std::string_view value) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        const auto life = store::DecodeNodeLife(value);
        Node* node = life.ok() ? FindNodeLocked(life->node) : nullptr;
        if (node == nullptr) {
          obs::Warn("ingest", "what was said of a node is left out key={}", key);
          return;
        }
        node->life = life->state;
        if (!life->now.empty()) {
          renamed_[life->node] = life->now;
        }
        node->expected_mono_ms = clock_.MonotonicMs() - (clock_.NowMs() - life->at_ms);
        if (life->state == LifeState::kRetired) {
          node->sources.clear();
        }
      });
}

}  // namespace ronda::ingest
