#include "collector/store/repair_records.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "collector/store/sqlite_record_db.h"
#include "collector/store/sqlite_salvage.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr std::string_view kColumns = "id, node, kind, hour, t_min, t_max, records, data";

absl::StatusOr<RecordBlock> BlockOf(const Statement& row) {
  return CheckRecordBlock({row.Int(0), std::string(row.Bytes(1)), std::string(row.Bytes(2)),
                           row.Int(3), row.Int(4), row.Int(5), row.Int(6)},
                          row.Bytes(7));
}

}  // namespace

bool IsSoundRecords(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<RecordDb>> db = RecordDb::Open(path);
  if (!db.ok()) {
    return false;
  }
  absl::StatusOr<Statement> check = (*db)->db()->Prepare("PRAGMA quick_check(1)");
  if (!check.ok() || !check->Step().value_or(false) || check->Bytes(0) != "ok") {
    return false;
  }
  absl::StatusOr<Statement> rows =
      (*db)->db()->Prepare(fmt::format("SELECT {} FROM blocks", kColumns));
  if (!rows.ok()) {
    return false;
  }
  for (;;) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok() || !*row) {
      return row.ok();
    }
    if (!BlockOf(*rows).ok()) {
      return false;
    }
  }
}

absl::StatusOr<std::string> RebuildRecords(const std::string& path, const std::string& work) {
  const std::string fresh = work + "/records.db";
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<RecordDb> to, RecordDb::Open(fresh));
  // The first page is in the file itself, not only in the WAL, once that has been moved.
  RONDA_RETURN_IF_ERROR(to->db()->Checkpoint(true));
  const absl::StatusOr<std::unique_ptr<Database>> from =
      OpenForSalvage(path, work + "/damaged-records.db", fresh);
  if (absl::IsDataLoss(from.status())) {
    return fmt::format("{}: nothing in it can be read; begun anew\n", path);
  }
  RONDA_RETURN_IF_ERROR(from.status());
  int64_t saved = 0;
  int64_t lost = 0;
  absl::Status status;
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(to->db()));
  const bool complete =
      SalvageRows(from->get(), "blocks", std::string(kColumns), [&](const Statement& row) {
        const absl::StatusOr<RecordBlock> block = BlockOf(row);
        if (!block.ok()) {
          ++lost;
          return;
        }
        ++saved;
        status.Update(to->Put(*block));
      });
  RONDA_RETURN_IF_ERROR(status);
  RONDA_RETURN_IF_ERROR(transaction.Commit());
  return fmt::format("{}: saved {} blocks of records; lost {} that were damaged{}\n", path, saved,
                     lost, complete ? "" : ", and those on pages that are unreadable");
}

}  // namespace ronda::store
