// Queries: blocks and head, merged.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "collector/store/history.h"
#include "collector/store/queryable.h"
#include "collector/store/records.h"
#include "collector/store/store_state.h"

namespace ronda::store {

// Thread-safe. Takes snapshots under the store's lock, one node at a time, and decodes outside it.
//
// The head is looked at before the blocks: a run that is sealed in between is seen twice, as the
// same frames, and never missed. (Blocks first could miss it.)
class Reader : public Queryable, public RecordReader {
 public:
  // Both must outlive the reader.
  Reader(const StoreState* state, const History* history) : state_(*state), history_(*history) {}

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const SeriesView&)> visit) const override;
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override;
  std::vector<MetricInfo> Metrics() const override;
  absl::Status ScanRecords(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const override;

 private:
  struct Match {
    SourceSchema pair;
    std::vector<uint32_t> series;
  };

  // What matches, the pairs of one node beside each other: no two nodes share a series.
  std::vector<Match> FindMatches(const std::vector<Matcher>& matchers) const;
  std::vector<RunSnapshot> RunsOf(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;
  bool HeadHas(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;

  const StoreState& state_;
  const History& history_;
};

}  // namespace ronda::store
