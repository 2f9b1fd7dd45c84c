#include "collector/store/sqlite_recent_db.h"

#include <algorithm>

#include "collector/store/block_chunk.h"
#include "collector/store/sqlite_schema.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr int64_t kApplicationId = 0x526f4831;  // "RoH1"

absl::Status CreateTables(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE nodes(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE sources(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE schemas(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE blocks(id INTEGER PRIMARY KEY, node INTEGER NOT NULL, epoch INTEGER NOT NULL,
                        first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
                        source INTEGER NOT NULL, schema INTEGER NOT NULL,
                        t_min INTEGER NOT NULL, t_max INTEGER NOT NULL, ticks INTEGER NOT NULL,
                        last_order INTEGER NOT NULL, frames BLOB, data BLOB NOT NULL);
    CREATE UNIQUE INDEX blocks_by_run ON blocks(node, epoch, first_seq);
    CREATE INDEX blocks_by_time ON blocks(source, schema, t_max, t_min);
    CREATE TABLE record_blocks(id INTEGER PRIMARY KEY, node INTEGER NOT NULL,
                        epoch INTEGER NOT NULL, first_seq INTEGER NOT NULL,
                        last_seq INTEGER NOT NULL, kind TEXT NOT NULL,
                        t_min INTEGER NOT NULL, t_max INTEGER NOT NULL,
                        last_order INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE UNIQUE INDEX record_blocks_by_run ON record_blocks(node, epoch, first_seq);
    CREATE INDEX record_blocks_by_time ON record_blocks(kind, t_max, t_min);
  )sql");
}

constexpr Migration kMigrations[] = {CreateTables};

int64_t Signed(uint64_t v) { return static_cast<int64_t>(v); }

}  // namespace

absl::StatusOr<std::unique_ptr<RecentDb>> RecentDb::Open(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                         Database::Open(path, {.cache_kib = 4096, .mmap_bytes = 0}));
  RONDA_RETURN_IF_ERROR(Migrate(db.get(), kApplicationId, kMigrations));
  return std::unique_ptr<RecentDb>(new RecentDb(std::move(db)));
}

absl::StatusOr<std::unique_ptr<RecentDb>> RecentDb::Wrap(std::unique_ptr<Database> db) {
  RONDA_RETURN_IF_ERROR(CheckVersion(db.get(), kApplicationId, kMigrations));
  return std::unique_ptr<RecentDb>(new RecentDb(std::move(db)));
}

absl::StatusOr<Statement*> RecentDb::Cached(std::string_view sql) {
  std::unique_ptr<Statement>& statement = statements_[sql];
  if (statement == nullptr) {
    RONDA_ASSIGN_OR_RETURN(Statement prepared, db_->Prepare(sql));
    statement = std::make_unique<Statement>(std::move(prepared));
  }
  statement->Reset();
  return statement.get();
}

absl::Status RecentDb::ForEach(std::string_view sql, VisitRow visit) {
  RONDA_ASSIGN_OR_RETURN(Statement rows, db_->Prepare(sql));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    RONDA_RETURN_IF_ERROR(visit(rows.Int(0), rows.Bytes(1)));
  }
}

absl::Status RecentDb::ForEachNode(VisitRow visit) {
  return ForEach("SELECT id, data FROM nodes ORDER BY id", visit);
}
absl::Status RecentDb::ForEachSource(VisitRow visit) {
  return ForEach("SELECT id, data FROM sources ORDER BY id", visit);
}
absl::Status RecentDb::ForEachSchema(VisitRow visit) {
  return ForEach("SELECT id, data FROM schemas ORDER BY id", visit);
}

absl::Status RecentDb::ForEachPair(
    absl::FunctionRef<void(int64_t source, int64_t schema, int64_t t_max_ms)> visit) {
  RONDA_ASSIGN_OR_RETURN(
      Statement rows,
      db_->Prepare("SELECT source, schema, max(t_max) FROM blocks GROUP BY source, schema"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    visit(rows.Int(0), rows.Int(1), rows.Int(2));
  }
}

absl::Status RecentDb::Put(std::string_view sql, int64_t id, std::string_view data) {
  RONDA_ASSIGN_OR_RETURN(Statement * put, Cached(sql));
  return put->Bind(1, id).BindBlob(2, data).Run();
}

absl::Status RecentDb::PutNode(int64_t id, std::string_view data) {
  return Put("INSERT OR REPLACE INTO nodes VALUES(?,?)", id, data);
}
absl::Status RecentDb::PutSource(int64_t id, std::string_view data) {
  return Put("INSERT OR REPLACE INTO sources VALUES(?,?)", id, data);
}
absl::Status RecentDb::PutSchema(int64_t id, std::string_view data) {
  return Put("INSERT OR REPLACE INTO schemas VALUES(?,?)", id, data);
}

absl::Status RecentDb::PutBlock(const SealedRun& sealed, int64_t node, int64_t source,
                                int64_t schema) {
  const RunKey& key = sealed.run.key;
  const std::string data =
      EncodeBlock({source, schema, key.epoch.id, key.first_seq, sealed.last_seq}, sealed.t_ms,
                  sealed.order, sealed.columns);
  std::string frames;
  RONDA_ASSIGN_OR_RETURN(
      Statement * put,
      Cached("INSERT OR REPLACE INTO blocks(node, epoch, first_seq, last_seq, source, schema, "
             "t_min, t_max, ticks, last_order, frames, data) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"));
  put->Bind(1, node)
      .Bind(2, Signed(key.epoch.id))
      .Bind(3, Signed(key.first_seq))
      .Bind(4, Signed(sealed.last_seq))
      .Bind(5, source)
      .Bind(6, schema)
      .Bind(7, sealed.t_min_ms)
      .Bind(8, sealed.t_max_ms)
      .Bind(9, static_cast<int64_t>(sealed.t_ms.size()))
      .Bind(10, Signed(sealed.last_order));
  if (sealed.may_grow) {
    frames = EncodeFrames(sealed.run.source->row.node_name, key, sealed.run.frames);
    put->BindBlob(11, frames);
  }
  return put->BindBlob(12, data).Run();
}

absl::Status RecentDb::PutRecords(const SealedRun& sealed, int64_t node) {
  const RunKey& key = sealed.run.key;
  const std::string frames = EncodeFrames(sealed.run.source->row.node_name, key, sealed.run.frames);
  RONDA_ASSIGN_OR_RETURN(
      Statement * put,
      Cached("INSERT OR REPLACE INTO record_blocks(node, epoch, first_seq, last_seq, kind, t_min, "
             "t_max, last_order, data) VALUES(?,?,?,?,?,?,?,?,?)"));
  return put->Bind(1, node)
      .Bind(2, Signed(key.epoch.id))
      .Bind(3, Signed(key.first_seq))
      .Bind(4, Signed(sealed.last_seq))
      .BindText(5, sealed.kind)
      .Bind(6, sealed.t_min_ms)
      .Bind(7, sealed.t_max_ms)
      .Bind(8, Signed(sealed.last_order))
      .BindBlob(9, frames)
      .Run();
}

absl::StatusOr<std::optional<CoveredRun>> RecentDb::FindRun(int64_t node, uint64_t epoch,
                                                            uint64_t first_seq) {
  for (const std::string_view sql : {"SELECT last_seq, frames, source, schema FROM blocks WHERE "
                                     "node=? AND epoch=? AND first_seq=?",
                                     "SELECT last_seq, data, 0, 0 FROM record_blocks WHERE node=? "
                                     "AND epoch=? AND first_seq=?"}) {
    RONDA_ASSIGN_OR_RETURN(Statement * find, Cached(sql));
    find->Bind(1, node).Bind(2, Signed(epoch)).Bind(3, Signed(first_seq));
    RONDA_ASSIGN_OR_RETURN(const bool found, find->Step());
    if (found) {
      CoveredRun run{static_cast<uint64_t>(find->Int(0)), find->Int(2), find->Int(3),
                     std::string(find->Bytes(1))};
      find->Reset();
      return std::optional<CoveredRun>(std::move(run));
    }
  }
  return std::optional<CoveredRun>();
}

absl::StatusOr<std::vector<BlockRow>> RecentDb::FindBlocks(int64_t source, int64_t schema,
                                                           int64_t start_ms, int64_t end_ms) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * find,
      Cached("SELECT id, epoch, first_seq, last_seq, t_min, t_max FROM blocks "
             "WHERE source=? AND schema=? AND t_max>=? AND t_min<=? ORDER BY t_max"));
  find->Bind(1, source).Bind(2, schema).Bind(3, start_ms).Bind(4, end_ms);
  std::vector<BlockRow> rows;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
    if (!row) {
      return rows;
    }
    rows.push_back({find->Int(0),
                    {source, schema, static_cast<uint64_t>(find->Int(1)),
                     static_cast<uint64_t>(find->Int(2)), static_cast<uint64_t>(find->Int(3))},
                    find->Int(4),
                    find->Int(5)});
  }
}

absl::StatusOr<bool> RecentDb::HasBlocks(int64_t source, int64_t schema, int64_t start_ms,
                                         int64_t end_ms) {
  RONDA_ASSIGN_OR_RETURN(Statement * find,
                         Cached("SELECT 1 FROM blocks WHERE source=? AND schema=? AND t_max>=? "
                                "AND t_min<=? LIMIT 1"));
  find->Bind(1, source).Bind(2, schema).Bind(3, start_ms).Bind(4, end_ms);
  RONDA_ASSIGN_OR_RETURN(const bool found, find->Step());
  find->Reset();
  return found;
}

absl::StatusOr<BlockHeader> RecentDb::ReadBlock(const BlockRow& row,
                                                std::span<const uint32_t> wanted,
                                                std::vector<std::vector<double>>* columns) {
  RONDA_ASSIGN_OR_RETURN(const Blob blob, Blob::Open(*db_, "blocks", "data", row.id));
  std::string bytes;
  RONDA_RETURN_IF_ERROR(blob.Read(0, kBlockPrefixBytes, &bytes));
  RONDA_ASSIGN_OR_RETURN(const size_t header_bytes, BlockHeaderBytes(bytes));
  RONDA_RETURN_IF_ERROR(blob.Read(0, header_bytes, &bytes));
  RONDA_ASSIGN_OR_RETURN(BlockHeader header, DecodeBlockHeader(bytes));
  if (header.key != row.key) {
    return Fail(absl::StatusCode::kDataLoss, "{}: block {} is not the one its row says",
                db_->path(), row.id);
  }
  columns->clear();
  for (const uint32_t i : wanted) {
    if (i >= header.columns()) {
      return Fail(absl::StatusCode::kDataLoss, "{}: block {} has {} columns, not {}", db_->path(),
                  row.id, header.columns(), i + 1);
    }
    const size_t offset = header.chunk_offsets[i];
    RONDA_RETURN_IF_ERROR(blob.Read(offset, header.chunk_offsets[i + 1] - offset, &bytes));
    RONDA_ASSIGN_OR_RETURN(std::vector<double> values, DecodeChunk(bytes, header.t_ms.size()));
    columns->push_back(std::move(values));
  }
  return header;
}

absl::Status RecentDb::ForEachRecords(std::string_view kind, int64_t node, int64_t start_ms,
                                      int64_t end_ms, VisitRecords visit) {
  RONDA_ASSIGN_OR_RETURN(Statement * find,
                         Cached("SELECT node, epoch, first_seq, data FROM record_blocks "
                                "WHERE kind=?1 AND t_max>=?2 AND t_min<=?3 AND (?4=0 OR node=?4)"));
  find->BindText(1, kind).Bind(2, start_ms).Bind(3, end_ms).Bind(4, node);
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
    if (!row) {
      return absl::OkStatus();
    }
    RunKey key;
    key.epoch.id = static_cast<uint64_t>(find->Int(1));
    key.first_seq = static_cast<uint64_t>(find->Int(2));
    visit(find->Int(0), key, find->Bytes(3));
  }
}

absl::StatusOr<int64_t> RecentDb::RemoveBlocks(int64_t source, int64_t schema, int64_t before_ms,
                                               int64_t limit) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * remove,
      Cached("DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE source=? AND schema=? "
             "AND t_max<? ORDER BY t_max LIMIT ?)"));
  RONDA_RETURN_IF_ERROR(
      remove->Bind(1, source).Bind(2, schema).Bind(3, before_ms).Bind(4, limit).Run());
  return db_->QueryInt("SELECT changes()");
}

absl::StatusOr<RecentDb::Totals> RecentDb::CountBlocks() {
  Totals totals;
  RONDA_ASSIGN_OR_RETURN(totals.blocks, db_->QueryInt("SELECT count(*) FROM blocks"));
  RONDA_ASSIGN_OR_RETURN(const int64_t pages, db_->QueryInt("PRAGMA page_count"));
  RONDA_ASSIGN_OR_RETURN(const int64_t unused, db_->QueryInt("PRAGMA freelist_count"));
  RONDA_ASSIGN_OR_RETURN(const int64_t page_bytes, db_->QueryInt("PRAGMA page_size"));
  totals.bytes = (pages - unused) * page_bytes;
  return totals;
}

absl::StatusOr<uint64_t> RecentDb::LastOrder() {
  RONDA_ASSIGN_OR_RETURN(const int64_t blocks, db_->QueryInt("SELECT max(last_order) FROM blocks"));
  RONDA_ASSIGN_OR_RETURN(const int64_t records,
                         db_->QueryInt("SELECT max(last_order) FROM record_blocks"));
  return static_cast<uint64_t>(std::max(blocks, records));
}

absl::Status RecentDb::Check() {
  RONDA_ASSIGN_OR_RETURN(Statement check, db_->Prepare("PRAGMA quick_check(1)"));
  RONDA_ASSIGN_OR_RETURN(const bool row, check.Step());
  if (!row || check.Bytes(0) != "ok") {
    return Fail(absl::StatusCode::kDataLoss, "{}: damaged: {}", db_->path(),
                row ? check.Bytes(0) : "no answer");
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
