// A file of packed records: history/records/*.db. Tables: FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/record_block.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// A row of `blocks` without its data.
struct RecordBlockRow {
  int64_t id = 0;
  std::string node;
  std::string kind;
  int64_t hour = 0;
  int64_t t_min_ms = 0;
  int64_t t_max_ms = 0;
  int64_t records = 0;
  int64_t bytes = 0;  // of the data
};

// What a file has of a kind.
struct RecordKindTotals {
  std::string kind;
  int64_t blocks = 0;
  int64_t records = 0;
  int64_t bytes = 0;
  int64_t first_hour = 0;
  int64_t last_hour = 0;
};

// One connection. Of one thread at a time.
class RecordDb {
 public:
  // For writing; makes the file. kDataLoss, kFailedPrecondition: see sqlite_schema.h.
  // `wal_pages`: Database::Options.
  static absl::StatusOr<std::unique_ptr<RecordDb>> Open(const std::string& path,
                                                        int64_t wal_pages = 0);
  // For reading.
  static absl::StatusOr<std::unique_ptr<RecordDb>> Wrap(std::unique_ptr<Database> db);
  // See sqlite_schema.h.
  static absl::Status CheckNotLater(const std::string& path);

  // The hours, ascending, with blocks of the kind and node ("": all) that overlap the time.
  absl::StatusOr<std::vector<int64_t>> Hours(std::string_view kind, std::string_view node,
                                             int64_t start_ms, int64_t end_ms);
  // The blocks of an hour, of one node or all. What a block says must agree with its row.
  using VisitBlock =
      absl::FunctionRef<void(const RecordBlockRow& row, absl::StatusOr<RecordBlock> block)>;
  absl::Status ReadHour(std::string_view kind, std::string_view node, int64_t hour,
                        VisitBlock visit);

  // In a transaction.
  absl::Status Put(const RecordBlock& block);
  absl::Status Remove(int64_t id);

  absl::StatusOr<std::vector<RecordKindTotals>> Totals();
  // The oldest blocks of the kind that together have at least `bytes`.
  absl::StatusOr<std::vector<RecordBlockRow>> Oldest(std::string_view kind, int64_t bytes);
  absl::Status RemoveKind(std::string_view kind);

  Database* db() { return db_.get(); }

 private:
  explicit RecordDb(std::unique_ptr<Database> db) : db_(std::move(db)) {}

  std::unique_ptr<Database> db_;
};

// The block in `data`, if it is what `row` says. kDataLoss: damaged, or another's.
absl::StatusOr<RecordBlock> CheckRecordBlock(const RecordBlockRow& row, std::string_view data);

}  // namespace ronda::store
