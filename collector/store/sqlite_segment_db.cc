#include "collector/store/sqlite_segment_db.h"

#include <algorithm>
#include <utility>

#include "collector/store/segment_span.h"
#include "collector/store/sqlite_schema.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr int64_t kApplicationId = 0x526f5331;  // "RoS1"
// Read at once with the prefix: most headers fit.
constexpr size_t kFirstRead = 2048;

absl::Status CreateTables(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE sources(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE schemas(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE rows(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, schema INTEGER NOT NULL,
                      window INTEGER NOT NULL, first_series INTEGER NOT NULL,
                      series INTEGER NOT NULL, t_min INTEGER NOT NULL, t_max INTEGER NOT NULL,
                      ticks INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE UNIQUE INDEX rows_by_pair ON rows(source, schema, window, first_series);
  )sql");
}

constexpr Migration kMigrations[] = {CreateTables, AddColumnEncodings};

}  // namespace

absl::Status SegmentDb::CheckHead(const std::string& path) {
  return CheckFileHead(path, kApplicationId);
}

absl::Status SegmentDb::CheckNotLater(const std::string& path) {
  return store::CheckNotLater(path, kApplicationId, kMigrations);
}

absl::StatusOr<std::unique_ptr<SegmentDb>> SegmentDb::Open(const std::string& path,
                                                           int64_t wal_pages) {
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                         OpenHistoryFile(path, wal_pages, kApplicationId, kMigrations));
  return std::unique_ptr<SegmentDb>(new SegmentDb(std::move(db)));
}

absl::StatusOr<std::unique_ptr<SegmentDb>> SegmentDb::Wrap(std::unique_ptr<Database> db,
                                                           bool check) {
  if (check) {
    RONDA_RETURN_IF_ERROR(CheckVersion(db.get(), kApplicationId, kMigrations, kAnyVersion));
  }
  return std::unique_ptr<SegmentDb>(new SegmentDb(std::move(db)));
}

absl::Status SegmentDb::ReplaceRows(int64_t source, int64_t schema, int64_t window,
                                    std::span<const int64_t> t_ms,
                                    std::span<const PackedRow> rows) {
  RONDA_ASSIGN_OR_RETURN(Statement remove,
                         db_->Prepare("DELETE FROM rows WHERE source=? AND schema=? AND window=?"));
  RONDA_RETURN_IF_ERROR(remove.Bind(1, source).Bind(2, schema).Bind(3, window).Run());
  return AddRows(source, schema, window, t_ms, rows);
}

absl::Status SegmentDb::AddRows(int64_t source, int64_t schema, int64_t window,
                                std::span<const int64_t> t_ms, std::span<const PackedRow> rows) {
  RONDA_ASSIGN_OR_RETURN(
      Statement put,
      db_->Prepare("INSERT INTO rows(source, schema, window, first_series, series, t_min, t_max, "
                   "ticks, data) VALUES(?,?,?,?,?,?,?,?,?)"));
  for (const PackedRow& row : rows) {
    const auto series = static_cast<uint32_t>(row.sizes.size());
    const std::string bytes =
        EncodeSegmentRow({source, schema, window, row.first_series, series}, t_ms, row);
    put.Bind(1, source).Bind(2, schema).Bind(3, window).Bind(4, row.first_series).Bind(5, series);
    put.Bind(6, t_ms.front()).Bind(7, t_ms.back()).Bind(8, static_cast<int64_t>(t_ms.size()));
    RONDA_RETURN_IF_ERROR(put.BindBlob(9, bytes).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::pair<int64_t, int64_t>>> SegmentDb::Windows() {
  using Result = std::optional<std::pair<int64_t, int64_t>>;
  RONDA_ASSIGN_OR_RETURN(Statement find, db_->Prepare("SELECT min(window), max(window) FROM rows"));
  RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
  return row && !find.IsNull(0) ? Result({find.Int(0), find.Int(1)}) : Result();
}

absl::StatusOr<std::vector<SegmentDb::RemovedRow>> SegmentDb::RemoveWindow(int64_t window) {
  RONDA_ASSIGN_OR_RETURN(
      Statement find,
      db_->Prepare("SELECT source, t_min, t_max, series*ticks FROM rows WHERE window=?"));
  find.Bind(1, window);
  std::vector<RemovedRow> removed;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
    if (!row) {
      break;
    }
    removed.push_back({find.Int(0), find.Int(1), find.Int(2), find.Int(3)});
  }
  RONDA_ASSIGN_OR_RETURN(Statement remove, db_->Prepare("DELETE FROM rows WHERE window=?"));
  RONDA_RETURN_IF_ERROR(remove.Bind(1, window).Run());
  return removed;
}

absl::StatusOr<std::vector<SegmentDb::Pair>> SegmentDb::Pairs() {
  RONDA_ASSIGN_OR_RETURN(Statement find,
                         db_->Prepare("SELECT source, schema, min(t_min), max(t_max) FROM rows "
                                      "GROUP BY source, schema"));
  std::vector<Pair> pairs;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
    if (!row) {
      return pairs;
    }
    pairs.push_back({find.Int(0), find.Int(1), find.Int(2), find.Int(3)});
  }
}

absl::StatusOr<std::vector<int64_t>> SegmentDb::SchemasIn(int64_t source, int64_t window) {
  RONDA_ASSIGN_OR_RETURN(
      Statement find,
      db_->Prepare("SELECT DISTINCT schema FROM rows WHERE source=? AND window=? ORDER BY schema"));
  find.Bind(1, source).Bind(2, window);
  std::vector<int64_t> schemas;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find.Step());
    if (!row) {
      return schemas;
    }
    schemas.push_back(find.Int(0));
  }
}

absl::StatusOr<std::vector<SegmentRowInfo>> SegmentDb::FindRows(int64_t source, int64_t schema,
                                                                int64_t start_ms, int64_t end_ms) {
  if (find_ == nullptr) {
    RONDA_ASSIGN_OR_RETURN(
        Statement find,
        db_->Prepare("SELECT id, window, first_series, series, t_min, t_max FROM rows WHERE "
                     "source=? AND schema=? AND window>=? AND window<=? AND t_max>=? AND t_min<=? "
                     "ORDER BY window, first_series"));
    find_ = std::make_unique<Statement>(std::move(find));
  }
  find_->Reset();
  find_->Bind(1, source).Bind(2, schema).Bind(3, WindowOf(start_ms)).Bind(4, WindowOf(end_ms));
  find_->Bind(5, start_ms).Bind(6, end_ms);
  std::vector<SegmentRowInfo> rows;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find_->Step());
    if (!row) {
      return rows;
    }
    rows.push_back({find_->Int(0),
                    {source, schema, find_->Int(1), static_cast<uint32_t>(find_->Int(2)),
                     static_cast<uint32_t>(find_->Int(3))},
                    find_->Int(4),
                    find_->Int(5)});
  }
}

absl::Status SegmentDb::ReadChunks(const SegmentRowInfo& row, std::span<const uint32_t> wanted,
                                   BlobCursor* blobs,
                                   absl::FunctionRef<void(const SegmentHeader&)> begin,
                                   VisitChunk visit) {
  RONDA_ASSIGN_OR_RETURN(const Blob* const blob, blobs->At(row.id));
  std::string bytes;
  RONDA_RETURN_IF_ERROR(blob->Read(0, std::min(blob->size(), kFirstRead), &bytes));
  RONDA_ASSIGN_OR_RETURN(const size_t header_bytes, SegmentHeaderBytes(bytes));
  if (header_bytes > bytes.size()) {
    RONDA_RETURN_IF_ERROR(blob->Read(0, header_bytes, &bytes));
  }
  RONDA_ASSIGN_OR_RETURN(const SegmentHeader header, DecodeSegmentHeader(bytes));
  if (header.key != row.key) {
    return Fail(absl::StatusCode::kDataLoss, "{}: row {} is not the one that it says", db_->path(),
                row.id);
  }
  begin(header);
  const auto first = std::lower_bound(wanted.begin(), wanted.end(), row.key.first_series);
  for (auto it = first; it != wanted.end() && *it - row.key.first_series < row.key.series; ++it) {
    const size_t i = *it - row.key.first_series;
    const size_t offset = header.chunk_offsets[i];
    absl::Status read = blob->Read(offset, header.chunk_offsets[i + 1] - offset, &bytes);
    visit(static_cast<size_t>(it - wanted.begin()),
          read.ok() ? absl::StatusOr<std::string_view>(bytes) : std::move(read));
  }
  return absl::OkStatus();
}

absl::Status SegmentDb::ReadRow(const SegmentRowInfo& row, int64_t start_ms, int64_t end_ms,
                                std::span<const uint32_t> wanted, BlobCursor* blobs,
                                VisitColumn visit) {
  size_t ticks = 0;
  size_t first = 0;
  std::shared_ptr<const std::vector<int64_t>> t_ms;
  return ReadChunks(
      row, wanted, blobs,
      [&](const SegmentHeader& header) {
        const auto begin = std::lower_bound(header.t_ms.begin(), header.t_ms.end(), start_ms);
        const auto end = std::upper_bound(begin, header.t_ms.end(), end_ms);
        ticks = header.t_ms.size();
        first = static_cast<size_t>(begin - header.t_ms.begin());
        t_ms = std::make_shared<const std::vector<int64_t>>(begin, end);
      },
      [&](size_t index, const absl::StatusOr<std::string_view>& chunk) {
        visit(t_ms, index,
              chunk.ok() ? DecodeSegmentChunk(*chunk, ticks, first, t_ms->size())
                         : absl::StatusOr<SegmentColumn>(chunk.status()));
      });
}

absl::Status SegmentDb::ReadRollups(const SegmentRowInfo& row, std::span<const uint32_t> wanted,
                                    BlobCursor* blobs, VisitBuckets visit) {
  std::vector<int64_t> ends;
  const auto decode = [&](std::string_view chunk) -> absl::StatusOr<std::vector<Bucket>> {
    if (chunk.empty()) {
      return std::vector<Bucket>();
    }
    RONDA_ASSIGN_OR_RETURN(const std::string_view body, RollupBody(chunk));
    return DecodeRollup(body, ends);
  };
  return ReadChunks(
      row, wanted, blobs, [&](const SegmentHeader& header) { ends = header.t_ms; },
      [&](size_t index, const absl::StatusOr<std::string_view>& chunk) {
        visit(index,
              chunk.ok() ? decode(*chunk) : absl::StatusOr<std::vector<Bucket>>(chunk.status()));
      });
}

}  // namespace ronda::store
