#include "collector/store/sqlite_db.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace ronda::store {
namespace {

absl::StatusCode CodeOf(int extended, int system_errno) {
  const bool no_space = system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
  switch (extended & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_IOERR:
      if (extended == SQLITE_IOERR_CORRUPTFS) {
        return absl::StatusCode::kDataLoss;
      }
      // A page that cannot be read at all has the same cure as a damaged one.
      if (extended == SQLITE_IOERR_SHORT_READ) {
        return absl::StatusCode::kDataLoss;
      }
      return no_space || extended == SQLITE_IOERR_SHMSIZE ? absl::StatusCode::kResourceExhausted
                                                          : absl::StatusCode::kUnknown;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_CANTOPEN:
      return system_errno == ENOENT   ? absl::StatusCode::kNotFound
             : system_errno == EACCES ? absl::StatusCode::kPermissionDenied
             : no_space               ? absl::StatusCode::kResourceExhausted
                                      : absl::StatusCode::kUnavailable;
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAlreadyExists;
    default:
      return absl::StatusCode::kUnknown;
  }
}

absl::Status ErrorOf(sqlite3* db, const std::string& path, std::string_view what) {
  const int code = db != nullptr ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
  const char* message = db != nullptr ? sqlite3_errmsg(db) : "out of memory";
  return Fail(CodeOf(code, db != nullptr ? sqlite3_system_errno(db) : 0), "{}: {}: {} ({})", path,
              what, message, code);
}

absl::StatusOr<sqlite3*> OpenRaw(const std::string& name, const std::string& path, int flags,
                                 int busy_timeout_ms) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    const absl::Status status = ErrorOf(db, path, "opening the database");
    sqlite3_close_v2(db);
    return status;
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, busy_timeout_ms);
  return db;
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(stmt_); }

Statement::Statement(Statement&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), stmt_(std::exchange(other.stmt_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(stmt_);
    db_ = std::exchange(other.db_, nullptr);
    stmt_ = std::exchange(other.stmt_, nullptr);
  }
  return *this;
}

// Binding fails only for an index that does not exist or without memory; Step() then reports what
// is wrong with the row, so the results are not looked at here.
Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(stmt_, index, value);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(stmt_, index, bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view text) {
  sqlite3_bind_text64(stmt_, index, text.data() != nullptr ? text.data() : "", text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  const absl::Status status = db_->LastError(sqlite3_sql(stmt_));
  Reset();
  return status;
}

absl::Status Statement::Run() {
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) {
      return absl::OkStatus();
    }
  }
}

void Statement::Reset() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_, column); }

std::string_view Statement::Bytes(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  const int size = sqlite3_column_bytes(stmt_, column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<size_t>(size));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

absl::StatusOr<Blob> Blob::Open(const Database& db, const char* table, const char* column,
                                int64_t rowid) {
  sqlite3_blob* blob = nullptr;
  if (sqlite3_blob_open(db.db_, "main", table, column, rowid, 0, &blob) != SQLITE_OK) {
    const absl::Status status = OpenError(db);
    sqlite3_blob_close(blob);
    return status;
  }
  return Blob(&db, blob);
}

absl::Status Blob::Reopen(int64_t rowid) {
  return sqlite3_blob_reopen(blob_, rowid) == SQLITE_OK ? absl::OkStatus() : OpenError(*db_);
}

absl::Status Blob::OpenError(const Database& db) {
  // SQLITE_ERROR is what a row that is not there gives.
  const bool absent = (sqlite3_extended_errcode(db.db_) & 0xff) == SQLITE_ERROR;
  const absl::Status status = db.LastError("opening a blob");
  return absent ? MakeStatus(absl::StatusCode::kNotFound, Message(status)) : status;
}

absl::StatusOr<const Blob*> BlobCursor::At(int64_t rowid) {
  if (blob_.has_value()) {
    const absl::Status status = blob_->Reopen(rowid);
    if (!status.ok()) {
      blob_.reset();
      return status;
    }
    return &*blob_;
  }
  RONDA_ASSIGN_OR_RETURN(Blob blob, Blob::Open(*db_, table_, column_, rowid));
  return &blob_.emplace(std::move(blob));
}

Blob::~Blob() { sqlite3_blob_close(blob_); }

Blob::Blob(Blob&& other) noexcept : db_(other.db_), blob_(std::exchange(other.blob_, nullptr)) {}

size_t Blob::size() const { return static_cast<size_t>(sqlite3_blob_bytes(blob_)); }

absl::Status Blob::Read(size_t offset, size_t size, std::string* out) const {
  if (offset > this->size() || size > this->size() - offset) {
    return Fail(absl::StatusCode::kDataLoss, "{}: a blob that is shorter than it says",
                db_->path());
  }
  out->resize(size);
  if (sqlite3_blob_read(blob_, out->data(), static_cast<int>(size), static_cast<int>(offset)) !=
      SQLITE_OK) {
    return db_->LastError("reading a blob");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const Options& options) {
  RONDA_ASSIGN_OR_RETURN(
      sqlite3 * raw,
      OpenRaw(path, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options.busy_timeout_ms));
  std::unique_ptr<Database> db(new Database(raw, path));
  // Debian's SQLite overwrites deleted content with zeros by default, which costs half as much
  // again in writes; nothing here is secret.
  if (options.return_pages) {
    // Before the first page is written, which the journal mode does.
    RONDA_RETURN_IF_ERROR(db->Execute("PRAGMA auto_vacuum=INCREMENTAL"));
  }
  RONDA_RETURN_IF_ERROR(
      db->Execute("PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                  "PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                  "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;"
                  "PRAGMA cache_size=-" +
                  std::to_string(options.cache_kib) +
                  ";PRAGMA mmap_size=" + std::to_string(options.mmap_bytes)));
  if (options.wal_pages > 0) {
    RONDA_RETURN_IF_ERROR(
        db->Execute("PRAGMA wal_autocheckpoint=" + std::to_string(options.wal_pages) +
                    "; PRAGMA journal_size_limit=" + std::to_string(options.wal_pages * 4096)));
  }
  return db;
}

absl::Status Database::RenewWal(const std::string& path) {
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  // SQLite wants two zeros at the end of a name.
  const std::string name = path + "-wal" + std::string(2, '\0');
  int there = 0;
  if (vfs->xAccess(vfs, name.c_str(), SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK || there == 0) {
    return absl::OkStatus();
  }
  std::vector<uint64_t> memory(static_cast<size_t>(vfs->szOsFile) / sizeof(uint64_t) + 1);
  auto* const file = reinterpret_cast<sqlite3_file*>(memory.data());
  int code = vfs->xOpen(vfs, name.c_str(), file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, nullptr);
  if (code == SQLITE_OK) {
    std::string bytes(1 << 20, '\0');
    sqlite3_int64 size = 0;
    code = file->pMethods->xFileSize(file, &size);
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size;) {
      const int n = static_cast<int>(
          std::min<sqlite3_int64>(size - at, static_cast<sqlite3_int64>(bytes.size())));
      code = file->pMethods->xRead(file, bytes.data(), n, at);
      code = code == SQLITE_OK ? file->pMethods->xWrite(file, bytes.data(), n, at) : code;
      at += n;
    }
    code = code == SQLITE_OK && size > 0 ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : code;
  }
  if (file->pMethods != nullptr) {
    file->pMethods->xClose(file);
  }
  if (code == SQLITE_OK || code == SQLITE_FULL) {
    return absl::OkStatus();
  }
  return Fail(CodeOf(code, 0), "{}-wal: writing it again: {} ({})", path, sqlite3_errstr(code),
              code);
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenUri(const std::string& uri,
                                                            const std::string& path,
                                                            const Options& options) {
  RONDA_ASSIGN_OR_RETURN(sqlite3 * raw, OpenRaw(uri, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI,
                                                options.busy_timeout_ms));
  std::unique_ptr<Database> db(new Database(raw, path));
  RONDA_RETURN_IF_ERROR(
      db->Execute("PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                  "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-" +
                  std::to_string(options.cache_kib) +
                  ";PRAGMA mmap_size=" + std::to_string(options.mmap_bytes)));
  return db;
}

Database::~Database() { sqlite3_close_v2(db_); }

absl::Status Database::LastError(std::string_view what) const { return ErrorOf(db_, path_, what); }

absl::Status Database::Execute(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError(std::string_view(sql).substr(0, 60));
  }
  return absl::OkStatus();
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &stmt, nullptr) != SQLITE_OK) {
    return LastError(sql.substr(0, 60));
  }
  return Statement(this, stmt);
}

absl::StatusOr<int64_t> Database::QueryInt(std::string_view sql) {
  RONDA_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  RONDA_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

absl::Status Database::Checkpoint(bool restart) {
  const int mode = restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, nullptr, nullptr);
  // Busy means that a reader still needs the old pages: the next round gets further.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
    return LastError("checkpointing");
  }
  return absl::OkStatus();
}

namespace {

// The database header (SQLite file format, 1.3).
constexpr size_t kHeadBytes = 100;

uint32_t WordAt(std::string_view head, size_t at) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; ++i) {
    v = v << 8 | static_cast<uint8_t>(head[at + i]);
  }
  return v;
}

// What is in the WAL, or in the journal of a creation that the power ended, counts before the
// file: SQLite brings it there, and looks at the result itself.
bool HasOtherHead(const std::string& path) {
  for (const char* suffix : {"-wal", "-journal"}) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(path + suffix, error);
    if (!error && bytes > 0) {
      return true;
    }
  }
  return false;
}

// Shorter if the file is.
absl::StatusOr<std::string> ReadFileHead(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return ErrnoStatus(errno, "opening " + path);
  }
  std::string head(kHeadBytes, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (file.bad()) {
    return ErrnoStatus(errno, "reading " + path);
  }
  head.resize(static_cast<size_t>(file.gcount()));
  return head;
}

}  // namespace

absl::Status CheckFileHead(const std::string& path, int64_t application_id) {
  if (HasOtherHead(path)) {
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(const std::string head, ReadFileHead(path));
  const auto sound = [&] {
    const auto word = [&](size_t at) { return WordAt(head, at); };
    constexpr uint32_t kUtf8 = 1;
    const uint32_t id = word(68);
    // Page size, versions for writing and reading (2: WAL; 1 until that is set), no reserved bytes.
    const bool pages = word(16) == 0x1000'0202 || word(16) == 0x1000'0101;
    return head.starts_with(std::string_view("SQLite format 3", 16)) && pages &&
           word(20) == 0x0040'2020 && word(44) <= 4 && (word(56) == kUtf8 || word(56) == 0) &&
           (id == 0 || id == static_cast<uint32_t>(application_id));
  };
  return head.empty() || (head.size() == kHeadBytes && sound())
             ? absl::OkStatus()
             : Fail(absl::StatusCode::kDataLoss,
                    "{}: damaged, or not a file of Ronda: it begins with something else", path);
}

std::optional<uint32_t> VersionInFileHead(const std::string& path) {
  const absl::StatusOr<std::string> head = ReadFileHead(path);
  if (HasOtherHead(path) || !head.ok() || head->size() < kHeadBytes) {
    return std::nullopt;
  }
  return WordAt(*head, 60);
}

int64_t DatabaseBytes(const std::string& path) {
  int64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path + suffix, error);
    bytes += error ? 0 : static_cast<int64_t>(size);
  }
  return bytes;
}

absl::Status Database::ReturnPages() {
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA incremental_vacuum"));
  // Readers may keep it from that; the next time does it.
  (void)Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Database::UsedBytes() {
  RONDA_ASSIGN_OR_RETURN(const int64_t pages, QueryInt("PRAGMA page_count"));
  RONDA_ASSIGN_OR_RETURN(const int64_t unused, QueryInt("PRAGMA freelist_count"));
  RONDA_ASSIGN_OR_RETURN(const int64_t page_bytes, QueryInt("PRAGMA page_size"));
  return (pages - unused) * page_bytes;
}

absl::Status Database::CopyTo(
    const std::string& path,
    absl::FunctionRef<void(int64_t done_bytes, int64_t all_bytes)> progress) {
  constexpr int kPagesPerStep = 2048;
  constexpr int64_t kPageBytes = 4096;
  if (sqlite3_get_autocommit(db_) != 0) {
    return Fail(absl::StatusCode::kFailedPrecondition, "{}: copying outside of a transaction",
                path_);
  }
  RONDA_ASSIGN_OR_RETURN(sqlite3 * raw,
                         OpenRaw(path, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, 0));
  Database to(raw, path);
  // The caller syncs, and a copy that was interrupted is thrown away.
  RONDA_RETURN_IF_ERROR(to.Execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"));
  sqlite3_backup* const backup = sqlite3_backup_init(to.db_, "main", db_, "main");
  if (backup == nullptr) {
    return to.LastError("beginning a copy");
  }
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup, kPagesPerStep);
    const int64_t all = sqlite3_backup_pagecount(backup);
    progress((all - sqlite3_backup_remaining(backup)) * kPageBytes, all * kPageBytes);
  }
  // Sets the error of `to`, or what reading met.
  if (sqlite3_backup_finish(backup) != SQLITE_OK) {
    return to.LastError(sqlite3_extended_errcode(db_) == SQLITE_OK ? "writing a copy"
                                                                   : "copying " + path_);
  }
  return absl::OkStatus();
}

absl::StatusOr<Transaction> Transaction::Begin(Database* db, bool write) {
  RONDA_RETURN_IF_ERROR(db->Execute(write ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) {
    // Some errors (a full disk) have rolled back already; then this one fails, and may.
    (void)db_->Execute("ROLLBACK");
  }
}

absl::Status Transaction::Commit() {
  RONDA_RETURN_IF_ERROR(db_->Execute("COMMIT"));
  db_ = nullptr;
  return absl::OkStatus();
}

}  // namespace ronda::store
