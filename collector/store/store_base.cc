#include "collector/store/store_base.h"

#include <algorithm>

#include "common/base/status.h"

namespace ronda::store {

void StoreBase::Init(std::unique_ptr<History> history, LevelOne level,
                     std::unique_ptr<JournalDb> state_db) {
  history_ = std::move(history);
  level_ = std::move(level);
  reader_ = std::make_unique<Reader>(&state_, history_.get(), &level_);
  SetStateDb(std::move(state_db));
}

void StoreBase::SetStateDb(std::unique_ptr<JournalDb> state_db) {
  MutexLock lock(&state_db_mu_);
  state_db_ = std::move(state_db);
}

std::vector<NodeInfo> StoreBase::Nodes() const {
  MutexLock lock(&state_.mu);
  return state_.catalogue.Nodes();
}

std::optional<NodeInfo> StoreBase::FindNode(std::string_view name) const {
  MutexLock lock(&state_.mu);
  const Catalogue::Node* node = state_.catalogue.FindNode(name);
  return node == nullptr ? std::nullopt : std::optional<NodeInfo>(node->info);
}

std::vector<SourceInfo> StoreBase::Sources(NodeId node) const {
  MutexLock lock(&state_.mu);
  return state_.catalogue.Sources(node);
}

std::shared_ptr<const Schema> StoreBase::FindSchema(const SchemaHash& hash) const {
  MutexLock lock(&state_.mu);
  const std::shared_ptr<const SchemaEntry> info = state_.catalogue.FindSchema(hash);
  return info == nullptr ? nullptr : info->schema;
}

codec::RangeSet StoreBase::Held(NodeId node, const Epoch& epoch) const {
  MutexLock lock(&state_.mu);
  const EpochState* state = state_.head.FindEpoch(node, epoch.id);
  return state == nullptr ? codec::RangeSet() : state->held;
}

codec::RangeSet StoreBase::Durable(NodeId node, const Epoch& epoch) const {
  MutexLock lock(&state_.mu);
  const EpochState* state = state_.head.FindEpoch(node, epoch.id);
  return state == nullptr ? codec::RangeSet() : state->durable;
}

std::optional<uint32_t> StoreBase::FindCrc(NodeId node, const Epoch& epoch, uint64_t seq) const {
  MutexLock lock(&state_.mu);
  const EpochState* state = state_.head.FindEpoch(node, epoch.id);
  if (state == nullptr) {
    return std::nullopt;
  }
  // The runs of an epoch's groups interleave: any run that began before may hold the frame.
  for (const auto& [first_seq, run] : state->runs) {
    const auto it = std::partition_point(run->frames.begin(), run->frames.end(),
                                         [&](const HeadFrame& f) { return f.seq < seq; });
    if (it != run->frames.end() && it->seq == seq) {
      return it->crc;
    }
  }
  return std::nullopt;
}

absl::Status StoreBase::ScanState(
    std::string_view space,
    absl::FunctionRef<void(std::string_view key, std::string_view value)> visit) const {
  // Copied first: a visitor may come back to the store.
  std::vector<std::pair<std::string, std::string>> rows;
  {
    MutexLock lock(&state_db_mu_);
    if (state_db_ == nullptr) {
      return Fail(absl::StatusCode::kFailedPrecondition, "reading state {}: the store is closed",
                  space);
    }
    RONDA_RETURN_IF_ERROR(state_db_->ForEachState(
        space,
        [&](std::string_view key, std::string_view value) { rows.emplace_back(key, value); }));
  }
  for (const auto& [key, value] : rows) {
    visit(key, value);
  }
  return absl::OkStatus();
}

StoreStats StoreBase::Stats() const {
  StoreStats stats;
  {
    MutexLock lock(&state_.mu);
    stats.counters.sealed_blocks = state_.sealed_blocks;
    stats.counters.corrupt_journal_rows = state_.corrupt_journal_rows;
    stats.counters.duplicate_samples = state_.duplicate_samples;
    stats.counters.conflicting_samples = state_.conflicting_samples;
    stats.counters.dropped_samples = state_.dropped_samples;
    stats.series = state_.catalogue.series();
  }
  stats.counters.corrupt_blocks = history_->corrupt_blocks() + level_.corrupt_parts();
  stats.history_files = static_cast<int64_t>(level_.raw->All().size());
  stats.history_bytes = level_.raw->Bytes();
  stats.rollup_bytes = level_.minute->Bytes() + level_.hour->Bytes();
  stats.record_bytes = level_.records->Bytes();
  const absl::StatusOr<RecentDb::Totals> totals = history_->Totals();
  if (totals.ok()) {
    stats.blocks = totals->blocks;
    stats.block_bytes = totals->bytes;
  }
  return stats;
}

absl::Status AdviseRepair(const absl::Status& status, const std::string& dir) {
  return absl::IsDataLoss(status)
             ? Fail(status.code(), "{}; run `ronda store repair --data {}`", Message(status), dir)
             : status;
}

}  // namespace ronda::store
