// Tested by tests/unit/collector/store/record_files_test.cc and
// tests/property/record_property_test.cc.
#include "collector/store/record_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

// What SQLite has no name for may be damage: the other files must not suffer for it.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnimplemented(status) || absl::IsUnknown(status);
}

// Parts of a file, and what is lost with them.
CorruptPart PartOfFile(const std::string& path, const SegmentSpan& span) {
  return {path,
          "",
          "",
          span.start_ms() + 1,
          span.end_ms(),
          fmt::format("{}: records that cannot be read", fs::path(path).filename().string())};
}

CorruptPart PartOfHour(const std::string& path, std::string_view kind, std::string_view node,
                       int64_t hour) {
  return {fmt::format("{} hour {} of {} {}", path, hour, kind, node),
          std::string(node),
          std::string(kind),
          hour * kRecordHourMs + 1,
          (hour + 1) * kRecordHourMs,
          fmt::format("{}: records of an hour", fs::path(path).filename().string())};
}

// The times of the row are under no checksum, and may lie outside of its hour: then it is all of
// it.
CorruptPart PartOfBlock(const std::string& path, const RecordBlockRow& row) {
  CorruptPart part = PartOfHour(path, row.kind, row.node, row.hour);
  part.name = fmt::format("{} block {}", path, row.id);
  part.detail = fmt::format("{}: a block of records", fs::path(path).filename().string());
  if (row.t_min_ms >= part.from_ms && row.t_max_ms <= part.to_ms && row.t_min_ms <= row.t_max_ms) {
    part.from_ms = row.t_min_ms;
    part.to_ms = row.t_max_ms;
  }
  return part;
}

int64_t WindowOfHour(int64_t hour) { return WindowOf((hour + 1) * kRecordHourMs); }

// Takes out of `fresh` what `there` has; both are sorted.
void RemoveKnown(const std::vector<StoredRecord>& there, std::vector<StoredRecord>* fresh) {
  size_t at = 0;
  std::erase_if(*fresh, [&](const StoredRecord& record) {
    while (at < there.size() && IsBefore(there[at], record)) {
      ++at;
    }
    for (size_t i = at; i < there.size() && !IsBefore(record, there[i]); ++i) {
      if (IsSame(there[i], record)) {
        return true;
      }
    }
    return false;
  });
}

size_t SizeOfAll(const std::vector<StoredRecord>& records) {
  size_t bytes = 0;
  for (const StoredRecord& stored : records) {
    bytes += SizeOf(stored.record);
  }
  return bytes;
}

// Writes sorted records as blocks that have no more than a block can hold.
absl::Status PutAll(RecordDb* db, RecordBlock block) {
  std::vector<StoredRecord> all = std::move(block.records);
  for (size_t first = 0; first < all.size();) {
    block.records.clear();
    size_t bytes = 0;
    size_t next = first;
    for (; next < all.size() && next - first < kMaxBlockRecords; ++next) {
      bytes += SizeOf(all[next].record);
      if (next > first && bytes > kMaxBlockRecordBytes) {
        break;
      }
      block.records.push_back(std::move(all[next]));
    }
    RONDA_RETURN_IF_ERROR(db->Put(block));
    first = next;
  }
  return absl::OkStatus();
}

}  // namespace

class RecordFiles::File {
 public:
  // A connection for reading.
  struct Connection {
    std::unique_ptr<ReadOnlyFile> file;  // null: the connection may write
    std::unique_ptr<RecordDb> db;        // goes before the file
  };

  File(std::string file_path, const SegmentSpan& file_span, bool read_only)
      : path(std::move(file_path)), span(file_span), read_only_(read_only) {}

  // kNotFound: there is no such file, or nothing in it yet.
  absl::StatusOr<Connection> Connect() const {
    Connection connection;
    std::unique_ptr<Database> db;
    if (read_only_) {
      RONDA_ASSIGN_OR_RETURN(connection.file, ReadOnlyFile::Open(path));
      RONDA_ASSIGN_OR_RETURN(db, connection.file->Connect());
    } else {
      MutexLock lock(&mu_);  // to open a file that is being removed would make it anew
      std::error_code ignored;
      if (!fs::exists(path, ignored)) {
        return Fail(absl::StatusCode::kNotFound, "{}: no such file", path);
      }
      RONDA_ASSIGN_OR_RETURN(db, Database::Open(path, {}));
    }
    RONDA_ASSIGN_OR_RETURN(connection.db, RecordDb::Wrap(std::move(db)));
    return connection;
  }

  absl::Status Remove() {
    MutexLock lock(&mu_);
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code error;
      fs::remove(path + suffix, error);
      if (error) {
        return Fail(absl::StatusCode::kUnavailable, "removing {}{}: {}", path, suffix,
                    error.message());
      }
    }
    return absl::OkStatus();
  }

  const std::string path;
  const SegmentSpan span;

 private:
  const bool read_only_;
  mutable Mutex mu_;
};

RecordFiles::~RecordFiles() = default;

absl::StatusOr<std::unique_ptr<RecordFiles>> RecordFiles::Open(const std::string& dir,
                                                               bool read_only, int64_t wal_pages,
                                                               CorruptParts* corrupt) {
  std::unique_ptr<RecordFiles> files(new RecordFiles(dir, wal_pages, corrupt));
  std::error_code error;
  MutexLock lock(&files->mu_);
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    const std::string path = entry.path().string();
    const std::optional<SegmentSpan> span =
        ParseSegmentFileName(entry.path().filename().string(), kRecordSpans);
    if (span) {
      if (!read_only) {
        RONDA_RETURN_IF_ERROR(Database::RenewWal(path));
        RONDA_RETURN_IF_ERROR(RecordDb::CheckNotLater(path));
      }
      files->files_.push_back(std::make_shared<File>(path, *span, read_only));
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(absl::StatusCode::kPermissionDenied, "listing {}: {}", dir, error.message());
  }
  std::sort(files->files_.begin(), files->files_.end(), [](const auto& a, const auto& b) {
    return a->span.first_window < b->span.first_window;
  });
  return files;
}

const std::string& RecordFiles::PathOf(const File& file) { return file.path; }
const SegmentSpan& RecordFiles::SpanOf(const File& file) { return file.span; }

std::vector<std::shared_ptr<RecordFiles::File>> RecordFiles::All() const {
  MutexLock lock(&mu_);
  return files_;
}

std::vector<std::shared_ptr<RecordFiles::File>> RecordFiles::Overlapping(int64_t start_ms,
                                                                         int64_t end_ms) const {
  std::vector<std::shared_ptr<File>> out;
  const int64_t first = WindowOfHour(RecordHourOf(start_ms));
  const int64_t last = WindowOfHour(RecordHourOf(end_ms));
  MutexLock lock(&mu_);
  for (const std::shared_ptr<File>& file : files_) {
    if (file->span.first_window <= last && file->span.first_window + file->span.windows > first) {
      out.push_back(file);
    }
  }
  return out;
}

absl::StatusOr<std::shared_ptr<RecordFiles::File>> RecordFiles::ForWriting(int64_t hour) {
  RONDA_RETURN_IF_ERROR(MakeDirectories(dir_));
  const int64_t window = WindowOfHour(hour);
  const SegmentSpan span = store::SpanOf(window, kRecordSpans[0]);
  MutexLock lock(&mu_);
  const auto at = std::lower_bound(files_.begin(), files_.end(), span.first_window,
                                   [](const std::shared_ptr<File>& file, int64_t first) {
                                     return file->span.first_window < first;
                                   });
  if (at != files_.end() && (*at)->span == span) {
    return *at;
  }
  return *files_.insert(at,
                        std::make_shared<File>(dir_ + "/" + SegmentFileName(span), span, false));
}

absl::Status RecordFiles::Tolerate(CorruptPart part, const absl::Status& status) const {
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // removed meanwhile
  }
  if (!IsDamage(status)) {
    return status;
  }
  corrupt_.Add(std::move(part), status);
  return absl::OkStatus();
}

absl::Status RecordFiles::ScanFile(const File& file, std::string_view kind, std::string_view node,
                                   int64_t start_ms, int64_t end_ms,
                                   absl::FunctionRef<bool(int64_t, std::vector<RecordBlock>)> visit,
                                   bool* more) const {
  RONDA_ASSIGN_OR_RETURN(const File::Connection connection, file.Connect());
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> hours,
                         connection.db->Hours(kind, node, start_ms, end_ms));
  for (const int64_t hour : hours) {
    std::vector<RecordBlock> blocks;
    absl::Status failed;
    const absl::Status read = connection.db->ReadHour(
        kind, node, hour, [&](const RecordBlockRow& row, absl::StatusOr<RecordBlock> block) {
          if (block.ok()) {
            blocks.push_back(std::move(*block));
          } else {
            failed.Update(Tolerate(PartOfBlock(file.path, row), block.status()));
          }
        });
    RONDA_RETURN_IF_ERROR(failed);
    if (!read.ok()) {
      RONDA_RETURN_IF_ERROR(Tolerate(PartOfHour(file.path, kind, node, hour), read));
    }
    *more = visit(hour, std::move(blocks));
    if (!*more) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status RecordFiles::ScanHours(
    std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
    absl::FunctionRef<bool(int64_t hour, std::vector<RecordBlock> blocks)> visit) const {
  bool more = true;
  for (const std::shared_ptr<File>& file : Overlapping(start_ms, end_ms)) {
    const absl::Status scanned = ScanFile(*file, kind, node, start_ms, end_ms, visit, &more);
    if (!scanned.ok()) {
      RONDA_RETURN_IF_ERROR(Tolerate(PartOfFile(file->path, file->span), scanned));
    }
    if (!more) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status RecordFiles::MergeGroup(RecordDb* db, const File& file, RecordBlock fresh) {
  SortUnique(&fresh.records);
  std::vector<int64_t> replaced;
  std::vector<StoredRecord> known;
  absl::Status failed;
  RONDA_RETURN_IF_ERROR(
      db->ReadHour(fresh.kind, fresh.node, fresh.hour,
                   [&](const RecordBlockRow& row, absl::StatusOr<RecordBlock> block) {
                     if (!block.ok()) {
                       // It stays for a repair.
                       failed.Update(Tolerate(PartOfBlock(file.path, row), block.status()));
                       return;
                     }
                     if (block->columns != fresh.columns) {
                       return;  // those of another version
                     }
                     RemoveKnown(block->records, &fresh.records);
                     // One that is half full already stays, so that memory does not grow with the
                     // hour.
                     if (block->records.size() < kMaxBlockRecords / 2 &&
                         SizeOfAll(block->records) < kMaxBlockRecordBytes / 2) {
                       replaced.push_back(row.id);
                       known.insert(known.end(), std::make_move_iterator(block->records.begin()),
                                    std::make_move_iterator(block->records.end()));
                     }
                   }));
  RONDA_RETURN_IF_ERROR(failed);
  if (fresh.records.empty()) {
    return absl::OkStatus();
  }
  for (const int64_t id : replaced) {
    RONDA_RETURN_IF_ERROR(db->Remove(id));
  }
  fresh.records.insert(fresh.records.end(), std::make_move_iterator(known.begin()),
                       std::make_move_iterator(known.end()));
  SortUnique(&fresh.records);
  return PutAll(db, std::move(fresh));
}

absl::Status RecordFiles::Merge(std::vector<RecordBlock> groups) {
  std::stable_sort(groups.begin(), groups.end(),
                   [](const RecordBlock& a, const RecordBlock& b) { return a.hour < b.hour; });
  for (size_t at = 0; at < groups.size();) {
    RONDA_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, ForWriting(groups[at].hour));
    RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<RecordDb> db,
                           RecordDb::Open(file->path, wal_pages_));
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db->db()));
    for (; at < groups.size() && file->span.Holds(WindowOfHour(groups[at].hour)); ++at) {
      RONDA_RETURN_IF_ERROR(MergeGroup(db.get(), *file, std::move(groups[at])));
    }
    RONDA_RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RecordKindTotals>> RecordFiles::Totals(const File& file) const {
  const auto read = [&]() -> absl::StatusOr<std::vector<RecordKindTotals>> {
    RONDA_ASSIGN_OR_RETURN(const File::Connection connection, file.Connect());
    return connection.db->Totals();
  };
  absl::StatusOr<std::vector<RecordKindTotals>> totals = read();
  if (!totals.ok()) {
    RONDA_RETURN_IF_ERROR(Tolerate(PartOfFile(file.path, file.span), totals.status()));
    return std::vector<RecordKindTotals>();
  }
  return totals;
}

absl::Status RecordFiles::RemoveKinds(File* file, const std::vector<std::string>& kinds) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<RecordDb> db,
                         RecordDb::Open(file->path, wal_pages_));
  {
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db->db()));
    for (const std::string& kind : kinds) {
      RONDA_RETURN_IF_ERROR(db->RemoveKind(kind));
    }
    RONDA_RETURN_IF_ERROR(transaction.Commit());
  }
  return db->db()->ReturnPages();
}

absl::Status RecordFiles::RemoveOldest(File* file, std::string_view kind, int64_t bytes,
                                       RecordKindTotals* removed) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<RecordDb> db,
                         RecordDb::Open(file->path, wal_pages_));
  {
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db->db()));
    RONDA_ASSIGN_OR_RETURN(const std::vector<RecordBlockRow> oldest, db->Oldest(kind, bytes));
    for (const RecordBlockRow& row : oldest) {
      RONDA_RETURN_IF_ERROR(db->Remove(row.id));
    }
    RONDA_RETURN_IF_ERROR(transaction.Commit());
    for (const RecordBlockRow& row : oldest) {
      ++removed->blocks;
      removed->records += row.records;
      removed->bytes += row.bytes;
      removed->last_hour = row.hour;
    }
  }
  return db->db()->ReturnPages();
}

absl::Status RecordFiles::Remove(const std::shared_ptr<File>& file) {
  {
    MutexLock lock(&mu_);
    std::erase(files_, file);
  }
  return file->Remove();
}

int64_t RecordFiles::Bytes() const {
  int64_t bytes = 0;
  for (const std::shared_ptr<File>& file : All()) {
    bytes += DatabaseBytes(file->path);
  }
  return bytes;
}

}  // namespace ronda::store
