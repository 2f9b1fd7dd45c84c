// history/records/: blocks of packed records.

#include <fmt/format.h>

#include <string>
#include <utility>

#include "collector/store/sqlite_record_db.h"
#include "collector/survey/file_kinds.h"
#include "common/base/status.h"

namespace ronda::survey {

using store::Statement;

absl::Status VisitRecords(std::unique_ptr<store::Database> db, Depth depth, FileReport* report) {
  RONDA_ASSIGN_OR_RETURN(const auto file, store::RecordDb::Wrap(std::move(db)));
  RONDA_RETURN_IF_ERROR(
      ForEachRow(file->db(), "SELECT kind, t_min, t_max, records, length(data) FROM blocks", report,
                 [&](const Statement& row) {
                   Part& part = report->parts[std::string(row.Bytes(0)) + " records"];
                   part.rows += row.Int(3);
                   part.bytes += row.Int(4);
                   report->AddTime(row.Int(1));
                   report->AddTime(row.Int(2));
                 }));
  if (depth != Depth::kCheck) {
    return absl::OkStatus();
  }
  return ForEachRow(
      file->db(), "SELECT id, node, kind, hour, t_min, t_max, records, data FROM blocks", report,
      [&](const Statement& row) {
        const store::RecordBlockRow key{row.Int(0),
                                        std::string(row.Bytes(1)),
                                        std::string(row.Bytes(2)),
                                        row.Int(3),
                                        row.Int(4),
                                        row.Int(5),
                                        row.Int(6)};
        const absl::Status block = store::CheckRecordBlock(key, row.Bytes(7)).status();
        if (!block.ok()) {
          report->AddProblem(fmt::format(
              "block {} (node {}, kind {}, {} records, times {} to {}): {}", key.id, key.node,
              key.kind, key.records, key.t_min_ms, key.t_max_ms, Message(block)));
        }
      });
}

}  // namespace ronda::survey
