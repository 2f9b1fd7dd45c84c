// What a store that writes and one that only reads have in common.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/store/history.h"
#include "collector/store/level_one.h"
#include "collector/store/reader.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/store.h"
#include "collector/store/store_state.h"

namespace ronda::store {

class StoreBase : public Store {
 public:
  std::vector<NodeInfo> Nodes() const override;
  std::optional<NodeInfo> FindNode(std::string_view name) const override;
  std::vector<SourceInfo> Sources(NodeId node) const override;
  std::shared_ptr<const Schema> FindSchema(const SchemaHash& hash) const override;
  codec::RangeSet Held(NodeId node, const Epoch& epoch) const override;
  codec::RangeSet Durable(NodeId node, const Epoch& epoch) const override;
  std::optional<uint32_t> FindCrc(NodeId node, const Epoch& epoch, uint64_t seq) const override;
  absl::Status ScanState(
      std::string_view space,
      absl::FunctionRef<void(std::string_view key, std::string_view value)> visit) const override;
  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const SeriesView&)> visit) const override {
    return reader_->Select(matchers, start_ms, end_ms, visit);
  }
  absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const SeriesView&)> visit) const override {
    return reader_->SelectNewest(matchers, start_ms, end_ms, visit);
  }
  absl::StatusOr<TimeRange> BucketsCover(const std::vector<Matcher>& matchers,
                                         Resolution resolution, int64_t start_ms,
                                         int64_t end_ms) const override {
    return reader_->BucketsCover(matchers, resolution, start_ms, end_ms);
  }
  absl::Status SelectBuckets(const std::vector<Matcher>& matchers, Resolution resolution,
                             int64_t start_ms, int64_t end_ms,
                             absl::FunctionRef<bool(const BucketsView&)> visit) const override {
    return reader_->SelectBuckets(matchers, resolution, start_ms, end_ms, visit);
  }
  std::vector<TimeRange> WithoutSamples(int64_t start_ms, int64_t end_ms) const override {
    return reader_->WithoutSamples(start_ms, end_ms);
  }
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override {
    return reader_->Series(matchers, start_ms, end_ms);
  }
  absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>& matchers,
                                                      int64_t start_ms,
                                                      int64_t end_ms) const override {
    return reader_->LabelNames(matchers, start_ms, end_ms);
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms,
                                                       int64_t end_ms) const override {
    return reader_->LabelValues(name, matchers, start_ms, end_ms);
  }
  std::vector<MetricInfo> Metrics() const override { return reader_->Metrics(); }
  absl::Status ScanRecords(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const override {
    return reader_->ScanRecords(kind, node, start_ms, end_ms, visit);
  }
  StoreStats Stats() const override;
  bool DiskFull() const override { return false; }
  int64_t LateBytes() const override { return state_.late_bytes; }

 protected:
  // Sets what the functions above need.
  void Init(std::unique_ptr<History> history, LevelOne level, std::unique_ptr<JournalDb> state_db);
  void SetStateDb(std::unique_ptr<JournalDb> state_db);

  mutable StoreState state_;
  std::unique_ptr<History> history_;
  LevelOne level_;
  std::unique_ptr<Reader> reader_;

 private:
  // A connection for ScanState alone.
  mutable Mutex state_db_mu_;
  std::unique_ptr<JournalDb> state_db_ ABSL_GUARDED_BY(state_db_mu_);
};

// `status`, with the way out if the file is damaged.
absl::Status AdviseRepair(const absl::Status& status, const std::string& dir);

}  // namespace ronda::store
