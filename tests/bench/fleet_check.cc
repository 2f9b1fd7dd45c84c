#include "tests/bench/fleet_check.h"

#include <fmt/format.h>

#include <bit>
#include <map>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "common/base/status.h"
#include "tests/bench/node_stream.h"

namespace ronda::bench {
namespace {

// One node's comparison.
class NodeCheck {
 public:
  NodeCheck(const ScaleSet& set, const FleetLoad& load, int node, FleetVerdict* verdict)
      : set_(set),
        load_(load),
        agent_(*load.agents()[static_cast<size_t>(node)]),
        node_(node),
        verdict_(*verdict) {
    NodeStream stream(set, node);
    for (int64_t tick = 0; tick < agent_.ticks(); ++tick) {
      const std::span<const double> values = stream.Next();
      sent_.insert(sent_.end(), values.begin(), values.end());
    }
    for (size_t i = 0; i < set.series(); ++i) {
      columns_[set.LabelsOf(node, i)] = i;
    }
  }

  void Take(const query::SeriesData& series) {
    const auto column = columns_.find(series.labels);
    if (column == columns_.end()) {
      // What the collector itself writes about a node that has gone.
      if (series.labels.Get(kMetricName) != "up") {
        Wrong(series.labels, "was never sent, or came twice");
      }
      return;
    }
    std::vector<bool> seen(static_cast<size_t>(agent_.ticks()) + 1);
    for (size_t at = 0; at < series.t_ms.size(); ++at) {
      const int64_t since = series.t_ms[at] - load_.TimeOf(node_, 1);
      const int64_t tick = since / 1000 + 1;
      if (since < 0 || since % 1000 != 0 || tick > agent_.ticks()) {
        Wrong(series.labels, fmt::format("has a sample at {}", series.t_ms[at]));
        continue;
      }
      if (seen[static_cast<size_t>(tick)]) {
        ++verdict_.duplicated;
      }
      seen[static_cast<size_t>(tick)] = true;
      const double sent = sent_[static_cast<size_t>(tick - 1) * set_.series() + column->second];
      if (std::bit_cast<uint64_t>(sent) != std::bit_cast<uint64_t>(series.values[at])) {
        Wrong(series.labels,
              fmt::format("is {} at tick {}, sent was {}", series.values[at], tick, sent));
        continue;
      }
      ++verdict_.samples;
    }
    for (int64_t tick = 1; tick <= agent_.ticks(); ++tick) {
      if (!seen[static_cast<size_t>(tick)] && IsAcknowledged(tick)) {
        Lost(1, fmt::format("{} at tick {}", series.labels.ToString(), tick));
      }
    }
    columns_.erase(column);
  }

  void Finish() {
    if (!columns_.empty() && !agent_.acknowledged().empty()) {
      Lost(static_cast<int64_t>(columns_.size() * agent_.acknowledged().count()),
           columns_.begin()->first.ToString());
    }
  }

 private:
  bool IsAcknowledged(int64_t tick) const {
    return agent_.acknowledged().Contains(static_cast<uint64_t>(tick));
  }
  void Lost(int64_t samples, const std::string& what) {
    verdict_.lost += samples;
    if (verdict_.example.empty()) {
      verdict_.example = "lost: " + what;
    }
  }
  void Wrong(const Labels& labels, const std::string& what) {
    ++verdict_.wrong;
    if (verdict_.example.empty()) {
      verdict_.example = labels.ToString() + " " + what;
    }
  }

  const ScaleSet& set_;
  const FleetLoad& load_;
  const FleetAgent& agent_;
  const int node_;
  FleetVerdict& verdict_;
  std::vector<double> sent_;  // [tick][series]
  absl::flat_hash_map<Labels, size_t> columns_;
};

}  // namespace

absl::StatusOr<FleetVerdict> CheckFleet(query::Api& api, const ScaleSet& set,
                                        const FleetLoad& load) {
  FleetVerdict verdict;
  for (const auto& agent : load.agents()) {
    NodeCheck check(set, load, agent->node(), &verdict);
    query::SelectSpec spec;
    spec.matchers.push_back(Matcher::Equal("node", ScaleSet::NodeName(agent->node())));
    spec.start_ms = load.TimeOf(agent->node(), 1) - 1000;
    spec.end_ms = load.TimeOf(agent->node(), agent->ticks()) + 1000;
    RONDA_RETURN_IF_ERROR(api.Select(spec, [&](const query::SeriesData& series) {
      check.Take(series);
      return true;
    }));
    check.Finish();
  }
  RONDA_ASSIGN_OR_RETURN(const query::CollectorStatus status, api.Status());
  verdict.duplicated += status.duplicate_samples + status.conflicting_samples;
  return verdict;
}

}  // namespace ronda::bench
