#include "collector/store/sqlite_journal_db.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "collector/store/checked_bytes.h"
#include "collector/store/sqlite_schema.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr int64_t kApplicationId = 0x526f4a31;  // "RoJ1"

absl::Status CreateTables(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE journal(id INTEGER PRIMARY KEY, batch BLOB NOT NULL);
    CREATE TABLE nodes(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE sources(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE schemas(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE epochs(node INTEGER NOT NULL, epoch INTEGER NOT NULL, data BLOB NOT NULL,
                        PRIMARY KEY(node, epoch)) WITHOUT ROWID;
    CREATE TABLE state(space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
                       PRIMARY KEY(space, key)) WITHOUT ROWID;
  )sql");
}

constexpr Migration kMigrations[] = {CreateTables};

// The length is in it so that "a/b" + "c" and "a" + "b/c" are two keys.
std::string StateKey(std::string_view space, std::string_view key) {
  return fmt::format("state/{}/{}/{}", space.size(), space, key);
}
std::string MetaKey(std::string_view key) { return fmt::format("meta/{}", key); }

}  // namespace

absl::StatusOr<std::unique_ptr<JournalDb>> JournalDb::Open(const std::string& path,
                                                           int64_t max_pages) {
  const absl::Status head = CheckFileHead(path, kApplicationId);
  if (!head.ok() && !absl::IsNotFound(head)) {
    return head;
  }
  RONDA_RETURN_IF_ERROR(Database::RenewWal(path));
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                         Database::Open(path, {.cache_kib = 8192, .mmap_bytes = 0}));
  RONDA_RETURN_IF_ERROR(Migrate(db.get(), kApplicationId, kMigrations));
  // Checkpoints have a thread of their own, so that no commit waits for one.
  RONDA_RETURN_IF_ERROR(db->Execute("PRAGMA wal_autocheckpoint=0"));
  if (max_pages > 0) {
    RONDA_RETURN_IF_ERROR(db->Execute("PRAGMA max_page_count=" + std::to_string(max_pages)));
  }
  std::unique_ptr<JournalDb> journal(new JournalDb(std::move(db)));
  RONDA_RETURN_IF_ERROR(journal->Prepare());
  return journal;
}

absl::Status JournalDb::CheckNotLater(const std::string& path) {
  return store::CheckNotLater(path, kApplicationId, kMigrations);
}

absl::StatusOr<std::unique_ptr<JournalDb>> JournalDb::Wrap(std::unique_ptr<Database> db) {
  RONDA_RETURN_IF_ERROR(
      CheckVersion(db.get(), kApplicationId, kMigrations, std::ssize(kMigrations)));
  return std::unique_ptr<JournalDb>(new JournalDb(std::move(db)));
}

absl::Status JournalDb::Prepare() {
  RONDA_ASSIGN_OR_RETURN(insert_row_, db_->Prepare("INSERT INTO journal VALUES(?,?)"));
  RONDA_ASSIGN_OR_RETURN(put_node_, db_->Prepare("INSERT OR REPLACE INTO nodes VALUES(?,?)"));
  RONDA_ASSIGN_OR_RETURN(put_source_, db_->Prepare("INSERT OR REPLACE INTO sources VALUES(?,?)"));
  RONDA_ASSIGN_OR_RETURN(put_schema_, db_->Prepare("INSERT OR REPLACE INTO schemas VALUES(?,?)"));
  RONDA_ASSIGN_OR_RETURN(put_state_, db_->Prepare("INSERT OR REPLACE INTO state VALUES(?,?,?)"));
  RONDA_ASSIGN_OR_RETURN(delete_state_, db_->Prepare("DELETE FROM state WHERE space=? AND key=?"));
  return absl::OkStatus();
}

absl::Status JournalDb::ForEach(std::string_view sql, VisitRow visit) {
  RONDA_ASSIGN_OR_RETURN(Statement rows, db_->Prepare(sql));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    RONDA_RETURN_IF_ERROR(visit(rows.Int(0), rows.Bytes(1)));
  }
}

absl::Status JournalDb::ForEachNode(VisitRow visit) {
  return ForEach("SELECT id, data FROM nodes ORDER BY id", visit);
}
absl::Status JournalDb::ForEachSource(VisitRow visit) {
  return ForEach("SELECT id, data FROM sources ORDER BY id", visit);
}
absl::Status JournalDb::ForEachSchema(VisitRow visit) {
  return ForEach("SELECT id, data FROM schemas ORDER BY id", visit);
}
absl::Status JournalDb::ForEachJournalRow(VisitRow visit) {
  return ForEach("SELECT id, batch FROM journal ORDER BY id", visit);
}

absl::Status JournalDb::ForEachEpoch(
    absl::FunctionRef<absl::Status(NodeId node, uint64_t epoch, std::string_view data)> visit) {
  RONDA_ASSIGN_OR_RETURN(Statement rows,
                         db_->Prepare("SELECT node, epoch, data FROM epochs ORDER BY node, epoch"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    RONDA_RETURN_IF_ERROR(visit(rows.Int(0), static_cast<uint64_t>(rows.Int(1)), rows.Bytes(2)));
  }
}

absl::Status JournalDb::ForEachState(
    std::string_view space,
    absl::FunctionRef<void(std::string_view key, std::string_view value)> visit) {
  RONDA_ASSIGN_OR_RETURN(Statement rows,
                         db_->Prepare("SELECT key, value FROM state WHERE space=? ORDER BY key"));
  rows.BindText(1, space);
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    const std::string_view key = rows.Bytes(0);
    const std::optional<std::string_view> value = StateValue(space, key, rows.Bytes(1));
    if (!value) {
      return Fail(absl::StatusCode::kDataLoss, "{}: state {}/{} is damaged", db_->path(), space,
                  key);
    }
    visit(key, *value);
  }
}

std::optional<std::string_view> JournalDb::StateValue(std::string_view space, std::string_view key,
                                                      std::string_view stored) {
  return CheckedContent(StateKey(space, key), stored);
}

absl::StatusOr<int64_t> JournalDb::ReadMeta(Database* db, std::string_view key, int64_t otherwise) {
  RONDA_ASSIGN_OR_RETURN(Statement row, db->Prepare("SELECT value FROM meta WHERE key=?"));
  row.BindText(1, key);
  RONDA_ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) {
    return otherwise;
  }
  const std::optional<std::string_view> value = CheckedContent(MetaKey(key), row.Bytes(0));
  if (!value) {
    return Fail(absl::StatusCode::kDataLoss, "{}: meta {} is damaged", db->path(), key);
  }
  return codec::ByteReader(*value).Signed();
}

absl::Status JournalDb::PutMeta(std::string_view key, int64_t value) {
  std::string content;
  codec::PutSigned(&content, value);
  const std::string checked = AddChecksum(MetaKey(key), content);
  RONDA_ASSIGN_OR_RETURN(Statement put, db_->Prepare("INSERT OR REPLACE INTO meta VALUES(?,?)"));
  return put.BindText(1, key).BindBlob(2, checked).Run();
}

absl::Status JournalDb::Write(const std::vector<CatalogueWrite>& rows) {
  for (const CatalogueWrite& row : rows) {
    Statement& put = row.table == CatalogueWrite::Table::kNode     ? put_node_
                     : row.table == CatalogueWrite::Table::kSource ? put_source_
                                                                   : put_schema_;
    RONDA_RETURN_IF_ERROR(put.Bind(1, row.id).BindBlob(2, row.data).Run());
  }
  return absl::OkStatus();
}

absl::Status JournalDb::Write(const StateWrite& write) {
  if (!write.value) {
    return delete_state_.BindText(1, write.space).BindText(2, write.key).Run();
  }
  const std::string checked = AddChecksum(StateKey(write.space, write.key), *write.value);
  return put_state_.BindText(1, write.space).BindText(2, write.key).BindBlob(3, checked).Run();
}

absl::Status JournalDb::Commit(const CommitContent& content) {
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_.get()));
  RONDA_RETURN_IF_ERROR(Write(content.catalogue));
  for (const StateWrite& write : content.state) {
    RONDA_RETURN_IF_ERROR(Write(write));
  }
  if (!content.row.empty()) {
    RONDA_RETURN_IF_ERROR(insert_row_.Bind(1, content.commit).BindBlob(2, content.row).Run());
  }
  return transaction.Commit();
}

absl::Status JournalDb::Trim(const TrimContent& content) {
  RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_.get()));
  RONDA_ASSIGN_OR_RETURN(Statement trim, db_->Prepare("DELETE FROM journal WHERE id<=?"));
  RONDA_RETURN_IF_ERROR(trim.Bind(1, content.through_commit).Run());
  RONDA_ASSIGN_OR_RETURN(Statement put,
                         db_->Prepare("INSERT OR REPLACE INTO epochs VALUES(?,?,?)"));
  for (const auto& [node, row] : content.epochs) {
    const std::string data = EncodeEpochRow(node, row);
    RONDA_RETURN_IF_ERROR(
        put.Bind(1, node).Bind(2, static_cast<int64_t>(row.epoch.id)).BindBlob(3, data).Run());
  }
  RONDA_RETURN_IF_ERROR(Write(content.nodes));
  // Rows that are gone must not give their numbers to later ones: numbers order samples.
  RONDA_RETURN_IF_ERROR(PutMeta(kMetaLastCommit, content.through_commit));
  RONDA_RETURN_IF_ERROR(PutMeta(kMetaNextOrder, static_cast<int64_t>(content.next_order)));
  return transaction.Commit();
}

absl::Status JournalDb::Check() {
  RONDA_ASSIGN_OR_RETURN(Statement check, db_->Prepare("PRAGMA quick_check(1)"));
  RONDA_ASSIGN_OR_RETURN(const bool row, check.Step());
  if (!row || check.Bytes(0) != "ok") {
    return Fail(absl::StatusCode::kDataLoss, "{}: damaged: {}", db_->path(),
                row ? check.Bytes(0) : "no answer");
  }
  RONDA_ASSIGN_OR_RETURN(Statement state, db_->Prepare("SELECT space, key, value FROM state"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool more, state.Step());
    if (!more) {
      return absl::OkStatus();
    }
    if (!StateValue(state.Bytes(0), state.Bytes(1), state.Bytes(2))) {
      return Fail(absl::StatusCode::kDataLoss, "{}: state {}/{} is damaged", db_->path(),
                  state.Bytes(0), state.Bytes(1));
    }
  }
}

}  // namespace ronda::store
