// One file of level 1, with its connections and its catalogue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/dropped_samples.h"
#include "collector/store/rollup.h"
#include "collector/store/segment_catalogue.h"
#include "collector/store/segment_span.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/store/sqlite_segment_db.h"
#include "common/base/mutex.h"

namespace ronda::store {

// All packed rows of one pair and window, ready to be written.
struct PackedWindow {
  SourceSchema pair;  // the store's
  // Write nothing if the file has the pair and window: roll-ups of more samples than there are now.
  bool keep_existing = false;
  int64_t window = 0;
  std::vector<int64_t> t_ms;  // ascending, unique, not empty
  std::vector<PackedRow> rows;
};

// Thread-safe. Nothing is opened before it is used; Unload() closes what nobody uses.
class SegmentFile {
 public:
  // Told of damaged parts, again each time that one is met.
  using OnCorrupt = std::function<void(CorruptPart part, const absl::Status& why)>;

  // `wal_pages`: Database::Options.
  SegmentFile(std::string path, const SegmentSpan& span, bool read_only, int64_t wal_pages,
              OnCorrupt on_corrupt)
      : path_(std::move(path)),
        span_(span),
        read_only_(read_only),
        wal_pages_(wal_pages),
        on_corrupt_(std::move(on_corrupt)) {}

  const std::string& path() const { return path_; }
  const SegmentSpan& span() const { return span_; }

  // The pairs that have rows. A file that is damaged so that it cannot be opened has none, and is
  // told to on_corrupt.
  absl::StatusOr<PairIndex> Pairs();

  // Of a node, the pairs that have rows in a window, for who is about to write there. What it costs
  // does not grow with the other nodes of the file, as Pairs() after each Write() would.
  absl::StatusOr<std::vector<SourceSchema>> PairsIn(std::string_view node, int64_t window);

  // Reads the wanted series (ascending) of one of Pairs(). Damaged parts are told to on_corrupt and
  // left out.
  using VisitColumn =
      absl::FunctionRef<void(const std::shared_ptr<const std::vector<int64_t>>& t_ms,
                             size_t wanted_index, SegmentColumn column)>;
  absl::Status Read(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                    std::span<const uint32_t> wanted, VisitColumn visit);

  // One moment of the rows, to read many pairs. Of one thread at a time; the file must outlive it.
  class Moment {
   public:
    virtual ~Moment() = default;
    // As above.
    virtual absl::Status Read(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                              std::span<const uint32_t> wanted, VisitColumn visit) = 0;
  };
  absl::StatusOr<std::unique_ptr<Moment>> Now();

  // Reads roll-ups, whole rows, likewise.
  using VisitBuckets = absl::FunctionRef<void(size_t wanted_index, std::vector<Bucket> buckets)>;
  absl::Status ReadRollups(const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                           std::span<const uint32_t> wanted, VisitBuckets visit);

  // Copies what was written into the file, so that its -wal is empty.
  void FinishWriting();

  // Appends the ticks that the rows of a pair and window have.
  absl::Status Ticks(const SourceSchema& pair, int64_t window, std::vector<int64_t>* ticks);

  // Writes windows in one transaction, each in place of what the file has of that pair and window.
  absl::Status Write(std::span<const PackedWindow> windows);

  // Removes the oldest window, but the only one that there is not unless `even_last`, and gives its
  // pages back to the disk. Adds what went to `dropped`, which may be null. False: nothing did.
  absl::StatusOr<bool> RemoveOldestWindow(bool even_last, std::vector<DroppedSamples>* dropped);

  // What is lost if nothing of the file can be read.
  CorruptPart WholeFile() const;
  // Gives the file another name, so that nothing reads or writes it any more, and returns that
  // name. Reads that are under way go on.
  absl::StatusOr<std::string> PutAside(int64_t now_ms);

  // Bytes of the file and its -wal.
  int64_t Bytes() const { return DatabaseBytes(path_); }
  bool loaded() const;
  // It is so damaged that it cannot be opened.
  bool unreadable() const;
  // Closes all connections that are not in use; the last one copies the -wal into the file.
  void Unload();
  // Removes the file; reads that are under way go on.
  absl::Status Remove();

 private:
  class Lease;
  class Snapshot;
  absl::StatusOr<Lease> Borrow();
  // Calls `read` for each row of the pair and time that has wanted series; damage that it finds, in
  // the row or through `tell` in a series, is told to on_corrupt.
  using Tell = absl::FunctionRef<void(size_t wanted_index, const absl::Status& why)>;
  using ReadOneRow = absl::FunctionRef<absl::Status(const SegmentRowInfo& row, Tell tell)>;
  absl::Status ForEachRow(SegmentDb* db, const SourceSchema& pair, int64_t start_ms, int64_t end_ms,
                          std::span<const uint32_t> wanted, ReadOneRow read);
  std::string FileName() const;
  // When the samples of a row are, which its table may say wrongly.
  std::pair<int64_t, int64_t> TimesOf(const SegmentRowInfo& row) const;
  void TellOrphansLocked(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::unique_ptr<SegmentDb>> ConnectLocked(bool check)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  struct Writer {
    std::unique_ptr<SegmentDb> db;
    SegmentCatalogue catalogue;
  };
  absl::Status OpenWriterLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status WriteLocked(std::span<const PackedWindow> windows)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);

  const std::string path_;
  const SegmentSpan span_;
  const bool read_only_;
  const int64_t wal_pages_;
  const OnCorrupt on_corrupt_;

  Mutex write_mu_;  // before mu_
  std::unique_ptr<Writer> writer_ ABSL_GUARDED_BY(write_mu_);
  mutable Mutex mu_;
  bool loaded_ ABSL_GUARDED_BY(mu_) = false;
  bool unreadable_ ABSL_GUARDED_BY(mu_) = false;
  SegmentCatalogue catalogue_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<ReadOnlyFile> read_only_file_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<SegmentDb>> idle_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::store
