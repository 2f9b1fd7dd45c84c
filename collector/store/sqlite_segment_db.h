// A file of level 1: packed rows, with the sources and schemas that they are of. Tables: FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/rollup.h"
#include "collector/store/segment_row.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// A row of `rows` without its data.
struct SegmentRowInfo {
  int64_t id = 0;
  SegmentRowKey key;
  int64_t t_min_ms = 0;
  int64_t t_max_ms = 0;
};

// One connection. Of one thread at a time.
class SegmentDb {
 public:
  // See CheckFileHead().
  static absl::Status CheckHead(const std::string& path);
  // See sqlite_schema.h.
  static absl::Status CheckNotLater(const std::string& path);
  // For writing; makes the file. kDataLoss, kFailedPrecondition: see sqlite_schema.h.
  // `wal_pages`: Database::Options.
  static absl::StatusOr<std::unique_ptr<SegmentDb>> Open(const std::string& path,
                                                         int64_t wal_pages = 0);
  // For reading. `check`: that it is a file of ours and of no later version; once a file is enough.
  static absl::StatusOr<std::unique_ptr<SegmentDb>> Wrap(std::unique_ptr<Database> db, bool check);

  // Writes the rows of a pair and window in place of those that are there. In a transaction.
  absl::Status ReplaceRows(int64_t source, int64_t schema, int64_t window,
                           std::span<const int64_t> t_ms, std::span<const PackedRow> rows);

  // Adds rows. In a transaction.
  absl::Status AddRows(int64_t source, int64_t schema, int64_t window,
                       std::span<const int64_t> t_ms, std::span<const PackedRow> rows);

  // The oldest and the newest window that have rows; nullopt if there are none.
  absl::StatusOr<std::optional<std::pair<int64_t, int64_t>>> Windows();
  // Removes the rows of a window. In a transaction.
  struct RemovedRow {
    int64_t source = 0;
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    int64_t samples = 0;  // at most: series times ticks
  };
  absl::StatusOr<std::vector<RemovedRow>> RemoveWindow(int64_t window);

  struct Pair {
    int64_t source = 0;
    int64_t schema = 0;
    int64_t t_min_ms = 0;
    int64_t t_max_ms = 0;
  };
  absl::StatusOr<std::vector<Pair>> Pairs();
  // The schemas with rows of a source and window.
  absl::StatusOr<std::vector<int64_t>> SchemasIn(int64_t source, int64_t window);
  // The rows of a pair that overlap the time, in order of window and series.
  absl::StatusOr<std::vector<SegmentRowInfo>> FindRows(int64_t source, int64_t schema,
                                                       int64_t start_ms, int64_t end_ms);

  // The row's ticks in the time asked for, the place of a column among the wanted ones, and the
  // column, or why it could not be read.
  using VisitColumn =
      absl::FunctionRef<void(const std::shared_ptr<const std::vector<int64_t>>& t_ms,
                             size_t wanted_index, absl::StatusOr<SegmentColumn> column)>;
  // Reads the wanted series (ascending) that the row has, cut to [start_ms, end_ms]. kDataLoss: the
  // row's header is damaged. `blobs` is Blobs() of this connection.
  absl::Status ReadRow(const SegmentRowInfo& row, int64_t start_ms, int64_t end_ms,
                       std::span<const uint32_t> wanted, BlobCursor* blobs, VisitColumn visit);
  // The same of a row of roll-ups, with all of its buckets.
  using VisitBuckets =
      absl::FunctionRef<void(size_t wanted_index, absl::StatusOr<std::vector<Bucket>> buckets)>;
  absl::Status ReadRollups(const SegmentRowInfo& row, std::span<const uint32_t> wanted,
                           BlobCursor* blobs, VisitBuckets visit);
  BlobCursor Blobs() const { return BlobCursor(db_.get(), "rows", "data"); }

  Database* db() { return db_.get(); }

 private:
  // Reads the header of a row, then calls `visit` with the bytes of each wanted chunk that it has.
  using VisitChunk =
      absl::FunctionRef<void(size_t wanted_index, const absl::StatusOr<std::string_view>& chunk)>;
  absl::Status ReadChunks(const SegmentRowInfo& row, std::span<const uint32_t> wanted,
                          BlobCursor* blobs, absl::FunctionRef<void(const SegmentHeader&)> begin,
                          VisitChunk visit);

  explicit SegmentDb(std::unique_ptr<Database> db) : db_(std::move(db)) {}

  std::unique_ptr<Database> db_;
  std::unique_ptr<Statement> find_;
};

}  // namespace ronda::store
