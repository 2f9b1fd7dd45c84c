// Records of head, recent.db and the files of level 1, in order of time. What moves from one to the
// next meanwhile is found in both, and told once.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "collector/store/reader.h"
#include "collector/store/record_block.h"
#include "collector/store/run_decode.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

// The records of one hour, or of what is left after the last one, of all nodes.
class Gathered {
 public:
  void Add(const std::string& node, StoredRecord stored) {
    rows_.push_back({node, std::move(stored)});
  }

  // False if the visitor has had enough.
  bool Tell(int64_t start_ms, int64_t end_ms,
            absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) {
    // Of equal times in order of arrival; the node tells records apart whose numbers are used
    // twice.
    std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
      return IsBefore(a.stored, b.stored) || (!IsBefore(b.stored, a.stored) && a.node < b.node);
    });
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      bool again = false;
      for (size_t k = i; k > 0 && !again && !IsBefore(rows_[k - 1].stored, row.stored); --k) {
        again = rows_[k - 1].node == row.node && IsSame(rows_[k - 1].stored, row.stored);
      }
      const int64_t t_ms = row.stored.record.t_ms;
      if (!again && t_ms >= start_ms && t_ms <= end_ms && !visit(row.node, row.stored.record)) {
        return false;
      }
    }
    rows_.clear();
    return true;
  }

 private:
  struct Row {
    std::string node;
    StoredRecord stored;
  };
  std::vector<Row> rows_;
};

}  // namespace

absl::StatusOr<std::vector<Reader::Recent>> Reader::RecentRecords(std::string_view kind,
                                                                  std::string_view node,
                                                                  int64_t start_ms,
                                                                  int64_t end_ms) const {
  std::vector<Recent> found;
  std::vector<RunSnapshot> runs;
  NodeId node_id = 0;
  absl::flat_hash_map<NodeId, std::string> names;
  {
    MutexLock lock(&state_.mu);
    if (!node.empty()) {
      const Catalogue::Node* const known = state_.catalogue.FindNode(node);
      if (known == nullptr) {
        return found;  // files may know it
      }
      node_id = known->id;
    }
    names = state_.catalogue.NodeNames();
    state_.head.ForEachRun([&](const EpochState& epoch, const HeadRun& run) {
      if (run.schema == nullptr && (node_id == 0 || epoch.node == node_id)) {
        runs.push_back(Snapshot(run));
      }
    });
  }
  const auto take = [&](NodeId of, std::span<const HeadFrame> frames) {
    RecordKind found_kind;
    size_t frame = 0;
    uint32_t row = 0;
    DecodeRecords(frames, &found_kind, [&](size_t n, const Record& record) {
      row = n == frame ? row : 0;
      frame = n;
      if (found_kind.name == kind && record.t_ms >= start_ms && record.t_ms <= end_ms) {
        found.push_back({names[of], {frames[n].order, row, record}});
      }
      ++row;
    });
  };
  for (const RunSnapshot& run : runs) {
    take(run.key.node, run.frames);
  }
  RONDA_RETURN_IF_ERROR(history_.ReadRecords(
      kind, node_id, start_ms, end_ms,
      [&](NodeId of, const RunKey&, std::span<const HeadFrame> frames) { take(of, frames); }));
  std::stable_sort(found.begin(), found.end(),
                   [](const Recent& a, const Recent& b) { return IsBefore(a.stored, b.stored); });
  return found;
}

absl::Status Reader::ScanRecords(
    std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
    absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const {
  RONDA_ASSIGN_OR_RETURN(std::vector<Recent> recent, RecentRecords(kind, node, start_ms, end_ms));
  auto next = recent.begin();
  Gathered gathered;
  const auto add_recent = [&](int64_t last_hour) {
    for (; next != recent.end() && RecordHourOf(next->stored.record.t_ms) <= last_hour; ++next) {
      gathered.Add(next->node, std::move(next->stored));
    }
  };
  bool more = true;
  RONDA_RETURN_IF_ERROR(records_.ScanHours(kind, node, start_ms, end_ms,
                                           [&](int64_t hour, std::vector<RecordBlock> blocks) {
                                             add_recent(hour);
                                             for (RecordBlock& block : blocks) {
                                               for (StoredRecord& stored : block.records) {
                                                 gathered.Add(block.node, std::move(stored));
                                               }
                                             }
                                             more = gathered.Tell(start_ms, end_ms, visit);
                                             return more;
                                           }));
  if (more) {
    add_recent(std::numeric_limits<int64_t>::max());
    gathered.Tell(start_ms, end_ms, visit);
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
