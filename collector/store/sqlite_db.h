// A thin RAII layer over SQLite: connections, prepared statements, incremental blobs.
//
// Errors have the path in front and the code that says what to do (see README.md, "Errors"):
// kResourceExhausted for a full disk, kUnavailable for a busy file, kDataLoss for a damaged one,
// kPermissionDenied for one that may not be read or written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_blob;
struct sqlite3_stmt;

namespace ronda::store {

class Database;

// A prepared statement. Of one thread at a time, and no longer alive than its Database.
class Statement {
 public:
  Statement() = default;
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  // Parameters are numbered from 1. Bytes are not copied: they must live until Reset().
  Statement& Bind(int index, int64_t value);
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& BindText(int index, std::string_view text);

  // Steps once: true if there is a row. After false or an error the statement is reset.
  absl::StatusOr<bool> Step();
  // Steps to the end, ignoring rows, and resets.
  absl::Status Run();
  void Reset();

  // Columns are numbered from 0; valid until the next Step or Reset.
  int64_t Int(int column) const;
  std::string_view Bytes(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  Statement(const Database* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}

  const Database* db_ = nullptr;
  sqlite3_stmt* stmt_ = nullptr;
};

// One blob, read in pieces: only the pages that hold a piece are read. Of one thread at a time, and
// no longer alive than its Database.
class Blob {
 public:
  // kNotFound: no such row.
  static absl::StatusOr<Blob> Open(const Database& db, const char* table, const char* column,
                                   int64_t rowid);
  ~Blob();
  Blob(Blob&& other) noexcept;
  Blob& operator=(Blob&&) = delete;

  // Goes on to another row. After an error the blob is of no use. Errors: see Open.
  absl::Status Reopen(int64_t rowid);

  size_t size() const;
  // kDataLoss: the blob is shorter, or a page of it is damaged.
  absl::Status Read(size_t offset, size_t size, std::string* out) const;

 private:
  Blob(const Database* db, sqlite3_blob* blob) : db_(db), blob_(blob) {}
  static absl::Status OpenError(const Database& db);

  const Database* db_;
  sqlite3_blob* blob_;
};

// The blobs of one column, one after the other: to go on to the next costs much less than to open
// it. Of one thread at a time. While a blob is open, so is the connection's read transaction.
class BlobCursor {
 public:
  // All must outlive it.
  BlobCursor(const Database* db, const char* table, const char* column)
      : db_(db), table_(table), column_(column) {}

  // The blob of the row, until the next call. Errors: see Blob::Open.
  absl::StatusOr<const Blob*> At(int64_t rowid);

 private:
  const Database* db_;
  const char* table_;
  const char* column_;
  std::optional<Blob> blob_;
};

// A connection. Of one thread at a time.
class Database {
 public:
  struct Options {
    int64_t cache_kib = 2048;
    int64_t mmap_bytes = 0;
    int busy_timeout_ms = 10'000;
    // Of a new file: it can give back the pages of what was removed ("PRAGMA incremental_vacuum").
    bool return_pages = false;
    // Of what is written: the WAL is copied into the file when it has so many pages, and cut to
    // them. 0: as SQLite does it, 1000 pages, and cut to 64 MiB.
    int64_t wal_pages = 0;
  };

  // Opens or creates `path` for reading and writing: WAL, synchronous=FULL, pages of 4096 bytes,
  // secure_delete off.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const Options& options);
  // Before the first connection of a process: writes what an earlier process left in the WAL of
  // `path` again, as it is, and syncs it. If a sync of that process failed, the WAL may hold pages
  // that are in the kernel's cache and not on the disk, and that no later sync would write: what is
  // committed after them would be lost with them, and a checkpoint of them would leave the database
  // newer than its WAL. On a full disk this is left out.
  static absl::Status RenewWal(const std::string& path);
  // Opens by a URI ("file:...?mode=ro&immutable=1"), without changing anything. `path` is for
  // messages.
  static absl::StatusOr<std::unique_ptr<Database>> OpenUri(const std::string& uri,
                                                           const std::string& path,
                                                           const Options& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const { return path_; }

  absl::Status Execute(const std::string& sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // The first column of the first row; 0 if there is no row.
  absl::StatusOr<int64_t> QueryInt(std::string_view sql);

  // The status of the error that SQLite reported last.
  absl::Status LastError(std::string_view what) const;

  // Copies what the WAL holds into the database. `restart` waits for readers, so that the WAL can
  // be used anew from its start.
  absl::Status Checkpoint(bool restart);
  // Of a database with return_pages: gives the pages that nothing uses back to the disk, as far as
  // readers let it.
  absl::Status ReturnPages();
  // Bytes of the pages that hold something.
  absl::StatusOr<int64_t> UsedBytes();

  // Writes every page, as the read transaction that is open on this connection sees it, into a new
  // file `path`, and calls `progress` each few megabytes. The file is not synced. Without a
  // transaction it would begin anew after each commit of others, and never end.
  absl::Status CopyTo(const std::string& path,
                      absl::FunctionRef<void(int64_t done_bytes, int64_t all_bytes)> progress);

 private:
  friend class Statement;
  friend class Blob;
  Database(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

  sqlite3* db_;
  const std::string path_;
};

// Whether a file begins as our databases do, or is empty; opens no connection. SQLite takes some
// damage there for a file of a later SQLite, or one that may only be read. kDataLoss: it does not.
// Other errors: it cannot be read. A file with a -wal or
// a -journal, which has its newer or older beginning, passes.
absl::Status CheckFileHead(const std::string& path, int64_t application_id);
// The user_version that a file begins with; nullopt if it cannot be told without a connection.
std::optional<uint32_t> VersionInFileHead(const std::string& path);

// Bytes of a database and its -wal on the disk; 0 if there is none.
int64_t DatabaseBytes(const std::string& path);

// BEGIN IMMEDIATE ... COMMIT; rolls back if Commit() was not reached or failed.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database* db, bool write = true);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;

  absl::Status Commit();

 private:
  explicit Transaction(Database* db) : db_(db) {}
  Database* db_;
};

}  // namespace ronda::store
