// history/raw/, minute/ and hour/: sources, schemas and packed rows.

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "collector/store/catalogue_rows.h"
#include "collector/store/rollup.h"
#include "collector/store/segment_row.h"
#include "collector/store/sqlite_segment_db.h"
#include "collector/survey/file_kinds.h"
#include "common/base/status.h"

namespace ronda::survey {
namespace {

using store::Statement;

int64_t Size(std::string_view bytes) { return static_cast<int64_t>(bytes.size()); }

class SegmentVisit {
 public:
  SegmentVisit(store::SegmentDb* segment, bool rollups, FileReport* report)
      : segment_(*segment), rollups_(rollups), report_(*report) {}

  absl::Status Run(Depth depth) {
    RONDA_RETURN_IF_ERROR(Catalogue());
    RONDA_RETURN_IF_ERROR(Rows(
        "SELECT length(data), ticks, series, t_min, t_max FROM rows", [&](const Statement& row) {
          report_.AddPart(rollups_ ? "rows of roll-ups" : "packed rows", row.Int(0));
          report_.samples += rollups_ ? 0 : row.Int(1) * row.Int(2);
          report_.sample_bytes += rollups_ ? 0 : row.Int(0);
          report_.AddTime(row.Int(3));
          report_.AddTime(row.Int(4));
        }));
    if (depth != Depth::kCheck) {
      return absl::OkStatus();
    }
    return Rows(
        "SELECT id, source, schema, window, first_series, series, t_min, t_max, data FROM rows",
        [&](const Statement& row) {
          const std::string problem = RowProblem(row);
          if (!problem.empty()) {
            report_.AddProblem(fmt::format("row {} (node {}, series {} to {}, times {} to {}): {}",
                                           row.Int(0), sources_[row.Int(1)], row.Int(4),
                                           row.Int(4) + row.Int(5) - 1, row.Int(6), row.Int(7),
                                           problem));
          }
        });
  }

 private:
  absl::Status Rows(std::string_view sql, absl::FunctionRef<void(const Statement& row)> visit) {
    return ForEachRow(segment_.db(), sql, &report_, visit);
  }

  absl::Status Catalogue() {
    RONDA_RETURN_IF_ERROR(Rows("SELECT id, data FROM sources", [&](const Statement& row) {
      const auto source = store::DecodeSourceRow(row.Int(0), row.Bytes(1));
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      if (source.ok()) {
        sources_[row.Int(0)] = source->node_name;
      } else {
        report_.AddProblem(std::string(Message(source.status())));
      }
    }));
    return Rows("SELECT id, data FROM schemas", [&](const Statement& row) {
      const auto schema = store::DecodeSchemaRow(row.Int(0), row.Bytes(1));
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      if (schema.ok()) {
        series_[row.Int(0)] = static_cast<int64_t>(schema->series.size());
      } else {
        report_.AddProblem(std::string(Message(schema.status())));
      }
    });
  }

  std::string RowProblem(const Statement& row) {
    const store::SegmentRowKey key{row.Int(1), row.Int(2), row.Int(3),
                                   static_cast<uint32_t>(row.Int(4)),
                                   static_cast<uint32_t>(row.Int(5))};
    const auto series = series_.find(key.schema);
    if (!sources_.contains(key.source) || series == series_.end() ||
        row.Int(4) + row.Int(5) > series->second) {
      return "its source or schema is not there";
    }
    const std::string_view data = row.Bytes(8);
    const absl::StatusOr<store::SegmentHeader> header = store::DecodeSegmentHeader(data);
    if (!header.ok()) {
      return std::string(Message(header.status()));
    }
    if (header->key != key || header->chunk_offsets.back() != data.size() || header->t_ms.empty() ||
        header->t_ms.front() != row.Int(6) || header->t_ms.back() != row.Int(7)) {
      return "it is not the one that it says";
    }
    for (size_t i = 0; i + 1 < header->chunk_offsets.size(); ++i) {
      const size_t offset = header->chunk_offsets[i];
      const absl::Status chunk =
          CheckChunk(data.substr(offset, header->chunk_offsets[i + 1] - offset), *header);
      if (!chunk.ok()) {
        return fmt::format("series {}: {}", key.first_series + i, Message(chunk));
      }
    }
    return "";
  }

  absl::Status CheckChunk(std::string_view chunk, const store::SegmentHeader& header) const {
    if (!rollups_) {
      return store::DecodeSegmentChunk(chunk, header.t_ms.size(), 0, header.t_ms.size()).status();
    }
    if (chunk.empty()) {
      return absl::OkStatus();
    }
    RONDA_ASSIGN_OR_RETURN(const std::string_view body, store::RollupBody(chunk));
    return store::DecodeRollup(body, header.t_ms).status();
  }

  store::SegmentDb& segment_;
  const bool rollups_;
  FileReport& report_;
  std::map<int64_t, std::string> sources_;  // the node of each
  std::map<int64_t, int64_t> series_;       // of each schema
};

absl::Status Visit(std::unique_ptr<store::Database> db, bool rollups, Depth depth,
                   FileReport* report) {
  RONDA_ASSIGN_OR_RETURN(const auto segment, store::SegmentDb::Wrap(std::move(db), true));
  return SegmentVisit(segment.get(), rollups, report).Run(depth);
}

}  // namespace

absl::Status VisitSamples(std::unique_ptr<store::Database> db, Depth depth, FileReport* report) {
  return Visit(std::move(db), false, depth, report);
}

absl::Status VisitRollups(std::unique_ptr<store::Database> db, Depth depth, FileReport* report) {
  return Visit(std::move(db), true, depth, report);
}

}  // namespace ronda::survey
