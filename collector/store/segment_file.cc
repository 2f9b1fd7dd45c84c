#include "collector/store/segment_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr size_t kIdleConnections = 2;

bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsNotFound(status) || absl::IsUnimplemented(status);
}

// What one file is refused for is no reason to refuse a query of many.
bool IsUnreadable(const absl::Status& status) {
  return IsDamage(status) || absl::IsPermissionDenied(status);
}

}  // namespace

// A connection for reading, given back when destroyed.
class SegmentFile::Lease {
 public:
  Lease(SegmentFile* file, std::unique_ptr<SegmentDb> db) : file_(file), db_(std::move(db)) {}
  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (db_ != nullptr) {
      MutexLock lock(&file_->mu_);
      if (file_->idle_.size() < kIdleConnections) {
        file_->idle_.push_back(std::move(db_));
      }
    }
  }
  SegmentDb* operator->() const { return db_.get(); }
  SegmentDb* get() const { return db_.get(); }

 private:
  SegmentFile* file_;
  std::unique_ptr<SegmentDb> db_;
};

absl::StatusOr<std::unique_ptr<SegmentDb>> SegmentFile::ConnectLocked(bool check) {
  if (!read_only_) {
    RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(path_, {}));
    return SegmentDb::Wrap(std::move(db), check);
  }
  if (read_only_file_ == nullptr) {
    RONDA_ASSIGN_OR_RETURN(read_only_file_, ReadOnlyFile::Open(path_));
  }
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, read_only_file_->Connect());
  return SegmentDb::Wrap(std::move(db), check);
}

absl::Status SegmentFile::LoadLocked() {
  std::error_code ignored;
  if (loaded_ || !fs::exists(path_, ignored)) {
    return absl::OkStatus();
  }
  // The catalogue is loaded anew after each write: not each time with a connection of its own.
  if (idle_.empty()) {
    absl::StatusOr<std::unique_ptr<SegmentDb>> connected = ConnectLocked(true);
    if (absl::IsNotFound(connected.status())) {
      return absl::OkStatus();  // being made right now
    }
    RONDA_RETURN_IF_ERROR(connected.status());
    idle_.push_back(std::move(*connected));
  }
  const absl::Status status = catalogue_.Load(idle_.back().get());
  if (absl::IsDataLoss(status)) {
    TellOrphansLocked(status);
  } else {
    RONDA_RETURN_IF_ERROR(status);
  }
  loaded_ = true;
  return absl::OkStatus();
}

std::pair<int64_t, int64_t> SegmentFile::TimesOf(const SegmentRowInfo& row) const {
  const bool sound = row.t_min_ms <= row.t_max_ms && span_.Holds(WindowOf(row.t_min_ms)) &&
                     span_.Holds(WindowOf(row.t_max_ms));
  return sound ? std::pair(row.t_min_ms, row.t_max_ms)
               : std::pair(span_.start_ms() + 1, span_.end_ms());
}

CorruptPart SegmentFile::WholeFile() const {
  return {path_,
          "",
          "",
          span_.start_ms() + 1,
          span_.end_ms(),
          fmt::format("history file {} cannot be read", FileName())};
}

void SegmentFile::TellOrphansLocked(const absl::Status& why) {
  if (catalogue_.orphans().empty() && catalogue_.pairs().begin() == catalogue_.pairs().end()) {
    on_corrupt_(WholeFile(), why);
    return;
  }
  // No rows are lost with a damaged row of the catalogue that has none.
  CorruptPart part = WholeFile();
  part.name += " catalogue";
  part.lost_samples = false;
  on_corrupt_(part, why);
  for (const SegmentCatalogue::Orphans& orphans : catalogue_.orphans()) {
    const SourceRow* const source = orphans.source ? &orphans.source->row : nullptr;
    on_corrupt_({fmt::format("{} rows from {}", part.name, orphans.t_min_ms),
                 source != nullptr ? source->node_name : "",
                 source != nullptr ? source->group.name : "", orphans.t_min_ms, orphans.t_max_ms,
                 fmt::format("history file {}: a damaged catalogue", FileName())},
                why);
  }
}

absl::StatusOr<SegmentFile::Lease> SegmentFile::Borrow() {
  MutexLock lock(&mu_);
  if (!idle_.empty()) {
    std::unique_ptr<SegmentDb> db = std::move(idle_.back());
    idle_.pop_back();
    return Lease(this, std::move(db));
  }
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<SegmentDb> db, ConnectLocked(false));
  return Lease(this, std::move(db));
}

absl::StatusOr<PairIndex> SegmentFile::Pairs() {
  MutexLock lock(&mu_);
  const absl::Status status = LoadLocked();
  if (IsUnreadable(status)) {
    unreadable_ = absl::IsDataLoss(status);
    CorruptPart part = WholeFile();
    part.lost_samples = unreadable_;
    on_corrupt_(std::move(part), status);
    return PairIndex();
  }
  RONDA_RETURN_IF_ERROR(status);
  return catalogue_.pairs();
}

absl::StatusOr<std::vector<SourceSchema>> SegmentFile::PairsIn(std::string_view node,
                                                               int64_t window) {
  {
    MutexLock write_lock(&write_mu_);
    // Once a pass: a damaged catalogue is told of.
    const bool tell = writer_ == nullptr;
    absl::Status status = OpenWriterLocked();
    if (status.ok() && tell) {
      status = Pairs().status();
    }
    if (status.ok()) {
      absl::StatusOr<std::vector<SourceSchema>> pairs =
          writer_->catalogue.PairsIn(writer_->db.get(), node, window);
      if (pairs.ok()) {
        return pairs;
      }
      status = pairs.status();
    }
    if (!IsDamage(status)) {
      return status;
    }
  }
  // Too damaged to be written to: what can be read of it.
  std::vector<SourceSchema> pairs;
  RONDA_ASSIGN_OR_RETURN(const PairIndex all, Pairs());
  for (const PairIndex::Pair& pair : all.OfNode(node)) {
    if (pair->t_min_ms <= WindowEndMs(window) && pair->t_max_ms > WindowStartMs(window)) {
      pairs.push_back(pair->pair);
    }
  }
  return pairs;
}

absl::Status SegmentFile::ForEachRow(SegmentDb* db, const SourceSchema& pair, int64_t start_ms,
                                     int64_t end_ms, std::span<const uint32_t> wanted,
                                     ReadOneRow read) {
  const absl::StatusOr<std::vector<SegmentRowInfo>> rows =
      db->FindRows(pair.source->id, pair.schema->id, start_ms, end_ms);
  const SourceRow& source = pair.source->row;
  if (IsDamage(rows.status())) {
    on_corrupt_({fmt::format("{} index of {}/{}", path_, source.node_name, source.group.name),
                 source.node_name, source.group.name, span_.start_ms() + 1, span_.end_ms(),
                 fmt::format("history file {}: rows that cannot be found", FileName())},
                rows.status());
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(rows.status());
  absl::Status failed;
  for (const SegmentRowInfo& row : *rows) {
    const auto last = row.key.first_series + row.key.series;
    const auto first = std::lower_bound(wanted.begin(), wanted.end(), row.key.first_series);
    if (first == wanted.end() || *first >= last) {
      continue;
    }
    const auto tell = [&](std::string name, const std::string& what, const absl::Status& status) {
      if (!IsDamage(status)) {
        failed.Update(status);
        return;
      }
      const auto [from_ms, to_ms] = TimesOf(row);
      on_corrupt_({std::move(name), source.node_name, source.group.name, from_ms, to_ms,
                   fmt::format("history file {}: {}", FileName(), what)},
                  status);
    };
    const std::string name = fmt::format("{} row {}", path_, row.id);
    tell(name, fmt::format("a row of {} series from {} on", row.key.series, row.key.first_series),
         read(row, [&](size_t index, const absl::Status& why) {
           tell(fmt::format("{} series {}", name, wanted[index]),
                SeriesLabels(*pair.source, *pair.schema, wanted[index]).ToString(), why);
         }));
  }
  return failed;
}

// Holds a read transaction on a connection of its own.
class SegmentFile::Snapshot final : public SegmentFile::Moment {
 public:
  Snapshot(SegmentFile* file, Lease db, Transaction transaction)
      : file_(*file),
        db_(std::move(db)),
        transaction_(std::move(transaction)),
        blobs_(db_->Blobs()) {}

  absl::Status Read(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                    std::span<const uint32_t> wanted, VisitColumn visit) override {
    return file_.ForEachRow(
        db_.get(), pair, start_ms, end_ms, wanted, [&](const SegmentRowInfo& row, Tell tell) {
          return db_->ReadRow(row, start_ms, end_ms, wanted, &blobs_,
                              [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms,
                                  size_t index, absl::StatusOr<SegmentColumn> column) {
                                if (column.ok()) {
                                  visit(t_ms, index, std::move(*column));
                                } else {
                                  tell(index, column.status());
                                }
                              });
        });
  }

 private:
  SegmentFile& file_;
  Lease db_;
  Transaction transaction_;  // ends before its connection is given back
  BlobCursor blobs_;         // closed before the transaction ends
};

absl::StatusOr<std::unique_ptr<SegmentFile::Moment>> SegmentFile::Now() {
  RONDA_ASSIGN_OR_RETURN(Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db->db(), false));
  return std::unique_ptr<Moment>(new Snapshot(this, std::move(db), std::move(transaction)));
}

absl::Status SegmentFile::Read(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                               std::span<const uint32_t> wanted, VisitColumn visit) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<Moment> now, Now());
  return now->Read(pair, start_ms, end_ms, wanted, visit);
}

absl::Status SegmentFile::ReadRollups(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                                      std::span<const uint32_t> wanted, VisitBuckets visit) {
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::Begin(db->db(), false));
  BlobCursor blobs = db->Blobs();
  return ForEachRow(
      db.get(), pair, start_ms, end_ms, wanted, [&](const SegmentRowInfo& row, Tell tell) {
        return db->ReadRollups(row, wanted, &blobs,
                               [&](size_t index, absl::StatusOr<std::vector<Bucket>> buckets) {
                                 if (buckets.ok()) {
                                   visit(index, std::move(*buckets));
                                 } else {
                                   tell(index, buckets.status());
                                 }
                               });
      });
}

absl::Status SegmentFile::Ticks(const SourceSchema& pair, int64_t window,
                                std::vector<int64_t>* ticks) {
  RONDA_ASSIGN_OR_RETURN(const Lease db, Borrow());
  RONDA_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::Begin(db->db(), false));
  const absl::StatusOr<std::vector<SegmentRowInfo>> rows = db->FindRows(
      pair.source->id, pair.schema->id, WindowStartMs(window) + 1, WindowEndMs(window));
  if (IsDamage(rows.status())) {
    return absl::OkStatus();  // who reads them tells
  }
  RONDA_RETURN_IF_ERROR(rows.status());
  BlobCursor blobs = db->Blobs();
  for (const SegmentRowInfo& row : *rows) {
    const uint32_t any[] = {row.key.first_series};
    const absl::Status read =
        db->ReadRow(row, WindowStartMs(window) + 1, WindowEndMs(window), any, &blobs,
                    [&](const std::shared_ptr<const std::vector<int64_t>>& t_ms, size_t,
                        const absl::StatusOr<SegmentColumn>&) {
                      ticks->insert(ticks->end(), t_ms->begin(), t_ms->end());
                    });
    if (!read.ok() && !IsDamage(read)) {
      return read;
    }
  }
  return absl::OkStatus();
}

absl::Status SegmentFile::Write(std::span<const PackedWindow> windows) {
  MutexLock write_lock(&write_mu_);
  const absl::Status status = WriteLocked(windows);
  if (!status.ok()) {
    writer_ = nullptr;  // it may know sources that the file does not have
    return status;
  }
  MutexLock lock(&mu_);
  loaded_ = false;  // the next reader sees the new pairs
  return status;
}

absl::Status SegmentFile::OpenWriterLocked() {
  if (writer_ != nullptr) {
    return absl::OkStatus();
  }
  auto writer = std::make_unique<Writer>();
  RONDA_ASSIGN_OR_RETURN(writer->db, SegmentDb::Open(path_, wal_pages_));
  const absl::Status status = writer->catalogue.Load(writer->db.get());
  if (!status.ok() && !IsDamage(status)) {
    return status;
  }
  writer_ = std::move(writer);
  return absl::OkStatus();
}

absl::StatusOr<bool> SegmentFile::RemoveOldestWindow(bool even_last,
                                                     std::vector<DroppedSamples>* dropped) {
  MutexLock write_lock(&write_mu_);
  RONDA_RETURN_IF_ERROR(OpenWriterLocked());
  SegmentDb* const db = writer_->db.get();
  RONDA_ASSIGN_OR_RETURN(const auto windows, db->Windows());
  if (!windows || (windows->first == windows->second && !even_last)) {
    return false;
  }
  std::vector<SegmentDb::RemovedRow> removed;
  {
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db->db()));
    RONDA_ASSIGN_OR_RETURN(removed, db->RemoveWindow(windows->first));
    RONDA_RETURN_IF_ERROR(transaction.Commit());
  }
  for (const SegmentDb::RemovedRow& row : removed) {
    const SourceEntry* const source = writer_->catalogue.FindSource(row.source);
    if (dropped != nullptr && source != nullptr) {
      dropped->push_back(
          {source->row.node_name, source->row.group.name, row.from_ms, row.to_ms, row.samples});
    }
  }
  RONDA_RETURN_IF_ERROR(db->db()->ReturnPages());
  MutexLock lock(&mu_);
  loaded_ = false;
  return true;
}

absl::Status SegmentFile::WriteLocked(std::span<const PackedWindow> windows) {
  RONDA_RETURN_IF_ERROR(OpenWriterLocked());
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(writer_->db->db()));
  for (const PackedWindow& window : windows) {
    RONDA_ASSIGN_OR_RETURN(const SourceSchema pair,
                           writer_->catalogue.Put(writer_->db.get(), window.pair));
    if (window.keep_existing) {
      RONDA_ASSIGN_OR_RETURN(
          const std::vector<SegmentRowInfo> there,
          writer_->db->FindRows(pair.source->id, pair.schema->id, WindowStartMs(window.window) + 1,
                                WindowEndMs(window.window)));
      if (!there.empty()) {
        continue;
      }
    }
    RONDA_RETURN_IF_ERROR(writer_->db->ReplaceRows(pair.source->id, pair.schema->id, window.window,
                                                   window.t_ms, window.rows));
  }
  return transaction.Commit();
}

void SegmentFile::FinishWriting() {
  MutexLock write_lock(&write_mu_);
  if (writer_ != nullptr) {
    // Readers may keep it from that; the next time does it.
    (void)writer_->db->db()->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    writer_ = nullptr;
  }
}

bool SegmentFile::unreadable() const {
  MutexLock lock(&mu_);
  return unreadable_;
}

bool SegmentFile::loaded() const {
  MutexLock lock(&mu_);
  return loaded_ || !idle_.empty();
}

void SegmentFile::Unload() {
  MutexLock write_lock(&write_mu_);
  writer_ = nullptr;  // the last connection that closes copies the -wal into the file
  MutexLock lock(&mu_);
  loaded_ = false;
  catalogue_ = SegmentCatalogue();
  idle_.clear();
  read_only_file_ = nullptr;
}

std::string SegmentFile::FileName() const { return fs::path(path_).filename().string(); }

absl::StatusOr<std::string> SegmentFile::PutAside(int64_t now_ms) {
  Unload();
  std::error_code error;
  std::string aside = AsideName(path_, now_ms);
  for (int64_t later_ms = now_ms; fs::exists(aside, error);) {
    aside = AsideName(path_, later_ms += 1000);
  }
  fs::rename(path_, aside, error);
  if (!error && fs::exists(path_ + "-wal", error)) {
    fs::rename(path_ + "-wal", aside + "-wal", error);
  }
  if (error) {
    return Fail(absl::StatusCode::kUnavailable, "putting {} aside: {}", path_, error.message());
  }
  fs::remove(path_ + "-shm", error);
  return aside;
}

absl::Status SegmentFile::Remove() {
  Unload();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    fs::remove(path_ + suffix, error);
    if (error) {
      return Fail(absl::StatusCode::kUnavailable, "removing {}{}: {}", path_, suffix,
                  error.message());
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
