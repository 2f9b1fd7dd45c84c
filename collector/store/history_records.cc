// Runs of records in recent.db.
#include <utility>

#include "collector/store/block.h"
#include "collector/store/history.h"
#include "collector/store/history_lease.h"
#include "common/base/status.h"

namespace ronda::store {

std::pair<NodeId, std::string> History::NodeOf(int64_t local_node) const {
  MutexLock lock(&mu_);
  const auto it = nodes_.catalogue.find(local_node);
  if (it == nodes_.catalogue.end()) {
    return {0, ""};
  }
  return {it->second, node_names_.find(it->second)->second};
}

absl::Status History::ReadRecords(std::string_view kind, NodeId node, int64_t start_ms,
                                  int64_t end_ms, VisitFrames visit) const {
  std::optional<int64_t> local = 0;
  if (node != 0) {
    local = LocalOf(&History::nodes_, node);
  }
  {
    MutexLock lock(&mu_);
    if (!local || nodes_.local.empty()) {
      return absl::OkStatus();
    }
  }
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  const absl::Status status = db->ForEachRecords(
      kind, *local, start_ms, end_ms,
      [&](int64_t local_node, const RunKey& key, std::string_view bytes) {
        const auto [id, name] = NodeOf(local_node);
        const absl::StatusOr<std::vector<HeadFrame>> frames = DecodeFrames(name, key, bytes);
        if (id == 0 || !frames.ok()) {
          CountCorrupt(-static_cast<int64_t>(key.first_seq), frames.status());
          return;
        }
        visit(id, key, *frames);
      });
  if (absl::IsDataLoss(status)) {
    CountCorrupt(0, status);
    return absl::OkStatus();
  }
  return status;
}

absl::StatusOr<std::vector<History::RecordRun>> History::RecordsToPack(int64_t end_ms,
                                                                       int64_t limit) const {
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(std::vector<RecordRunRow> rows, db->RecordsToPack(end_ms, limit));
  std::vector<RecordRun> runs;
  for (RecordRunRow& row : rows) {
    auto [node, name] = NodeOf(row.node);
    runs.push_back({node, std::move(name), std::move(row)});
  }
  return runs;
}

absl::StatusOr<bool> History::ReadRun(const RecordRun& run, VisitFrames visit) const {
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  const absl::StatusOr<std::string> bytes = db->ReadRecords(run.row);
  absl::Status status = bytes.status();
  if (bytes.ok()) {
    if (bytes->empty()) {
      return true;  // it has grown meanwhile
    }
    const absl::StatusOr<std::vector<HeadFrame>> frames =
        DecodeFrames(run.node_name, run.row.key, *bytes);
    status = frames.status();
    if (frames.ok()) {
      visit(run.node, run.row.key, *frames);
      return true;
    }
  }
  if (!absl::IsDataLoss(status)) {
    return status;
  }
  CountCorrupt(-static_cast<int64_t>(run.row.key.first_seq), status);
  return false;
}

absl::Status History::RecordsPacked(std::span<const RecordRun> runs) {
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(writer_->db()));
  for (const RecordRun& run : runs) {
    RONDA_RETURN_IF_ERROR(writer_->RecordsPacked(run.row, run.damaged || run.row.may_grow));
  }
  return transaction.Commit();
}

absl::Status History::RemovePackedRecords(int64_t before_ms) {
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  return writer_->RemovePackedRecords(before_ms);
}

absl::Status History::AddRemovedRecords(const RecentDb::RemovedRecords& more) {
  MutexLock lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(NeedWriter());
  return writer_->AddRemovedRecords(more);
}

}  // namespace ronda::store
