#include "tests/bench/fleet_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "common/base/status.h"
#include "tests/bench/node_stream.h"

namespace ronda::bench {
namespace {

// One node's comparison.
class NodeCheck {
 public:
  NodeCheck(const ScaleSet& set, const SentNode& sent, FleetVerdict* verdict)
      : set_(set), sent_node_(sent), verdict_(*verdict) {
    NodeStream stream(set, sent.node);
    for (size_t tick = 0; tick < sent.t_ms.size(); ++tick) {
      const std::span<const double> values = stream.Next();
      sent_.insert(sent_.end(), values.begin(), values.end());
    }
    for (size_t i = 0; i < set.series(); ++i) {
      columns_[set.LabelsOf(sent.node, i)] = i;
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
    const std::vector<int64_t>& times = sent_node_.t_ms;
    std::vector<bool> seen(times.size());
    for (size_t at = 0; at < series.t_ms.size(); ++at) {
      const auto found = std::lower_bound(times.begin(), times.end(), series.t_ms[at]);
      if (found == times.end() || *found != series.t_ms[at]) {
        Wrong(series.labels, fmt::format("has a sample at {}", series.t_ms[at]));
        continue;
      }
      const auto tick = static_cast<size_t>(found - times.begin());
      if (seen[tick]) {
        ++verdict_.duplicated;
      }
      seen[tick] = true;
      const double sent = sent_[tick * set_.series() + column->second];
      if (std::bit_cast<uint64_t>(sent) != std::bit_cast<uint64_t>(series.values[at])) {
        Wrong(series.labels,
              fmt::format("is {} at tick {}, sent was {}", series.values[at], tick + 1, sent));
        continue;
      }
      ++verdict_.samples;
    }
    for (size_t tick = 0; tick < times.size(); ++tick) {
      if (!seen[tick] && IsAcknowledged(tick)) {
        Lost(1, fmt::format("{} at tick {}", series.labels.ToString(), tick + 1));
      }
    }
    columns_.erase(column);
  }

  void Finish() {
    int64_t ticks = 0;
    for (size_t tick = 0; tick < sent_node_.t_ms.size(); ++tick) {
      ticks += IsAcknowledged(tick) ? 1 : 0;
    }
    if (!columns_.empty() && ticks > 0) {
      Lost(static_cast<int64_t>(columns_.size()) * ticks, columns_.begin()->first.ToString());
    }
  }

 private:
  bool IsAcknowledged(size_t tick) const {
    return sent_node_.acknowledged == nullptr ||
           sent_node_.acknowledged->Contains(static_cast<uint64_t>(tick) + 1);
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
  const SentNode& sent_node_;
  FleetVerdict& verdict_;
  std::vector<double> sent_;  // [tick][series]
  absl::flat_hash_map<Labels, size_t> columns_;
};

}  // namespace

absl::Status CheckNode(query::Api& api, const ScaleSet& set, const SentNode& sent,
                       FleetVerdict* verdict) {
  if (sent.t_ms.empty()) {
    return absl::OkStatus();
  }
  NodeCheck check(set, sent, verdict);
  query::SelectSpec spec;
  spec.matchers.push_back(Matcher::Equal("node", ScaleSet::NodeName(sent.node)));
  spec.start_ms = sent.t_ms.front() - 1000;
  spec.end_ms = sent.t_ms.back() + 1000;
  RONDA_RETURN_IF_ERROR(api.Select(spec, [&](const query::SeriesData& series) {
    check.Take(series);
    return true;
  }));
  check.Finish();
  return absl::OkStatus();
}

absl::Status AddCounted(query::Api& api, FleetVerdict* verdict) {
  RONDA_ASSIGN_OR_RETURN(const query::CollectorStatus status, api.Status());
  verdict->duplicated += status.duplicate_samples + status.conflicting_samples;
  return absl::OkStatus();
}

absl::StatusOr<FleetVerdict> CheckFleet(query::Api& api, const ScaleSet& set,
                                        const FleetLoad& load) {
  FleetVerdict verdict;
  for (const auto& agent : load.agents()) {
    SentNode sent{agent->node(), {}, &agent->acknowledged()};
    for (int64_t tick = 1; tick <= agent->ticks(); ++tick) {
      sent.t_ms.push_back(load.TimeOf(agent->node(), tick));
    }
    RONDA_RETURN_IF_ERROR(CheckNode(api, set, sent, &verdict));
  }
  RONDA_RETURN_IF_ERROR(AddCounted(api, &verdict));
  return verdict;
}

}  // namespace ronda::bench
