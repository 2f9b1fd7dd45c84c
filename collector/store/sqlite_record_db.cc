#include "collector/store/sqlite_record_db.h"

#include <utility>

#include "collector/store/sqlite_schema.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr int64_t kApplicationId = 0x526f5231;  // "RoR1"

absl::Status CreateTables(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE blocks(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, hour INTEGER NOT NULL,
                        node TEXT NOT NULL, t_min INTEGER NOT NULL, t_max INTEGER NOT NULL,
                        records INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE INDEX blocks_by_hour ON blocks(kind, hour, node);
  )sql");
}

constexpr Migration kMigrations[] = {CreateTables, AddColumnEncodings};

RecordBlockRow RowOf(const Statement& row) {
  return {row.Int(0),
          std::string(row.Bytes(1)),
          std::string(row.Bytes(2)),
          row.Int(3),
          row.Int(4),
          row.Int(5),
          row.Int(6),
          row.Int(7)};
}
constexpr std::string_view kRowColumns =
    "id, node, kind, hour, t_min, t_max, records, length(data)";

}  // namespace

absl::StatusOr<RecordBlock> CheckRecordBlock(const RecordBlockRow& row, std::string_view data) {
  RONDA_ASSIGN_OR_RETURN(RecordBlock block, DecodeRecordBlock(data));
  if (block.node != row.node || block.kind != row.kind || block.hour != row.hour ||
      static_cast<int64_t>(block.records.size()) != row.records || block.records.empty() ||
      block.records.front().record.t_ms != row.t_min_ms ||
      block.records.back().record.t_ms != row.t_max_ms) {
    return Fail(absl::StatusCode::kDataLoss, "a block of records that is not the one its row says");
  }
  return block;
}

absl::Status RecordDb::CheckNotLater(const std::string& path) {
  return store::CheckNotLater(path, kApplicationId, kMigrations);
}

absl::StatusOr<std::unique_ptr<RecordDb>> RecordDb::Open(const std::string& path,
                                                         int64_t wal_pages) {
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                         OpenHistoryFile(path, wal_pages, kApplicationId, kMigrations));
  return std::unique_ptr<RecordDb>(new RecordDb(std::move(db)));
}

absl::StatusOr<std::unique_ptr<RecordDb>> RecordDb::Wrap(std::unique_ptr<Database> db) {
  RONDA_RETURN_IF_ERROR(CheckVersion(db.get(), kApplicationId, kMigrations, kAnyVersion));
  return std::unique_ptr<RecordDb>(new RecordDb(std::move(db)));
}

absl::StatusOr<std::vector<int64_t>> RecordDb::Hours(std::string_view kind, std::string_view node,
                                                     int64_t start_ms, int64_t end_ms) {
  RONDA_ASSIGN_OR_RETURN(
      Statement find,
      db_->Prepare("SELECT DISTINCT hour FROM blocks WHERE kind=?1 AND hour>=?2 AND hour<=?3 AND "
                   "t_max>=?4 AND t_min<=?5 AND (?6='' OR node=?6) ORDER BY hour"));
  find.BindText(1, kind).Bind(2, RecordHourOf(start_ms)).Bind(3, RecordHourOf(end_ms));
  find.Bind(4, start_ms).Bind(5, end_ms).BindText(6, node);
  std::vector<int64_t> hours;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
    if (!row) {
      return hours;
    }
    hours.push_back(find.Int(0));
  }
}

absl::Status RecordDb::ReadHour(std::string_view kind, std::string_view node, int64_t hour,
                                VisitBlock visit) {
  RONDA_ASSIGN_OR_RETURN(Statement find,
                         db_->Prepare("SELECT " + std::string(kRowColumns) +
                                      ", data FROM blocks WHERE kind=?1 AND hour=?2 AND "
                                      "(?3='' OR node=?3)"));
  find.BindText(1, kind).Bind(2, hour).BindText(3, node);
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool found, find.Step());
    if (!found) {
      return absl::OkStatus();
    }
    const RecordBlockRow row = RowOf(find);
    visit(row, CheckRecordBlock(row, find.Bytes(8)));
  }
}

absl::Status RecordDb::Put(const RecordBlock& block) {
  const std::string data = EncodeRecordBlock(block);
  RONDA_ASSIGN_OR_RETURN(
      Statement put,
      db_->Prepare("INSERT INTO blocks(kind, hour, node, t_min, t_max, records, data) "
                   "VALUES(?,?,?,?,?,?,?)"));
  return put.BindText(1, block.kind)
      .Bind(2, block.hour)
      .BindText(3, block.node)
      .Bind(4, block.records.front().record.t_ms)
      .Bind(5, block.records.back().record.t_ms)
      .Bind(6, static_cast<int64_t>(block.records.size()))
      .BindBlob(7, data)
      .Run();
}

absl::Status RecordDb::Remove(int64_t id) {
  RONDA_ASSIGN_OR_RETURN(Statement remove, db_->Prepare("DELETE FROM blocks WHERE id=?"));
  return remove.Bind(1, id).Run();
}

absl::StatusOr<std::vector<RecordKindTotals>> RecordDb::Totals() {
  RONDA_ASSIGN_OR_RETURN(
      Statement find,
      db_->Prepare("SELECT kind, count(*), sum(records), sum(length(data)), min(hour), max(hour) "
                   "FROM blocks GROUP BY kind"));
  std::vector<RecordKindTotals> totals;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
    if (!row) {
      return totals;
    }
    totals.push_back({std::string(find.Bytes(0)), find.Int(1), find.Int(2), find.Int(3),
                      find.Int(4), find.Int(5)});
  }
}

absl::StatusOr<std::vector<RecordBlockRow>> RecordDb::Oldest(std::string_view kind, int64_t bytes) {
  RONDA_ASSIGN_OR_RETURN(Statement find,
                         db_->Prepare("SELECT " + std::string(kRowColumns) +
                                      " FROM blocks WHERE kind=? ORDER BY hour, t_max, id"));
  find.BindText(1, kind);
  std::vector<RecordBlockRow> rows;
  for (int64_t have = 0; have < bytes;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
    if (!row) {
      break;
    }
    rows.push_back(RowOf(find));
    have += rows.back().bytes;
  }
  return rows;
}

absl::Status RecordDb::RemoveKind(std::string_view kind) {
  RONDA_ASSIGN_OR_RETURN(Statement remove, db_->Prepare("DELETE FROM blocks WHERE kind=?"));
  return remove.BindText(1, kind).Run();
}

}  // namespace ronda::store
