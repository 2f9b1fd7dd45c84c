#include "collector/store/sqlite_recent_db.h"

#include <algorithm>

#include "collector/store/block_chunk.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "collector/store/sqlite_schema.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr int64_t kApplicationId = 0x526f4831;  // "RoH1"

absl::Status CreateTables(Database* db) {
  RONDA_RETURN_IF_ERROR(CreateCatalogueTables(db));
  return db->Execute(R"sql(
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

// What level 1 holds of blocks that are still here, and which pairs had blocks.
absl::Status AddCompaction(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE compacted(block INTEGER PRIMARY KEY, through INTEGER NOT NULL);
    CREATE TRIGGER block_gone AFTER DELETE ON blocks BEGIN
      DELETE FROM compacted WHERE block = old.id;
    END;
    CREATE TABLE pairs(source INTEGER NOT NULL, schema INTEGER NOT NULL, t_max INTEGER NOT NULL,
                       PRIMARY KEY(source, schema)) WITHOUT ROWID;
  )sql");
}

// Which runs of records are complete, or in level 1; and what went because it was too much.
absl::Status AddRecordPacking(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE record_marks(block INTEGER PRIMARY KEY, may_grow INTEGER NOT NULL,
                              packed INTEGER NOT NULL);
    CREATE TRIGGER record_block_gone AFTER DELETE ON record_blocks BEGIN
      DELETE FROM record_marks WHERE block = old.id;
    END;
    CREATE TABLE removed_records(kind TEXT PRIMARY KEY, records INTEGER NOT NULL,
                                 bytes INTEGER NOT NULL, through INTEGER NOT NULL) WITHOUT ROWID;
  )sql");
}

constexpr Migration kMigrations[] = {CreateTables, AddCompaction, AddRecordPacking};

int64_t Signed(uint64_t v) { return static_cast<int64_t>(v); }

}  // namespace

absl::StatusOr<std::unique_ptr<RecentDb>> RecentDb::Open(const std::string& path,
                                                         int64_t wal_pages) {
  const absl::Status head = CheckFileHead(path, kApplicationId);
  if (!head.ok() && !absl::IsNotFound(head)) {
    return head;
  }
  RONDA_RETURN_IF_ERROR(Database::RenewWal(path));
  RONDA_ASSIGN_OR_RETURN(
      std::unique_ptr<Database> db,
      Database::Open(
          path,
          {.cache_kib = 4096, .mmap_bytes = 0, .return_pages = true, .wal_pages = wal_pages}));
  RONDA_RETURN_IF_ERROR(Migrate(db.get(), kApplicationId, kMigrations));
  return std::unique_ptr<RecentDb>(new RecentDb(std::move(db)));
}

absl::Status RecentDb::CheckNotLater(const std::string& path) {
  return store::CheckNotLater(path, kApplicationId, kMigrations);
}

absl::StatusOr<std::unique_ptr<RecentDb>> RecentDb::Wrap(std::unique_ptr<Database> db) {
  RONDA_RETURN_IF_ERROR(
      CheckVersion(db.get(), kApplicationId, kMigrations, std::ssize(kMigrations)));
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

absl::Status RecentDb::ForEachPair(
    absl::FunctionRef<void(int64_t source, int64_t schema, int64_t t_max_ms)> visit) {
  RONDA_ASSIGN_OR_RETURN(
      Statement rows,
      db_->Prepare("SELECT source, schema, max(t_max) FROM (SELECT source, schema, t_max FROM "
                   "blocks UNION ALL SELECT source, schema, t_max FROM pairs) "
                   "GROUP BY source, schema"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    visit(rows.Int(0), rows.Int(1), rows.Int(2));
  }
}

absl::Status RecentDb::PutBlock(const SealedRun& sealed, int64_t node, int64_t source,
                                int64_t schema) {
  const RunKey& key = sealed.run.key;
  const std::string data =
      EncodeBlock({source, schema, key.epoch.id, key.first_seq, sealed.last_seq}, sealed.t_ms,
                  sealed.order, sealed.columns);
  // Not REPLACE: that would not tell the trigger.
  RONDA_ASSIGN_OR_RETURN(Statement * remove,
                         Cached("DELETE FROM blocks WHERE node=? AND epoch=? AND first_seq=?"));
  RONDA_RETURN_IF_ERROR(
      remove->Bind(1, node).Bind(2, Signed(key.epoch.id)).Bind(3, Signed(key.first_seq)).Run());
  std::string frames;
  RONDA_ASSIGN_OR_RETURN(
      Statement * put,
      Cached("INSERT INTO blocks(node, epoch, first_seq, last_seq, source, schema, "
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
  // Not REPLACE: that would not tell the trigger.
  RONDA_ASSIGN_OR_RETURN(
      Statement * remove,
      Cached("DELETE FROM record_blocks WHERE node=? AND epoch=? AND first_seq=?"));
  RONDA_RETURN_IF_ERROR(
      remove->Bind(1, node).Bind(2, Signed(key.epoch.id)).Bind(3, Signed(key.first_seq)).Run());
  RONDA_ASSIGN_OR_RETURN(Statement * put,
                         Cached("INSERT INTO record_blocks(node, epoch, first_seq, last_seq, kind, "
                                "t_min, t_max, last_order, data) VALUES(?,?,?,?,?,?,?,?,?)"));
  RONDA_RETURN_IF_ERROR(put->Bind(1, node)
                            .Bind(2, Signed(key.epoch.id))
                            .Bind(3, Signed(key.first_seq))
                            .Bind(4, Signed(sealed.last_seq))
                            .BindText(5, sealed.kind)
                            .Bind(6, sealed.t_min_ms)
                            .Bind(7, sealed.t_max_ms)
                            .Bind(8, Signed(sealed.last_order))
                            .BindBlob(9, frames)
                            .Run());
  if (sealed.may_grow) {
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(Statement * mark,
                         Cached("INSERT INTO record_marks SELECT id, 0, 0 FROM record_blocks "
                                "WHERE node=? AND epoch=? AND first_seq=?"));
  return mark->Bind(1, node).Bind(2, Signed(key.epoch.id)).Bind(3, Signed(key.first_seq)).Run();
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
                                                std::span<const uint32_t> wanted, BlobCursor* blobs,
                                                std::vector<std::vector<double>>* columns,
                                                absl::Status* damage) {
  RONDA_ASSIGN_OR_RETURN(const Blob* const blob, blobs->At(row.id));
  std::string bytes;
  RONDA_RETURN_IF_ERROR(blob->Read(0, kBlockPrefixBytes, &bytes));
  RONDA_ASSIGN_OR_RETURN(const size_t header_bytes, BlockHeaderBytes(bytes));
  RONDA_RETURN_IF_ERROR(blob->Read(0, header_bytes, &bytes));
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
    absl::Status read = blob->Read(offset, header.chunk_offsets[i + 1] - offset, &bytes);
    absl::StatusOr<std::vector<double>> values =
        read.ok() ? DecodeChunk(bytes, header.t_ms.size()) : std::move(read);
    if (!values.ok() && !absl::IsDataLoss(values.status()) &&
        !absl::IsUnimplemented(values.status())) {
      return values.status();
    }
    damage->Update(values.status());
    columns->push_back(values.ok() ? std::move(*values) : std::vector<double>());
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

absl::StatusOr<std::vector<RecordRunRow>> RecentDb::RecordsToPack(int64_t end_ms, int64_t limit) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * find,
      Cached("SELECT b.id, b.node, b.epoch, b.first_seq, b.last_seq, b.kind, b.t_min, b.t_max, "
             "coalesce(m.may_grow, 1) FROM record_blocks b LEFT JOIN record_marks m ON "
             "m.block=b.id WHERE b.t_max<=? AND coalesce(m.packed, 0)=0 ORDER BY b.node, b.id "
             "LIMIT ?"));
  find->Bind(1, end_ms).Bind(2, limit);
  std::vector<RecordRunRow> runs;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
    if (!row) {
      return runs;
    }
    RecordRunRow run;
    run.id = find->Int(0);
    run.node = find->Int(1);
    run.key.epoch.id = static_cast<uint64_t>(find->Int(2));
    run.key.first_seq = static_cast<uint64_t>(find->Int(3));
    run.last_seq = static_cast<uint64_t>(find->Int(4));
    run.kind = find->Bytes(5);
    run.t_min_ms = find->Int(6);
    run.t_max_ms = find->Int(7);
    run.may_grow = find->Int(8) != 0;
    runs.push_back(std::move(run));
  }
}

absl::StatusOr<std::string> RecentDb::ReadRecords(const RecordRunRow& run) {
  RONDA_ASSIGN_OR_RETURN(Statement * find,
                         Cached("SELECT data FROM record_blocks WHERE id=? AND epoch=? AND "
                                "first_seq=? AND last_seq=?"));
  find->Bind(1, run.id)
      .Bind(2, Signed(run.key.epoch.id))
      .Bind(3, Signed(run.key.first_seq))
      .Bind(4, Signed(run.last_seq));
  RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
  std::string frames(row ? find->Bytes(0) : "");
  find->Reset();
  return frames;
}

absl::Status RecentDb::RecordsPacked(const RecordRunRow& run, bool keep) {
  const std::string_view sql =
      keep
          ? "INSERT OR REPLACE INTO record_marks SELECT id, 1, 1 FROM record_blocks WHERE id=? AND "
            "epoch=? AND first_seq=? AND last_seq=?"
          : "DELETE FROM record_blocks WHERE id=? AND epoch=? AND first_seq=? AND last_seq=?";
  RONDA_ASSIGN_OR_RETURN(Statement * change, Cached(sql));
  return change->Bind(1, run.id)
      .Bind(2, Signed(run.key.epoch.id))
      .Bind(3, Signed(run.key.first_seq))
      .Bind(4, Signed(run.last_seq))
      .Run();
}

absl::Status RecentDb::RemovePackedRecords(int64_t before_ms) {
  RONDA_ASSIGN_OR_RETURN(Statement * remove,
                         Cached("DELETE FROM record_blocks WHERE t_max<? AND id IN (SELECT block "
                                "FROM record_marks WHERE packed<>0)"));
  return remove->Bind(1, before_ms).Run();
}

absl::Status RecentDb::AddRemovedRecords(const RemovedRecords& more) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * add,
      Cached("INSERT INTO removed_records VALUES(?,?,?,?) ON CONFLICT(kind) DO UPDATE SET "
             "records=records+excluded.records, bytes=bytes+excluded.bytes, "
             "through=max(through, excluded.through)"));
  return add->BindText(1, more.kind)
      .Bind(2, more.records)
      .Bind(3, more.bytes)
      .Bind(4, more.through_ms)
      .Run();
}

absl::StatusOr<std::vector<RecentDb::RemovedRecords>> RecentDb::AllRemovedRecords() {
  RONDA_ASSIGN_OR_RETURN(Statement * find,
                         Cached("SELECT kind, records, bytes, through FROM removed_records"));
  std::vector<RemovedRecords> all;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
    if (!row) {
      return all;
    }
    all.push_back({std::string(find->Bytes(0)), find->Int(1), find->Int(2), find->Int(3)});
  }
}

absl::StatusOr<std::vector<int64_t>> RecentDb::SourcesToCompact(int64_t end_ms) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * find,
      Cached("SELECT DISTINCT b.source FROM blocks b LEFT JOIN compacted c ON c.block=b.id "
             "WHERE b.t_min<=?1 AND (c.through IS NULL OR c.through<min(b.t_max, ?1))"));
  find->Bind(1, end_ms);
  std::vector<int64_t> sources;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
    if (!row) {
      return sources;
    }
    sources.push_back(find->Int(0));
  }
}

absl::StatusOr<std::vector<BlockToCompact>> RecentDb::BlocksToCompact(int64_t source,
                                                                      int64_t end_ms) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * find,
      Cached("SELECT b.id, b.schema, b.epoch, b.first_seq, b.last_seq, b.t_min, b.t_max, "
             "b.last_order, b.frames IS NOT NULL, c.through FROM blocks b "
             "LEFT JOIN compacted c ON c.block=b.id WHERE b.source=?1 AND b.t_min<=?2 "
             "AND (c.through IS NULL OR c.through<min(b.t_max, ?2)) ORDER BY b.t_max"));
  find->Bind(1, source).Bind(2, end_ms);
  std::vector<BlockToCompact> blocks;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
    if (!row) {
      return blocks;
    }
    BlockToCompact block;
    block.row = {find->Int(0),
                 {source, find->Int(1), static_cast<uint64_t>(find->Int(2)),
                  static_cast<uint64_t>(find->Int(3)), static_cast<uint64_t>(find->Int(4))},
                 find->Int(5),
                 find->Int(6)};
    block.last_order = static_cast<uint64_t>(find->Int(7));
    block.may_grow = find->Int(8) != 0;
    if (!find->IsNull(9)) {
      block.through_ms = find->Int(9);
    }
    blocks.push_back(block);
  }
}

absl::Status RecentDb::MarkCompacted(const BlockToCompact& block, int64_t through_ms) {
  RONDA_ASSIGN_OR_RETURN(Statement * put,
                         Cached("INSERT OR REPLACE INTO compacted SELECT id, ? FROM blocks WHERE "
                                "id=? AND epoch=? AND first_seq=? AND last_seq=?"));
  return put->Bind(1, through_ms)
      .Bind(2, block.row.id)
      .Bind(3, Signed(block.row.key.epoch))
      .Bind(4, Signed(block.row.key.first_seq))
      .Bind(5, Signed(block.row.key.last_seq))
      .Run();
}

absl::Status RecentDb::RemoveCompacted(const BlockToCompact& block) {
  RONDA_ASSIGN_OR_RETURN(
      Statement * put,
      Cached("INSERT INTO pairs VALUES(?,?,?) ON CONFLICT(source, schema) DO UPDATE SET "
             "t_max=max(t_max, excluded.t_max)"));
  RONDA_RETURN_IF_ERROR(put->Bind(1, block.row.key.source)
                            .Bind(2, block.row.key.schema)
                            .Bind(3, block.row.t_max_ms)
                            .Run());
  RONDA_ASSIGN_OR_RETURN(
      Statement * remove,
      Cached("DELETE FROM blocks WHERE id=? AND epoch=? AND first_seq=? AND last_seq=?"));
  return remove->Bind(1, block.row.id)
      .Bind(2, Signed(block.row.key.epoch))
      .Bind(3, Signed(block.row.key.first_seq))
      .Bind(4, Signed(block.row.key.last_seq))
      .Run();
}

absl::Status RecentDb::RemovePairs(int64_t before_ms) {
  RONDA_ASSIGN_OR_RETURN(Statement * remove, Cached("DELETE FROM pairs WHERE t_max<?"));
  return remove->Bind(1, before_ms).Run();
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
  RONDA_ASSIGN_OR_RETURN(totals.bytes, db_->UsedBytes());
  return totals;
}

absl::StatusOr<std::vector<RecentDb::RemovedBlock>> RecentDb::RemoveOldestBlocks(int64_t bytes) {
  std::vector<RemovedBlock> removed;
  std::vector<int64_t> ids;
  {
    RONDA_ASSIGN_OR_RETURN(
        Statement * find,
        Cached("SELECT b.id, b.source, b.schema, b.t_min, b.t_max, b.ticks, length(b.data), "
               "c.through FROM blocks b LEFT JOIN compacted c ON c.block=b.id "
               "WHERE b.frames IS NULL ORDER BY b.t_max"));
    for (int64_t left = bytes; left > 0;) {
      RONDA_ASSIGN_OR_RETURN(const bool row, find->Step());
      if (!row) {
        break;
      }
      ids.push_back(find->Int(0));
      left -= find->Int(6);
      // What is packed is not lost with it.
      const int64_t from_ms =
          find->IsNull(7) ? find->Int(3) : std::max(find->Int(3), find->Int(7) + 1);
      if (from_ms <= find->Int(4)) {
        removed.push_back({find->Int(1), find->Int(2), from_ms, find->Int(4), find->Int(5)});
      }
    }
    find->Reset();
  }
  RONDA_ASSIGN_OR_RETURN(Statement * remove, Cached("DELETE FROM blocks WHERE id=?"));
  for (const int64_t id : ids) {
    RONDA_RETURN_IF_ERROR(remove->Bind(1, id).Run());
  }
  return removed;
}

absl::StatusOr<uint64_t> RecentDb::LastOrder() {
  RONDA_ASSIGN_OR_RETURN(const int64_t blocks, db_->QueryInt("SELECT max(last_order) FROM blocks"));
  RONDA_ASSIGN_OR_RETURN(const int64_t records,
                         db_->QueryInt("SELECT max(last_order) FROM record_blocks"));
  return static_cast<uint64_t>(std::max(blocks, records));
}

absl::Status RecentDb::ReadRows() {
  // Sums tell, but for one in a billion, whether an index has the rows of its table; numbers stay
  // far from where SQLite would go on with doubles.
  const std::string run =
      "sum((id%1000003*31+node%1000003*17+epoch%1000000007*13+first_seq%"
      "1000003*7)%1000000007)";
  const std::string time =
      "sum((id%1000003*31+source%1000003*17+schema%1000003*13+t_max%1000000007*"
      "7+t_min%1000000007*3)%1000000007)";
  const std::string kind =
      "sum((id%1000003*31+length(kind)*17+unicode(kind)*13+t_max%1000000007*7+"
      "t_min%1000000007*3)%1000000007)";
  const struct {
    const char* table;
    const std::string& sum;
    const char* index;
  } kIndexes[] = {{"blocks", run, "blocks_by_run"},
                  {"blocks", time, "blocks_by_time"},
                  {"record_blocks", run, "record_blocks_by_run"},
                  {"record_blocks", kind, "record_blocks_by_time"}};
  for (const auto& [table, sum, index] : kIndexes) {
    const std::string select = "SELECT count(*)*7+coalesce(" + sum + ",0) FROM " + table;
    RONDA_ASSIGN_OR_RETURN(const int64_t rows, db_->QueryInt(select + " NOT INDEXED"));
    RONDA_ASSIGN_OR_RETURN(const int64_t entries, db_->QueryInt(select + " INDEXED BY " + index));
    if (rows != entries) {
      return Fail(absl::StatusCode::kDataLoss,
                  "{}: damaged: {} does not have the rows of its table", db_->path(), index);
    }
  }
  for (const char* const scan :
       {"SELECT count(through) FROM compacted", "SELECT count(packed) FROM record_marks",
        "SELECT count(t_max) FROM pairs", "SELECT count(through) FROM removed_records"}) {
    RONDA_RETURN_IF_ERROR(db_->QueryInt(scan).status());
  }
  return absl::OkStatus();
}

absl::Status RecentDb::Check() {
  RONDA_ASSIGN_OR_RETURN(Statement check, db_->Prepare("PRAGMA integrity_check(1)"));
  RONDA_ASSIGN_OR_RETURN(const bool row, check.Step());
  if (!row || check.Bytes(0) != "ok") {
    return Fail(absl::StatusCode::kDataLoss, "{}: damaged: {}", db_->path(),
                row ? check.Bytes(0) : "no answer");
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
