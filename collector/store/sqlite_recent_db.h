// history/recent.db, level 0: sealed blocks, with a catalogue of its own. Tables: FORMAT.md.
//
// Ids in the file are the file's own: across files a series is its label set. History maps them to
// those of the catalogue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/block.h"
#include "collector/store/catalogue.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// A run that is ready to be written.
struct SealedRun {
  RunSnapshot run;
  uint64_t last_seq = 0;
  int64_t t_min_ms = 0;
  int64_t t_max_ms = 0;
  uint64_t last_order = 0;
  std::vector<int64_t> t_ms;  // runs of samples
  std::vector<uint64_t> order;
  std::vector<std::vector<double>> columns;
  std::string kind;        // runs of records
  bool may_grow = false;   // keep the frames: of samples, beside the block
  int64_t late_bytes = 0;  // what it holds in memory, if it came late
};

// A row of `blocks` without its data.
struct BlockRow {
  int64_t id = 0;
  BlockKey key;
  int64_t t_min_ms = 0;
  int64_t t_max_ms = 0;
};

struct BlockToCompact {
  BlockRow row;
  uint64_t last_order = 0;
  bool may_grow = false;
  std::optional<int64_t> through_ms;  // level 1 has its samples so far
};

// A row of `record_blocks` without its data.
struct RecordRunRow {
  int64_t id = 0;
  int64_t node = 0;  // the file's
  RunKey key;        // node and start of the epoch are not in the file
  uint64_t last_seq = 0;
  std::string kind;
  int64_t t_min_ms = 0;
  int64_t t_max_ms = 0;
  bool may_grow = false;
};

// What a block or a record block holds of a run.
struct CoveredRun {
  uint64_t last_seq = 0;
  int64_t source = 0;  // runs of samples
  int64_t schema = 0;
  std::string frames;  // EncodeFrames(); empty if the run cannot grow any more
};

// One connection. Of one thread at a time.
class RecentDb {
 public:
  // `wal_pages`: Database::Options.
  static absl::StatusOr<std::unique_ptr<RecentDb>> Open(const std::string& path,
                                                        int64_t wal_pages = 0);
  static absl::StatusOr<std::unique_ptr<RecentDb>> Wrap(std::unique_ptr<Database> db);
  // See sqlite_schema.h.
  static absl::Status CheckNotLater(const std::string& path);

  // The (source, schema) pairs that have blocks, or had some, with the time of the newest sample.
  absl::Status ForEachPair(
      absl::FunctionRef<void(int64_t source, int64_t schema, int64_t t_max_ms)> visit);

  // Writes the run's block in place of an earlier one of the same run. Inside a transaction. Ids
  // are the file's.
  absl::Status PutBlock(const SealedRun& sealed, int64_t node, int64_t source, int64_t schema);
  absl::Status PutRecords(const SealedRun& sealed, int64_t node);

  absl::StatusOr<std::optional<CoveredRun>> FindRun(int64_t node, uint64_t epoch,
                                                    uint64_t first_seq);
  // Blocks of a pair that overlap the window, oldest first.
  absl::StatusOr<std::vector<BlockRow>> FindBlocks(int64_t source, int64_t schema, int64_t start_ms,
                                                   int64_t end_ms);
  absl::StatusOr<bool> HasBlocks(int64_t source, int64_t schema, int64_t start_ms, int64_t end_ms);
  // The header of a block, and the named columns in `columns` (ascending). A column that is damaged
  // is empty, and *damage says why. kDataLoss: the header is damaged. `blobs` is Blobs() of this
  // connection.
  absl::StatusOr<BlockHeader> ReadBlock(const BlockRow& row, std::span<const uint32_t> wanted,
                                        BlobCursor* blobs,
                                        std::vector<std::vector<double>>* columns,
                                        absl::Status* damage);
  BlobCursor Blobs() const { return BlobCursor(db_.get(), "blocks", "data"); }
  // Runs of records of a kind that overlap the window. node 0: all.
  using VisitRecords =
      absl::FunctionRef<void(int64_t node, const RunKey& key, std::string_view frames)>;
  absl::Status ForEachRecords(std::string_view kind, int64_t node, int64_t start_ms, int64_t end_ms,
                              VisitRecords visit);

  // Runs of records that end by `end_ms` and are not in level 1; at most `limit`, by node.
  absl::StatusOr<std::vector<RecordRunRow>> RecordsToPack(int64_t end_ms, int64_t limit);
  // Its frames, EncodeFrames(); "" if the run has grown, and is in another row now.
  absl::StatusOr<std::string> ReadRecords(const RecordRunRow& run);
  // Level 1 has the run: removes it, or with `keep` only asks for it no more. Likewise nothing if
  // it has grown.
  absl::Status RecordsPacked(const RecordRunRow& run, bool keep);
  // Removes runs of records that are kept though they are in level 1, and end before `before_ms`.
  absl::Status RemovePackedRecords(int64_t before_ms);

  // Records of a kind that were removed because there were too many: in all, and up to when.
  struct RemovedRecords {
    std::string kind;
    int64_t records = 0;
    int64_t bytes = 0;
    int64_t through_ms = 0;
  };
  absl::Status AddRemovedRecords(const RemovedRecords& more);
  absl::StatusOr<std::vector<RemovedRecords>> AllRemovedRecords();

  // Sources with blocks that have samples up to end_ms which are not in level 1.
  absl::StatusOr<std::vector<int64_t>> SourcesToCompact(int64_t end_ms);
  // Those blocks.
  absl::StatusOr<std::vector<BlockToCompact>> BlocksToCompact(int64_t source, int64_t end_ms);
  // Level 1 has what the block holds up to `through_ms`. In a transaction. Here and below: nothing
  // if the run has grown, and is in another block now, perhaps with the same id.
  absl::Status MarkCompacted(const BlockToCompact& block, int64_t through_ms);
  // Removes a block that level 1 holds; remembers that its pair has samples. In a transaction.
  absl::Status RemoveCompacted(const BlockToCompact& block);
  // Forgets pairs without blocks whose samples all end before `before_ms`.
  absl::Status RemovePairs(int64_t before_ms);

  // Removes at most `limit` blocks of a pair that end before `before_ms`; returns how many.
  absl::StatusOr<int64_t> RemoveBlocks(int64_t source, int64_t schema, int64_t before_ms,
                                       int64_t limit);

  // Removes the oldest blocks that cannot grow, so many that at least `bytes` are free. In a
  // transaction. Those that level 1 has as a whole are not returned.
  struct RemovedBlock {
    int64_t source = 0;
    int64_t schema = 0;
    int64_t from_ms = 0;  // after what level 1 has
    int64_t to_ms = 0;
    int64_t ticks = 0;
  };
  absl::StatusOr<std::vector<RemovedBlock>> RemoveOldestBlocks(int64_t bytes);

  struct Totals {
    int64_t blocks = 0;
    int64_t bytes = 0;
  };
  absl::StatusOr<Totals> CountBlocks();
  // The greatest HeadFrame::order in the file. Reads every row.
  absl::StatusOr<uint64_t> LastOrder();

  // Reads every row and index entry, but not the content of blocks: kDataLoss if a page of them is
  // damaged, or an index has other rows than its table, over which each seal or each pass of the
  // compactor would fail. Takes about as long as reading a twentieth of the file.
  absl::Status ReadRows();

  // kDataLoss: pages are not in order, or an index does not agree with its table. A start reads
  // indexes alone, so they count as much as rows.
  absl::Status Check();
  Database* db() { return db_.get(); }

 private:
  explicit RecentDb(std::unique_ptr<Database> db) : db_(std::move(db)) {}
  // Prepared once a connection.
  absl::StatusOr<Statement*> Cached(std::string_view sql);

  std::unique_ptr<Database> db_;
  absl::flat_hash_map<std::string_view, std::unique_ptr<Statement>> statements_;
};

}  // namespace ronda::store
