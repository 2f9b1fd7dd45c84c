#include "collector/store/store.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "collector/store/appender.h"
#include "collector/store/checkpointer.h"
#include "collector/store/compactor.h"
#include "collector/store/folder_lock.h"
#include "collector/store/gap_writer.h"
#include "collector/store/journal_writer.h"
#include "collector/store/recent_salvage.h"
#include "collector/store/replay.h"
#include "collector/store/retention.h"
#include "collector/store/sealer.h"
#include "collector/store/store_base.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

// The store of a running collector.
class LiveStore final : public StoreBase {
 public:
  // `lost`: what was lost with a recent.db that this start put aside.
  LiveStore(const Options& options, const Clock& clock, FolderLock lock,
            std::vector<CorruptPart> lost)
      : options_(options), clock_(clock), lock_(std::move(lock)), lost_(std::move(lost)) {}
  ~LiveStore() override { LiveStore::Close(); }

  absl::Status Start();
  bool live() const override { return true; }
  void Close() override;
  absl::StatusOr<NodeId> PutNode(const NodeInfo& node) override;
  absl::Status AddSchema(std::shared_ptr<const Schema> schema) override;
  using Store::Append;
  absl::Status Append(std::vector<Batch> batches) override;
  void ShowHeld(NodeId node, const FrameEntry& frame, std::span<const double> values) override;
  absl::Status Flush(int64_t timeout_ms) override { return journal_->Flush(timeout_ms); }
  absl::Status SealNow() override;
  absl::Status CompactNow() override;
  absl::Status CompactDue() override;
  StoreStats Stats() const override;
  bool DiskFull() const override { return disk_->full(); }

 private:
  // kDataLoss: recent.db was cut to nothing, which to SQLite is a new file.
  absl::Status CheckNotCut(JournalDb* db) const;
  void OnDurable(int64_t commit, const JournalWriter::Durable& durable);
  // Parts of recent.db that are lost.
  void AddLost(std::vector<CorruptPart> parts, std::string_view why);
  // Compactor::Mend.
  absl::StatusOr<bool> MendRecent(const absl::Status& why);
  // Writes gaps of parts of history that are damaged.
  void TellCorrupt(std::vector<CorruptPart> parts);
  // Counts, logs and writes gaps of what max_history_bytes has cost.
  void TellDropped(const std::vector<DroppedSamples>& dropped);
  // Queues rows of the catalogue for the next commit.
  void Write(std::vector<CatalogueWrite> rows) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu);

  const Options options_;
  const Clock& clock_;
  FolderLock lock_;
  std::vector<CorruptPart> lost_;
  std::unique_ptr<DiskSpace> disk_;
  std::unique_ptr<JournalWriter> journal_;
  std::unique_ptr<Appender> appender_;
  std::unique_ptr<Sealer> sealer_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<Compactor> compactor_;
  std::unique_ptr<Checkpointer> checkpointer_;

  Mutex close_mu_;
  bool closed_ ABSL_GUARDED_BY(close_mu_) = false;
};

absl::Status LiveStore::CheckNotCut(JournalDb* db) const {
  const std::string path = options_.dir + "/history/recent.db";
  std::error_code error;
  if (std::filesystem::file_size(path, error) != 0 || error || DatabaseBytes(path) != 0) {
    return absl::OkStatus();
  }
  return db->ForEachEpoch([&](NodeId node, uint64_t epoch, std::string_view data) -> absl::Status {
    RONDA_ASSIGN_OR_RETURN(const EpochRow row, DecodeEpochRow(node, epoch, data));
    return row.sealed.empty() ? absl::OkStatus()
                              : Fail(absl::StatusCode::kDataLoss,
                                     "{}: damaged: it is empty, though blocks were written", path);
  });
}

absl::Status LiveStore::Start() {
  const std::string path = options_.dir + "/ronda.db";
  disk_ = std::make_unique<DiskSpace>(
      options_.dir, options_.measure_disk_for_test ? options_.measure_disk_for_test
                                                   : [this] { return MeasureDisk(options_.dir); });
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<JournalDb> db,
                         JournalDb::Open(path, options_.max_journal_pages_for_test));
  RONDA_RETURN_IF_ERROR(db->Check());
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> state_connection, Database::Open(path, {}));
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<JournalDb> state_db,
                         JournalDb::Wrap(std::move(state_connection)));
  RONDA_ASSIGN_OR_RETURN(checkpointer_, Checkpointer::Open(path, *disk_));

  const int64_t wal_pages = Retention::WalPages(options_.max_history_bytes);
  std::vector<CatalogueWrite> writes;
  {
    MutexLock lock(&state_.mu);
    RONDA_RETURN_IF_ERROR(LoadCatalogue(db.get(), &state_.catalogue));
    RONDA_RETURN_IF_ERROR(CheckNotCut(db.get()));
    RONDA_ASSIGN_OR_RETURN(
        std::unique_ptr<History> history,
        History::Open(options_.dir, false, &state_.catalogue, &writes, wal_pages));
    RONDA_ASSIGN_OR_RETURN(LevelOne level,
                           LevelOne::Open(options_.dir, false, clock_.NowMs(), wal_pages));
    Init(std::move(history), std::move(level), std::move(state_db));
  }
  RONDA_ASSIGN_OR_RETURN(ReplayResult replayed, Replay(db.get(), *history_, clock_, &state_));

  journal_ = std::make_unique<JournalWriter>(
      std::move(db),
      JournalWriter::Options{options_.commit_interval_ms, replayed.next_commit,
                             std::move(replayed.rows)},
      disk_.get(), [this](int64_t commit, const JournalWriter::Durable& durable) {
        OnDurable(commit, durable);
      });
  appender_ = std::make_unique<Appender>(&state_, history_.get(), journal_.get(), *disk_, clock_,
                                         options_.max_pending_bytes);
  sealer_ =
      std::make_unique<Sealer>(&state_, history_.get(), journal_.get(), clock_, *disk_,
                               Sealer::Options{options_.seal_after_ms, options_.retention_raw_ms});
  journal_->Start();
  checkpointer_->Start();
  if (!writes.empty()) {
    MutexLock lock(&state_.mu);
    Write(std::move(writes));
  }
  RONDA_RETURN_IF_ERROR(WriteCorruptGaps(this, replayed.lost, clock_));
  retention_ = std::make_unique<Retention>(
      Retention::Options{options_.retention_raw_ms, options_.retention_minute_ms,
                         options_.retention_hour_ms, options_.max_history_bytes, options_.records},
      &state_, history_.get(), &level_, *disk_, clock_,
      [this](const std::vector<DroppedSamples>& dropped) { TellDropped(dropped); });
  compactor_ = std::make_unique<Compactor>(
      &state_, history_.get(), &level_, sealer_.get(), retention_.get(), *disk_, clock_,
      [this](const std::vector<LostFrames>& lost) {
        const absl::Status status = WriteCorruptGaps(this, lost, clock_);
        if (!status.ok()) {
          obs::Error("store", "writing that blocks are damaged: {}", Message(status));
        }
      },
      [this] { TellCorrupt(level_.corrupt->TakeNew()); },
      [this](const absl::Status& why) { return MendRecent(why); });
  level_.corrupt->OnNew([this] { compactor_->FoundCorrupt(); });
  TellCorrupt(options_.lost_in_repair);
  AddLost(std::move(lost_), "recent.db was damaged at the start");
  TellCorrupt(level_.corrupt->TakeNew());
  if (!options_.manual_seal) {
    sealer_->Start();
    compactor_->Start();
  }
  disk_->Start(options_.disk_period_ms, [this](DiskState) { compactor_->Hurry(); });
  return absl::OkStatus();
}

void LiveStore::AddLost(std::vector<CorruptPart> parts, std::string_view why) {
  for (CorruptPart& part : parts) {
    level_.corrupt->Add(std::move(part), Fail(absl::StatusCode::kDataLoss, "{}", why));
  }
}

absl::StatusOr<bool> LiveStore::MendRecent(const absl::Status& why) {
  std::optional<std::vector<CorruptPart>> lost;
  const absl::Status status = history_->Exchange([&]() -> absl::Status {
    RONDA_ASSIGN_OR_RETURN(lost, PutAsideRecent(options_.dir, why, clock_));
    return absl::OkStatus();
  });
  if (lost) {
    AddLost(*lost, "recent.db was damaged");
    TellCorrupt(level_.corrupt->TakeNew());
  }
  RONDA_RETURN_IF_ERROR(status);
  return lost.has_value();
}

void LiveStore::TellCorrupt(std::vector<CorruptPart> parts) {
  if (parts.empty()) {
    return;
  }
  std::vector<std::pair<NodeId, NodeInfo>> nodes;
  {
    MutexLock lock(&state_.mu);
    for (const auto& [id, name] : state_.catalogue.NodeNames()) {
      nodes.emplace_back(id, state_.catalogue.FindNode(id)->info);
    }
  }
  const absl::Status status = WriteCorruptGaps(this, parts, nodes, clock_);
  if (!status.ok()) {
    obs::Error("store", "writing that history is damaged: {}", Message(status));
    level_.corrupt->PutBack(std::move(parts));
  }
}

void LiveStore::TellDropped(const std::vector<DroppedSamples>& dropped) {
  int64_t samples = 0;
  std::vector<std::pair<NodeId, DroppedSamples>> of_nodes;
  {
    MutexLock lock(&state_.mu);
    for (const DroppedSamples& one : dropped) {
      samples += one.samples;
      if (const Catalogue::Node* const node = state_.catalogue.FindNode(one.node)) {
        of_nodes.emplace_back(node->id, one);
      }
    }
    state_.dropped_samples += samples;
  }
  obs::Warn("store",
            "dropped {} samples of the last hours: history may take {} bytes, which is less than "
            "they need; set retention.max_size higher",
            samples, options_.max_history_bytes);
  const absl::Status status = WriteDroppedGaps(this, std::move(of_nodes), clock_);
  if (!status.ok()) {
    obs::Error("store", "writing that samples were dropped: {}", Message(status));
  }
}

void LiveStore::Write(std::vector<CatalogueWrite> rows) {
  if (!rows.empty()) {
    journal_->Add(state_.next_order, {}, std::move(rows), {}, {});
  }
}

void LiveStore::OnDurable(int64_t commit, const JournalWriter::Durable& durable) {
  MutexLock lock(&state_.mu);
  for (const auto& [epoch, seq] : durable) {
    epoch->durable.Add(seq);
  }
  state_.durable_commit = commit;
}

void LiveStore::Close() {
  if (compactor_ != nullptr) {
    compactor_->Stop();  // it may be appending: not under the lock
    TellCorrupt(level_.corrupt->TakeNew());
  }
  MutexLock close_lock(&close_mu_);
  if (closed_) {
    return;
  }
  closed_ = true;
  if (disk_ != nullptr) {
    disk_->Stop();  // a write that fails still gets the reserve
  }
  if (sealer_ != nullptr) {
    sealer_->Stop();
  }
  if (journal_ != nullptr) {
    {
      MutexLock lock(&state_.mu);
      Write(state_.catalogue.TakeSeen());
    }
    journal_->Stop();
  }
  if (checkpointer_ != nullptr) {
    checkpointer_->Stop();
  }
}

absl::StatusOr<NodeId> LiveStore::PutNode(const NodeInfo& node) {
  if (node.name.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument, "adding a node: it has no name");
  }
  std::vector<CatalogueWrite> writes;
  MutexLock lock(&state_.mu);
  const NodeId id = state_.catalogue.PutNode(node, &writes);
  Write(std::move(writes));
  return id;
}

absl::Status LiveStore::AddSchema(std::shared_ptr<const Schema> schema) {
  if (schema == nullptr) {
    return Fail(absl::StatusCode::kInvalidArgument, "adding a schema: there is none");
  }
  for (const Schema::Series& series : schema->series) {
    if (series.metric >= schema->metrics.size()) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "adding a schema: a series is of metric {} of {}", series.metric,
                  schema->metrics.size());
    }
  }
  std::vector<CatalogueWrite> writes;
  MutexLock lock(&state_.mu);
  state_.catalogue.PutSchema(std::move(schema), &writes);
  Write(std::move(writes));
  return absl::OkStatus();
}

absl::Status LiveStore::Append(std::vector<Batch> batches) {
  if (MutexLock lock(&close_mu_); closed_) {
    return Fail(absl::StatusCode::kFailedPrecondition, "appending: the store is closed");
  }
  return appender_->Append(std::move(batches));
}

void LiveStore::ShowHeld(NodeId node, const FrameEntry& frame, std::span<const double> values) {
  MutexLock lock(&state_.mu);
  const std::shared_ptr<const SchemaEntry> schema = state_.catalogue.FindSchema(frame.schema);
  const std::shared_ptr<const SourceEntry> source = state_.catalogue.FindSource(node, frame.group);
  if (schema != nullptr && source != nullptr && values.size() == schema->schema->series.size() &&
      state_.catalogue.ShowPair(*source, *schema, frame.t_ms)) {
    state_.held.Put(source->id, schema->id, frame.t_ms, values);
  }
}

absl::Status LiveStore::SealNow() { return sealer_->Pass(true); }

absl::Status LiveStore::CompactNow() { return compactor_->Pass(true); }

absl::Status LiveStore::CompactDue() { return compactor_->Pass(false); }

StoreStats LiveStore::Stats() const {
  StoreStats stats = StoreBase::Stats();
  const JournalStats journal = journal_->Stats();
  stats.counters.commits = journal.commits;
  stats.counters.commit_failures = journal.commit_failures;
  stats.counters.committed_frames = journal.committed_frames;
  stats.journal_bytes = journal.journal_bytes;
  stats.pending_bytes = journal.pending_bytes;
  stats.fsync_p99_ms = journal.fsync_p99_ms;
  stats.journal_status = journal.status;
  stats.disk = disk_->state();
  stats.disk_use = disk_->use();
  return stats;
}

}  // namespace

Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const Options& options, const Clock& clock) {
  RONDA_RETURN_IF_ERROR(MakeDirectories(options.dir));
  RONDA_ASSIGN_OR_RETURN(FolderLock lock, FolderLock::Take(options.dir));
  std::error_code error;
  if (std::filesystem::exists(options.dir + "/history/recent.db", error) &&
      std::filesystem::file_size(options.dir + "/ronda.db", error) == 0 && !error) {
    return AdviseRepair(
        Fail(absl::StatusCode::kDataLoss,
             "{}/ronda.db: damaged: it is empty, though there is a history", options.dir),
        options.dir);
  }
  auto store =
      std::make_unique<LiveStore>(options, clock, std::move(lock), std::vector<CorruptPart>());
  absl::Status status = store->Start();
  if (absl::IsDataLoss(status)) {
    store = nullptr;
    RONDA_ASSIGN_OR_RETURN(lock, FolderLock::Take(options.dir));
    RONDA_ASSIGN_OR_RETURN(auto lost, SalvageRecent(options.dir, status, clock));
    if (lost) {
      store = std::make_unique<LiveStore>(options, clock, std::move(lock), *std::move(lost));
      status = store->Start();
    }
  }
  if (!status.ok()) {
    return AdviseRepair(status, options.dir);
  }
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace ronda::store
