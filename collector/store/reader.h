// Queries: head, blocks and packed rows, merged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/history.h"
#include "collector/store/queryable.h"
#include "collector/store/records.h"
#include "collector/store/segments.h"
#include "collector/store/store_state.h"

namespace ronda::store {

// Thread-safe. Works node by node, since no two nodes share a series: takes what the head has, then
// a moment of recent.db, then the list of packed rows. Data moves the same way, so that what moves
// in between is seen twice, as the same samples, and never missed.
class Reader : public Queryable, public RecordReader {
 public:
  // All must outlive the reader.
  Reader(const StoreState* state, const History* history, const Segments* segments)
      : state_(*state), history_(*history), segments_(*segments) {}

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const SeriesView&)> visit) const override;
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override;
  std::vector<MetricInfo> Metrics() const override;
  absl::Status ScanRecords(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const override;

 private:
  // The series of a pair that match. `file` is null for head and recent.db.
  struct Place {
    SourceSchema pair;
    std::vector<uint32_t> series;
    std::shared_ptr<SegmentFile> file;
    std::vector<RunSnapshot> runs;
  };
  // The places by the node's name; with no more than names for those of history files.
  using Nodes = std::map<std::string, std::vector<Place>, std::less<>>;

  absl::StatusOr<Nodes> FindNodes(const std::vector<Matcher>& matchers, int64_t start_ms,
                                  int64_t end_ms) const;
  absl::Status AddSegments(std::string_view node, const std::vector<Matcher>& matchers,
                           int64_t start_ms, int64_t end_ms, std::vector<Place>* places) const;
  absl::StatusOr<bool> SelectNode(std::string_view node, std::vector<Place> places,
                                  const std::vector<Matcher>& matchers, int64_t start_ms,
                                  int64_t end_ms,
                                  absl::FunctionRef<bool(const SeriesView&)> visit) const;
  std::vector<RunSnapshot> RunsOf(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;
  bool HeadHas(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;

  const StoreState& state_;
  const History& history_;
  const Segments& segments_;
};

}  // namespace ronda::store
