#include "collector/store/sqlite_schema.h"

#include <optional>
#include <string>

#include "common/base/status.h"

namespace ronda::store {
namespace {

// Every table and index with the text that made it.
absl::StatusOr<std::string> DefinitionsOf(Database* db) {
  RONDA_ASSIGN_OR_RETURN(Statement rows,
                         db->Prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema "
                                     "WHERE name NOT LIKE 'sqlite_%' ORDER BY name"));
  std::string all;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return all;
    }
    for (int column = 0; column < 4; ++column) {
      all += rows.Bytes(column);
      all += '\n';
    }
  }
}

// SQLite believes what its schema table says: a flipped byte there renames a column. The tables
// must be those that the migrations make.
absl::Status CheckDefinitions(Database* db, std::span<const Migration> migrations) {
  RONDA_ASSIGN_OR_RETURN(const auto model, Database::Open(":memory:", {}));
  for (const Migration migration : migrations) {
    RONDA_RETURN_IF_ERROR(migration(model.get()));
  }
  RONDA_ASSIGN_OR_RETURN(const std::string expected, DefinitionsOf(model.get()));
  RONDA_ASSIGN_OR_RETURN(const std::string found, DefinitionsOf(db));
  if (found != expected) {
    return Fail(absl::StatusCode::kDataLoss, "{}: damaged: its table definitions are not ours",
                db->path());
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> VersionOf(Database* db, int64_t application_id,
                                  std::span<const Migration> migrations) {
  const auto last = static_cast<int64_t>(migrations.size());
  RONDA_ASSIGN_OR_RETURN(const int64_t id, db->QueryInt("PRAGMA application_id"));
  RONDA_ASSIGN_OR_RETURN(const int64_t version, db->QueryInt("PRAGMA user_version"));
  RONDA_ASSIGN_OR_RETURN(const int64_t tables, db->QueryInt("SELECT count(*) FROM sqlite_schema"));
  if (id == 0 && version == 0 && tables == 0) {
    return 0;
  }
  if (id != application_id || version <= 0) {
    return Fail(absl::StatusCode::kDataLoss,
                "{}: damaged, or not a file of Ronda (application id {}, version {})", db->path(),
                id, version);
  }
  if (version > last) {
    if (CheckDefinitions(db, migrations).ok()) {
      return Fail(absl::StatusCode::kDataLoss,
                  "{}: damaged: it says format {}, and has the tables of format {}", db->path(),
                  version, last);
    }
    return Fail(absl::StatusCode::kFailedPrecondition,
                "{}: written by a later version of Ronda (format {}, this one knows up to {}); run "
                "that version again, or move the file away to go on without what it holds",
                db->path(), version, last);
  }
  return version;
}

}  // namespace

absl::Status Migrate(Database* db, int64_t application_id, std::span<const Migration> migrations) {
  const auto last = static_cast<int64_t>(migrations.size());
  RONDA_ASSIGN_OR_RETURN(int64_t version, VersionOf(db, application_id, migrations));
  for (; version < last; ++version) {
    RONDA_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db));
    RONDA_RETURN_IF_ERROR(migrations[static_cast<size_t>(version)](db));
    RONDA_RETURN_IF_ERROR(db->Execute("PRAGMA application_id=" + std::to_string(application_id) +
                                      "; PRAGMA user_version=" + std::to_string(version + 1)));
    RONDA_RETURN_IF_ERROR(transaction.Commit());
  }
  return CheckDefinitions(db, migrations);
}

absl::Status AddColumnEncodings(Database* db) {
  return db->Execute("CREATE VIEW column_encodings(newest) AS SELECT 5");
}

absl::StatusOr<std::unique_ptr<Database>> OpenHistoryFile(const std::string& path,
                                                          int64_t wal_pages, int64_t application_id,
                                                          std::span<const Migration> migrations) {
  RONDA_ASSIGN_OR_RETURN(
      std::unique_ptr<Database> db,
      Database::Open(
          path,
          {.cache_kib = 1024, .mmap_bytes = 0, .return_pages = true, .wal_pages = wal_pages}));
  RONDA_RETURN_IF_ERROR(Migrate(db.get(), application_id, migrations));
  return db;
}

absl::Status CheckVersion(Database* db, int64_t application_id,
                          std::span<const Migration> migrations, int64_t oldest) {
  RONDA_ASSIGN_OR_RETURN(const int64_t version, VersionOf(db, application_id, migrations));
  if (version == 0) {
    return Fail(absl::StatusCode::kNotFound, "{}: holds no data yet", db->path());
  }
  if (version < oldest) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "{}: of an earlier version (format {}); start the collector once to bring it up "
                "to date",
                db->path(), version);
  }
  return CheckDefinitions(db, migrations.first(static_cast<size_t>(version)));
}

absl::Status CheckNotLater(const std::string& path, int64_t application_id,
                           std::span<const Migration> migrations) {
  const std::optional<uint32_t> version = VersionInFileHead(path);
  if ((version && *version <= migrations.size()) || DatabaseBytes(path) == 0) {
    return absl::OkStatus();
  }
  const absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, {});
  const absl::Status status =
      db.ok() ? CheckVersion(db->get(), application_id, migrations, kAnyVersion) : db.status();
  return absl::IsFailedPrecondition(status) ? status : absl::OkStatus();
}

}  // namespace ronda::store
