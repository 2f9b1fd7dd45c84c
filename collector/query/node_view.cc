#include "collector/query/node_view.h"

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "collector/store/node_life.h"
#include "common/base/status.h"
#include "common/model/matcher.h"
#include "common/model/rule_series.h"
#include "common/model/sample.h"

namespace ronda::query {
namespace {

constexpr int64_t kDayMs = 86'400'000;
// Beside a collector, without its word on it: as its own default for silence.
constexpr int64_t kSilentAfterMs = 30'000;

std::vector<Matcher> UpMatchers(std::string_view node) {
  std::vector<Matcher> matchers = {Matcher::Equal(std::string(kMetricName), "up")};
  if (!node.empty()) {
    matchers.push_back(Matcher::Equal("node", std::string(node)));
  }
  return matchers;
}

struct SourceKey {
  std::string job;
  std::string instance;
  auto operator<=>(const SourceKey&) const = default;
};

struct NodeSources {
  std::map<SourceKey, std::optional<bool>> sources;
  int64_t newest_up_ms = 0;  // newest sample with up 1: up 0 may come from the collector
};

using SourceMap = std::map<std::string, NodeSources, std::less<>>;

SourceKey KeyOf(const Labels& labels) {
  return {std::string(labels.Get("job")), std::string(labels.Get("instance"))};
}

absl::StatusOr<SourceMap> ReadSources(const store::Store& store, int64_t now_ms,
                                      std::string_view only) {
  SourceMap result;
  RONDA_ASSIGN_OR_RETURN(
      const std::vector<Labels> known,
      store.Series(UpMatchers(only), std::max<int64_t>(now_ms - kDayMs, 0), now_ms));
  for (const Labels& labels : known) {
    result[std::string(labels.Get("node"))].sources[KeyOf(labels)];
  }
  auto newest = [&](const store::SeriesView& view) {
    NodeSources& node = result[std::string(view.labels.Get("node"))];
    if (!view.values.empty() && !IsStale(view.values.back())) {
      node.sources[KeyOf(view.labels)] = view.values.back() != 0;
    }
    for (size_t i = view.values.size(); i-- > 0;) {
      if (view.values[i] == 1) {
        node.newest_up_ms = std::max(node.newest_up_ms, view.t_ms[i]);
        break;
      }
    }
    return true;
  };
  RONDA_RETURN_IF_ERROR(store.Select(
      UpMatchers(only), std::max<int64_t>(now_ms - kLookbackMs + 1, 0), now_ms, newest));
  return result;
}

NodeState JudgeWithLive(const store::NodeInfo& node, const LiveNode* live) {
  if (live != nullptr && live->connected) {
    return live->silent ? NodeState::kSilent : NodeState::kLive;
  }
  if (node.said_goodbye) {
    return NodeState::kStopped;
  }
  if (live == nullptr || (live->last_frame_ms == 0 && !live->silent)) {
    return NodeState::kUnknown;
  }
  return live->silent ? NodeState::kSilent : NodeState::kLive;
}

NodeState JudgeFromData(const store::NodeInfo& node, const NodeStatus& status,
                        const TimeBase& time) {
  if (node.said_goodbye) {
    return NodeState::kStopped;
  }
  if (time.offline) {
    return NodeState::kUnknown;
  }
  if (time.now_ms - status.last_sample_ms <= kSilentAfterMs) {
    return NodeState::kLive;
  }
  const bool reported_down =
      std::any_of(status.sources.begin(), status.sources.end(),
                  [](const SourceStatus& s) { return s.job == "node" && s.up == false; });
  return reported_down ? NodeState::kSilent : NodeState::kUnknown;
}

}  // namespace

absl::StatusOr<int64_t> NewestSampleMs(const store::Store& store, int64_t wall_ms) {
  int64_t sealed_ms = 0;
  for (const store::NodeInfo& node : store.Nodes()) {
    sealed_ms = std::max(sealed_ms, node.last_seen_ms);
  }
  // The catalogue's time is exact only after an orderly stop: look at what came later.
  int64_t newest_ms = sealed_ms;
  auto later = [&](const store::SeriesView& view) {
    for (size_t i = view.values.size(); i-- > 0;) {
      if (view.values[i] == 1) {
        newest_ms = std::max(newest_ms, view.t_ms[i]);
        break;
      }
    }
    return true;
  };
  RONDA_RETURN_IF_ERROR(
      store.Select(UpMatchers(""), sealed_ms, std::max(wall_ms, sealed_ms) + kDayMs, later));
  return newest_ms;
}

absl::StatusOr<std::vector<NodeStatus>> ViewNodes(const store::Store& store, const LiveStatus* live,
                                                  const TimeBase& time, std::string_view only) {
  RONDA_ASSIGN_OR_RETURN(SourceMap sources, ReadSources(store, time.now_ms, only));
  std::map<std::string, LiveNode, std::less<>> live_nodes;
  if (live != nullptr) {
    for (LiveNode& node : live->LiveNodes()) {
      live_nodes[node.name] = std::move(node);
    }
  }
  std::map<std::string, store::LifeState, std::less<>> lives;
  RONDA_RETURN_IF_ERROR(
      store.ScanState(store::kNodeLifeSpace, [&](std::string_view, std::string_view value) {
        if (const auto life = store::DecodeNodeLife(value); life.ok()) {
          lives[life->node] = life->state;
        }
      }));
  std::vector<NodeStatus> result;
  for (const store::NodeInfo& info : store.Nodes()) {
    if ((!only.empty() && info.name != only) || info.agent_version == kOfRulesAlone) {
      continue;
    }
    NodeStatus& status = result.emplace_back();
    status.name = info.name;
    status.first_seen_ms = info.first_seen_ms;
    status.agent_version = info.agent_version;
    status.labels = info.labels;
    const NodeSources& of_node = sources[info.name];
    status.last_sample_ms = std::max(info.last_seen_ms, of_node.newest_up_ms);
    for (const auto& [key, up] : of_node.sources) {
      status.sources.push_back({key.job, key.instance, up});
    }
    const auto found = live_nodes.find(info.name);
    const LiveNode* live_node = found == live_nodes.end() ? nullptr : &found->second;
    if (live_node != nullptr && live_node->connected) {
      status.clock_offset_ms = live_node->clock_offset_ms;
    }
    if (live_node != nullptr) {
      status.refused = live_node->refused;
      status.machine_changed_ms = live_node->machine_changed_ms;
    }
    status.state =
        live != nullptr ? JudgeWithLive(info, live_node) : JudgeFromData(info, status, time);
    if (const auto life = lives.find(info.name); life != lives.end()) {
      if (life->second == store::LifeState::kRetired) {
        status.state = NodeState::kRetired;
      } else if (info.epoch.id == 0) {
        status.state = NodeState::kMissing;
        status.last_sample_ms = 0;  // what there is of it the collector said
      }
    }
  }
  std::sort(result.begin(), result.end(),
            [](const NodeStatus& a, const NodeStatus& b) { return a.name < b.name; });
  return result;
}

}  // namespace ronda::query
