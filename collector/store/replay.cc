#include "collector/store/replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "collector/store/appender.h"
#include "collector/store/journal_row.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

class Replayer {
 public:
  Replayer(const History& history, const Clock& clock, StoreState* state)
      : history_(history), clock_(clock), state_(*state) {}

  absl::Status AddRow(const JournalRow& row) {
    MutexLock lock(&state_.mu);
    state_.next_order = std::max(state_.next_order, row.first_order + row.frames.size());
    for (size_t i = 0; i < row.frames.size(); ++i) {
      RONDA_RETURN_IF_ERROR(AddFrame(row, row.frames[i], row.first_order + i));
    }
    return absl::OkStatus();
  }

  std::vector<LostFrames> TakeLost() {
    std::vector<LostFrames> out;
    for (auto& [key, lost] : lost_) {
      out.push_back(std::move(lost));
    }
    return out;
  }

 private:
  absl::Status AddFrame(const JournalRow& row, const JournalFrame& frame, uint64_t order)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu) {
    const JournalRun& journal_run = row.runs[frame.run];
    const RunKey& key = journal_run.key;
    EpochState* const epoch = state_.head.PutEpoch(key.node, key.epoch);
    Saw(journal_run, frame);
    HeadRun* run = state_.head.FindRun(key);
    if (run == nullptr) {
      RONDA_ASSIGN_OR_RETURN(const CoveredRun* covered, FindCovered(key));
      if (covered != nullptr && frame.seq <= covered->last_seq) {
        HoldSealed(epoch, frame.seq);
        return absl::OkStatus();
      }
      run = covered != nullptr
                ? RestoreRun(&state_, key, *covered, SourceOf(journal_run), clock_.MonotonicMs())
                : StartRun(epoch, journal_run, frame);
    } else if (run->sealed_frames > 0 && frame.seq <= run->frames[run->sealed_frames - 1].seq) {
      HoldSealed(epoch, frame.seq);
      return absl::OkStatus();
    }
    if (run == nullptr || (!run->frames.empty() && run->frames.back().seq != frame.prev_seq)) {
      // An older frame of another run may keep the journal row of one that has been packed already.
      if (run == nullptr && epoch->held.Contains(frame.seq)) {
        HoldSealed(epoch, frame.seq);
      } else {
        Lose(journal_run, frame, run);
      }
      return absl::OkStatus();
    }
    state_.head.AddFrame(run, {frame.seq, order, row.commit, frame.t_ms, frame.crc, frame.bytes});
    Hold(epoch, frame.seq);
    return absl::OkStatus();
  }

  void Saw(const JournalRun& run, const JournalFrame& frame)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu) {
    const std::shared_ptr<const SourceEntry> source = SourceOf(run);
    const std::shared_ptr<const SchemaEntry> schema = state_.catalogue.FindSchema(run.schema);
    if (source != nullptr && schema != nullptr) {
      state_.catalogue.SawSample(run.key.node, run.key.epoch, *source, *schema, frame.t_ms);
    }
  }

  // What is in the journal is durable.
  static void Hold(EpochState* epoch, uint64_t seq) {
    epoch->held.Add(seq);
    epoch->durable.Add(seq);
  }

  // Sealed, and not trimmed: the next trim writes the epoch's ranges, without which nothing would
  // know of the frame once its journal row is gone.
  static void HoldSealed(EpochState* epoch, uint64_t seq) {
    Hold(epoch, seq);
    epoch->sealed_since_trim = true;
  }

  std::shared_ptr<const SourceEntry> SourceOf(const JournalRun& run)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu) {
    return state_.catalogue.FindSource(run.source);
  }

  HeadRun* StartRun(EpochState* epoch, const JournalRun& journal_run, const JournalFrame& frame)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu) {
    HeadRun run;
    run.key = journal_run.key;
    run.source = SourceOf(journal_run);
    run.schema = state_.catalogue.FindSchema(journal_run.schema);
    run.due_since_ms = clock_.MonotonicMs();
    run.late = frame.t_ms < clock_.NowMs() - Store::kLateMs;
    const bool known = run.source != nullptr && (run.schema != nullptr || journal_run.schema == 0);
    if (!known || frame.seq != run.key.first_seq) {
      return nullptr;
    }
    if (run.schema != nullptr) {
      state_.catalogue.AddPair(run.source, run.schema);
    }
    return state_.head.AddRun(epoch, std::move(run));
  }

  absl::StatusOr<const CoveredRun*> FindCovered(const RunKey& key) {
    const auto it = covered_.find(key);
    if (it != covered_.end()) {
      return it->second ? &*it->second : nullptr;
    }
    absl::StatusOr<std::optional<CoveredRun>> covered = history_.FindRun(key);
    if (absl::IsDataLoss(covered.status())) {
      // A damaged index of the history: the journal's own copy is still good.
      covered = std::optional<CoveredRun>();
    }
    RONDA_RETURN_IF_ERROR(covered.status());
    const std::optional<CoveredRun>& kept = covered_[key] = std::move(*covered);
    return kept ? &*kept : nullptr;
  }

  void Lose(const JournalRun& run, const JournalFrame& frame, const HeadRun* head_run)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu) {
    const auto [it, is_new] = lost_.try_emplace(run.key);
    LostFrames& lost = it->second;
    if (is_new) {
      lost.run = run.key;
      lost.first_seq = frame.seq;
      lost.from_ms = head_run != nullptr ? head_run->frames.back().t_ms : frame.t_ms;
      const Catalogue::Node* node = state_.catalogue.FindNode(run.key.node);
      lost.node = node != nullptr ? node->info.name : "";
      const std::shared_ptr<const SourceEntry> source = SourceOf(run);
      lost.group = source != nullptr ? source->row.group.name : "";
    }
    lost.to_ms = std::max(lost.to_ms, frame.t_ms);
  }

  const History& history_;
  const Clock& clock_;
  StoreState& state_;
  absl::flat_hash_map<RunKey, std::optional<CoveredRun>> covered_;
  std::map<RunKey, LostFrames> lost_;
};

}  // namespace

absl::Status LoadCatalogue(JournalDb* db, Catalogue* catalogue) {
  RONDA_RETURN_IF_ERROR(db->ForEachNode([&](int64_t id, std::string_view data) -> absl::Status {
    RONDA_ASSIGN_OR_RETURN(NodeInfo node, DecodeNodeRow(id, data));
    catalogue->LoadNode(id, std::move(node));
    return absl::OkStatus();
  }));
  RONDA_RETURN_IF_ERROR(db->ForEachSource([&](int64_t id, std::string_view data) -> absl::Status {
    RONDA_ASSIGN_OR_RETURN(SourceRow source, DecodeSourceRow(id, data));
    if (catalogue->FindNode(source.node) == nullptr) {
      return Fail(absl::StatusCode::kDataLoss, "source {} is of node {}, which is not there", id,
                  source.node);
    }
    catalogue->LoadSource(id, std::move(source));
    return absl::OkStatus();
  }));
  return db->ForEachSchema([&](int64_t id, std::string_view data) -> absl::Status {
    RONDA_ASSIGN_OR_RETURN(Schema schema, DecodeSchemaRow(id, data));
    catalogue->LoadSchema(id, std::make_shared<const Schema>(std::move(schema)));
    return absl::OkStatus();
  });
}

absl::StatusOr<ReplayResult> Replay(JournalDb* db, const History& history, const Clock& clock,
                                    StoreState* state) {
  ReplayResult result;
  RONDA_ASSIGN_OR_RETURN(const int64_t last_commit, db->Meta(kMetaLastCommit, 0));
  RONDA_ASSIGN_OR_RETURN(int64_t next_order, db->Meta(kMetaNextOrder, 0));
  if (next_order == 0) {
    // Never trimmed, or a new file beside an old history.
    RONDA_ASSIGN_OR_RETURN(const uint64_t in_blocks, history.LastOrder());
    next_order = static_cast<int64_t>(in_blocks) + 1;
  }
  result.next_commit = last_commit + 1;
  {
    MutexLock lock(&state->mu);
    state->next_order = static_cast<uint64_t>(next_order);
    RONDA_RETURN_IF_ERROR(
        db->ForEachEpoch([&](NodeId node, uint64_t epoch, std::string_view data) -> absl::Status {
          state->mu.AssertHeld();
          RONDA_ASSIGN_OR_RETURN(EpochRow row, DecodeEpochRow(node, epoch, data));
          EpochState* const epoch_state = state->head.PutEpoch(node, row.epoch);
          epoch_state->held = row.sealed;
          epoch_state->durable = std::move(row.sealed);
          return absl::OkStatus();
        }));
  }
  Replayer replayer(history, clock, state);
  RONDA_RETURN_IF_ERROR(
      db->ForEachJournalRow([&](int64_t id, std::string_view bytes) -> absl::Status {
        result.rows.emplace_back(id, static_cast<int64_t>(bytes.size()));
        result.next_commit = std::max(result.next_commit, id + 1);
        const absl::StatusOr<JournalRow> row = DecodeJournalRow(id, bytes);
        if (absl::IsDataLoss(row.status())) {
          ++result.corrupt_rows;
          obs::Error("store", "left out a damaged row of {}: {}", db->db()->path(),
                     Message(row.status()));
          return absl::OkStatus();
        }
        return row.ok() ? replayer.AddRow(*row) : row.status();
      }));
  result.lost = replayer.TakeLost();
  MutexLock lock(&state->mu);
  state->durable_commit = result.next_commit - 1;
  state->corrupt_journal_rows = result.corrupt_rows;
  return result;
}

}  // namespace ronda::store
