// The packed records of level 1: the files of history/records/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/record_block.h"
#include "collector/store/segment_span.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/store/sqlite_record_db.h"
#include "common/base/mutex.h"

namespace ronda::store {

// A file of records has a week of all nodes and kinds.
inline constexpr int64_t kRecordSpans[] = {84};

// Thread-safe; one thread at a time writes and removes. Damaged files and blocks are left out, and
// told of once (CorruptParts).
class RecordFiles {
 public:
  // The files of `dir`, which need not be there. What has another name is left alone. `corrupt`
  // must outlive it.
  static absl::StatusOr<std::unique_ptr<RecordFiles>> Open(const std::string& dir, bool read_only,
                                                           int64_t wal_pages,
                                                           CorruptParts* corrupt);
  ~RecordFiles();

  // Calls `visit` for each hour, ascending, that has records of the kind and node ("": all) in the
  // time, with all blocks of the hour, until it returns false.
  absl::Status ScanHours(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(int64_t hour, std::vector<RecordBlock> blocks)> visit) const;

  // Merges records into the blocks of their hours, one transaction a file. What is there already is
  // not written again. Each group is as a block, but may have any number of records, in any order.
  // Takes the memory of the groups and a few blocks.
  absl::Status Merge(std::vector<RecordBlock> groups);

  // One file, for the retention.
  class File;
  std::vector<std::shared_ptr<File>> All() const;
  static const std::string& PathOf(const File& file);
  static const SegmentSpan& SpanOf(const File& file);
  // What it has of each kind; nothing if it is damaged.
  absl::StatusOr<std::vector<RecordKindTotals>> Totals(const File& file) const;
  // Removes whole kinds from the file.
  absl::Status RemoveKinds(File* file, const std::vector<std::string>& kinds);
  // Removes the oldest blocks of a kind that have at least so many bytes; the removed are added to
  // *removed.
  absl::Status RemoveOldest(File* file, std::string_view kind, int64_t bytes,
                            RecordKindTotals* removed);
  // Removes the file; reads that are under way go on.
  absl::Status Remove(const std::shared_ptr<File>& file);

  // Bytes of all files on the disk.
  int64_t Bytes() const;

 private:
  RecordFiles(std::string dir, int64_t wal_pages, CorruptParts* corrupt)
      : dir_(std::move(dir)), wal_pages_(wal_pages), corrupt_(*corrupt) {}
  std::vector<std::shared_ptr<File>> Overlapping(int64_t start_ms, int64_t end_ms) const;
  absl::StatusOr<std::shared_ptr<File>> ForWriting(int64_t hour);
  absl::Status ScanFile(const File& file, std::string_view kind, std::string_view node,
                        int64_t start_ms, int64_t end_ms,
                        absl::FunctionRef<bool(int64_t, std::vector<RecordBlock>)> visit,
                        bool* more) const;
  absl::Status MergeGroup(RecordDb* db, const File& file, RecordBlock fresh);
  // OK if `status` is damage: then the part is told of.
  absl::Status Tolerate(CorruptPart part, const absl::Status& status) const;

  const std::string dir_;
  const int64_t wal_pages_;  // Database::Options
  CorruptParts& corrupt_;

  mutable Mutex mu_;
  std::vector<std::shared_ptr<File>> files_ ABSL_GUARDED_BY(mu_);  // by start
};

}  // namespace ronda::store
