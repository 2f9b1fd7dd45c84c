// Puts the columns of many runs together, series by series.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "collector/store/queryable.h"
#include "common/model/labels.h"
#include "common/model/metric.h"

namespace ronda::store {

// The ticks of a run, shared by its columns.
struct RunTicks {
  std::vector<int64_t> t_ms;
  std::vector<uint64_t> order;  // HeadFrame::order
};

// Not thread-safe. Of samples of one series with the same time, the one with the lower order is
// given: the first that became durable. One frame seen twice (in the head and in a block) has the
// same order both times.
class SeriesMerger {
 public:
  SeriesMerger(int64_t start_ms, int64_t end_ms) : start_ms_(start_ms), end_ms_(end_ms) {}

  // One value per tick. `metric` must live as long as the merger.
  void Add(Labels labels, const MetricInfo& metric, std::shared_ptr<const RunTicks> ticks,
           std::vector<double> values);

  // Visits each series that has samples in the window; false: the visitor had enough.
  bool Visit(absl::FunctionRef<bool(const SeriesView&)> visit) const;

 private:
  struct Piece {
    std::shared_ptr<const RunTicks> ticks;
    std::vector<double> values;
  };
  struct Entry {
    const MetricInfo* metric = nullptr;
    std::vector<Piece> pieces;
  };

  // Appends what readers see of a piece in the window.
  template <typename Emit>
  void ForEachVisible(const Piece& piece, Emit emit) const;
  void Merge(const std::vector<Piece>& pieces, std::vector<int64_t>* t_ms,
             std::vector<double>* values) const;

  const int64_t start_ms_;
  const int64_t end_ms_;
  absl::flat_hash_map<Labels, Entry> series_;
};

}  // namespace ronda::store
