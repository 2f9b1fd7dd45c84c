// Queries: head, blocks and packed rows, merged.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/history.h"
#include "collector/store/level_one.h"
#include "collector/store/pair_index.h"
#include "collector/store/queryable.h"
#include "collector/store/record_files.h"
#include "collector/store/records.h"
#include "collector/store/run_cache.h"
#include "collector/store/segments.h"
#include "collector/store/series_batch.h"
#include "collector/store/series_groups.h"
#include "collector/store/store_state.h"

namespace ronda::store {

// Thread-safe. Works by a few nodes at a time, since no two nodes share a series: takes what the
// head has, then a moment of recent.db, then the list of packed rows. Data moves the same way, so
// that what moves in between is seen twice, as the same samples, and never missed.
class Reader : public Queryable, public RecordReader {
 public:
  // All must outlive the reader.
  Reader(const StoreState* state, const History* history, const LevelOne* level)
      : state_(*state),
        history_(*history),
        level_(*level),
        segments_(*level->raw),
        records_(*level->records) {}

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const SeriesView&)> visit) const override;
  absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const SeriesView&)> visit) const override;
  absl::StatusOr<TimeRange> BucketsCover(const std::vector<Matcher>& matchers,
                                         Resolution resolution, int64_t start_ms,
                                         int64_t end_ms) const override;
  absl::Status SelectBuckets(const std::vector<Matcher>& matchers, Resolution resolution,
                             int64_t start_ms, int64_t end_ms,
                             absl::FunctionRef<bool(const BucketsView&)> visit) const override;
  std::vector<TimeRange> WithoutSamples(int64_t start_ms, int64_t end_ms) const override;
  // The series that have samples, or only buckets.
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override;
  absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>& matchers,
                                                      int64_t start_ms,
                                                      int64_t end_ms) const override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms,
                                                       int64_t end_ms) const override;
  std::vector<MetricInfo> Metrics() const override;
  absl::Status ScanRecords(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const override;

 private:
  // A pair, and which of its series match.
  using Match = SeriesGroups::Match;
  // A node, and what the store's catalogue has of it: nothing, if all is in history files.
  struct Node {
    std::string name;
    std::vector<Match> matches;
  };
  // Where series that match are. `file` is null for head and recent.db.
  struct Place {
    Match match;
    std::shared_ptr<SegmentFile> file;
    std::vector<RunSnapshot> runs;
    std::shared_ptr<const HeldTick> held;
  };
  static SeriesGroups Group(const std::vector<Place>& places);
  static Labels LabelsOf(const std::vector<Place>& places, const SeriesPlace& at);
  static const MetricInfo& MetricOf(const std::vector<Place>& places, const SeriesPlace& at);

  PairIndex Index() const;
  // Records of head and recent.db, sorted, with their nodes.
  struct Recent {
    std::string node;
    StoredRecord stored;
  };
  absl::StatusOr<std::vector<Recent>> RecentRecords(std::string_view kind, std::string_view node,
                                                    int64_t start_ms, int64_t end_ms) const;
  const Segments& SegmentsOf(Resolution resolution) const;
  absl::StatusOr<bool> SelectBucketsOf(std::span<const std::string> nodes, PairMatcher* matcher,
                                       Resolution resolution, int64_t start_ms, int64_t end_ms,
                                       absl::FunctionRef<bool(const BucketsView&)> visit) const;
  absl::StatusOr<std::vector<Node>> FindNodes(PairMatcher* matcher, int64_t start_ms,
                                              int64_t end_ms) const;
  absl::Status AddSegments(std::span<const Node> nodes, PairMatcher* matcher, int64_t start_ms,
                           int64_t end_ms, std::vector<Place>* places) const;
  // Of head and recent.db at one moment, and of the files after it.
  absl::StatusOr<std::vector<Place>> PlacesOf(std::span<const Node> nodes, PairMatcher* matcher,
                                              int64_t start_ms, int64_t end_ms,
                                              std::unique_ptr<History::Moment>* recent) const;
  using SelectSome = absl::StatusOr<bool> (Reader::*)(
      std::span<const Node> nodes, PairMatcher* matcher, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(const SeriesView&)> visit) const;
  // All nodes, some at a time.
  absl::Status SelectBy(SelectSome select, const std::vector<Matcher>& matchers, int64_t start_ms,
                        int64_t end_ms, absl::FunctionRef<bool(const SeriesView&)> visit) const;
  absl::StatusOr<bool> SelectNodes(std::span<const Node> nodes, PairMatcher* matcher,
                                   int64_t start_ms, int64_t end_ms,
                                   absl::FunctionRef<bool(const SeriesView&)> visit) const;
  absl::Status ReadPlaces(const std::vector<Place>& places, History::Moment* recent,
                          int64_t start_ms, int64_t end_ms, SeriesBatch* wanted) const;
  absl::StatusOr<bool> SelectNewestOf(std::span<const Node> nodes, PairMatcher* matcher,
                                      int64_t start_ms, int64_t end_ms,
                                      absl::FunctionRef<bool(const SeriesView&)> visit) const;
  // Calls `visit` for each pair with series that match and may have samples in the time, once for
  // each catalogue that it is in.
  absl::Status FindPairs(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                         PairIndex::Visit visit) const;
  absl::StatusOr<bool> MayHave(const IndexedPair& pair, int64_t start_ms, int64_t end_ms) const;
  std::vector<RunSnapshot> RunsOf(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;
  std::shared_ptr<const HeldTick> HeldOf(const SourceSchema& pair) const;
  bool HeadHas(const SourceSchema& pair, int64_t start_ms, int64_t end_ms) const;

  const StoreState& state_;
  const History& history_;
  const LevelOne& level_;
  const Segments& segments_;  // of samples
  const RecordFiles& records_;
  mutable RunCache runs_;
};

}  // namespace ronda::store
