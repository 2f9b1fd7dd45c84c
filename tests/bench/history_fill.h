// Fills a store with the history of a fleet, in the fleet's own time and as fast as it goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/store/store.h"
#include "tests/bench/node_stream.h"
#include "tests/bench/scale_set.h"
#include "tests/support/fake_clock.h"

namespace ronda::bench {

// Every node of a set appends its ticks to a store that does by hand, in the time of the data, what
// a collector's threads do: it seals each four minutes and compacts each ten.
class HistoryFill {
 public:
  // All must outlive it. The clock is at the set's start.
  HistoryFill(const ScaleSet& set, store::Store* store, FakeClock* clock);
  ~HistoryFill();

  // Appends `ticks` ticks `step_ms` apart, at most up to the set's end, and waits until they are
  // durable. Of the last minutes the values of node `watched` are kept.
  absl::Status Append(int64_t ticks, int64_t step_ms);

  int64_t ticks() const { return ticks_; }
  int64_t last_ms() const { return last_ms_; }

  // Reads the last ten minutes of a node, another one each time, and compares.
  absl::Status CheckNewest();

 private:
  struct Node;
  absl::Status AppendMinute(int64_t ticks, int64_t step_ms);

  const ScaleSet& set_;
  store::Store& store_;
  FakeClock& clock_;
  std::vector<std::unique_ptr<Node>> nodes_;
  size_t watched_ = 0;
  std::vector<int64_t> watched_t_ms_;
  std::vector<std::vector<double>> watched_values_;  // by tick, then series
  int64_t ticks_ = 0;
  int64_t last_ms_ = 0;
  int64_t sealed_ms_ = 0;
  int64_t compacted_ms_ = 0;
};

}  // namespace ronda::bench
