// Alerts made on purpose: which series of which node goes over a threshold when, and how long
// until a webhook says so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tests/bench/fleet_agent.h"
#include "tests/bench/scale_set.h"
#include "tests/support/http_sink.h"

namespace ronda::bench {

// `rules` thresholds on the set's series in turn, as a rule file: each series has the same number
// of them, and what the drill makes of a series is over the lowest alone. Nothing else fires.
// `group` is text for the group, such as "interval: 1s".
std::string DrillRules(const ScaleSet& set, int rules, const std::string& group = "");

struct DrillFigures {
  std::vector<float> firing_ms;    // sample to webhook, of each alert that was told
  std::vector<float> resolved_ms;  // likewise
  int64_t raised = 0;
  int64_t untold = 0;   // alerts that no webhook told of
  int64_t unasked = 0;  // messages of alerts that nobody raised, or a second time
  std::string example;  // of an untold or unasked one
};

// Not thread-safe.
class AlertDrill {
 public:
  // About `per_second` alerts, of nodes and series drawn by lot, no pair twice; as long as they are
  // true they are so for one tick. `set` must outlive it.
  AlertDrill(const ScaleSet& set, int nodes, double per_second, uint64_t seed);

  // Before each tick of each node, which comes once a second: what one of its series is to be in
  // it. `sampled_ns` is its time by the steady clock.
  std::optional<ReplacedValue> Before(int node, int64_t sampled_ns);
  // No more are raised; what is raised ends.
  void StopRaising() { raising_ = false; }

  int64_t raised() const { return static_cast<int64_t>(raised_at_.size()); }
  // Holds what was received to what was raised. With `resolved` both messages of an alert count.
  DrillFigures Judge(const std::vector<HttpSink::Request>& requests, bool resolved) const;

 private:
  using Pair = std::pair<int, uint32_t>;  // node, series

  const ScaleSet& set_;
  const double chance_;  // of a node to be raised in a tick
  std::mt19937_64 random_;
  bool raising_ = true;
  absl::flat_hash_map<int, uint32_t> up_;  // nodes that are raised now
  absl::flat_hash_map<Pair, int64_t> raised_at_;
  absl::flat_hash_map<Pair, int64_t> lowered_at_;
};

}  // namespace ronda::bench
