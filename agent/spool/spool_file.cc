// Tested by tests/unit/agent/spool/spool_file_test.cc.
#include "agent/spool/spool_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "agent/spool/spool_row.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/codec/schema_codec.h"

namespace ronda::agent {
namespace {

constexpr int64_t kApplicationId = 0x52534C31;  // "RSL1"
constexpr int64_t kUserVersion = 1;

constexpr char kTables[] = R"(
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE schemas(hash BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE frames(epoch INTEGER NOT NULL, run INTEGER NOT NULL, first_seq INTEGER NOT NULL,
                        data BLOB NOT NULL, PRIMARY KEY(epoch, run, first_seq)) WITHOUT ROWID;
)";

absl::StatusCode CodeOf(int extended, int system_errno) {
  const bool no_space = system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
  switch (extended & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_IOERR:
      if (no_space) {
        return absl::StatusCode::kResourceExhausted;
      }
      return extended == SQLITE_IOERR_SHORT_READ || extended == SQLITE_IOERR_CORRUPTFS
                 ? absl::StatusCode::kDataLoss
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
      return no_space ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kUnknown;
  }
}

std::string_view HashBytes(const SchemaHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// "stopped " and the epoch; the value is when that began, as text.
constexpr std::string_view kStoppedKey = "stopped ";
constexpr size_t kMaxStopped = 256;

// Nothing if it is no such mark.
std::optional<EpochId> ParseStopped(std::string_view key, std::string_view value) {
  EpochId epoch;
  key.remove_prefix(std::min(key.size(), kStoppedKey.size()));
  const auto id = std::from_chars(key.data(), key.data() + key.size(), epoch.id, 16);
  const auto started = std::from_chars(value.data(), value.data() + value.size(), epoch.started_ms);
  const bool whole = id.ec == std::errc() && id.ptr == key.data() + key.size() &&
                     started.ec == std::errc() && started.ptr == value.data() + value.size();
  return whole && epoch.id != 0 ? std::optional(epoch) : std::nullopt;
}

// Numbers of 64 bits as SQLite has them.
int64_t Signed(uint64_t v) { return static_cast<int64_t>(v); }

}  // namespace

// The connection and its statements.
struct SpoolFile::Db {
  explicit Db(std::string p) : path(std::move(p)) {}
  ~Db() {
    for (const auto& [sql, statement] : statements) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(handle);
  }

  absl::Status Error(std::string_view what) const {
    return Fail(CodeOf(sqlite3_extended_errcode(handle), sqlite3_system_errno(handle)),
                "{}: {}: {}", path, what, sqlite3_errmsg(handle));
  }
  absl::Status Execute(const char* sql) {
    return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                             : Error(sql);
  }
  // A statement that is reset and kept for the next time.
  absl::StatusOr<sqlite3_stmt*> Prepare(const char* sql) {
    sqlite3_stmt*& statement = statements[sql];
    if (statement == nullptr && sqlite3_prepare_v3(handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                   &statement, nullptr) != SQLITE_OK) {
      return Error(sql);
    }
    sqlite3_reset(statement);
    return statement;
  }
  absl::StatusOr<bool> Step(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      return true;
    }
    const absl::Status status =
        code == SQLITE_DONE ? absl::OkStatus() : Error(sqlite3_sql(statement));
    sqlite3_reset(statement);
    if (!status.ok()) {
      return status;
    }
    return false;
  }
  absl::StatusOr<int64_t> QueryInt(const char* sql) {
    RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
    RONDA_ASSIGN_OR_RETURN(const bool row, Step(statement));
    const int64_t value = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return value;
  }
  static void Bind(sqlite3_stmt* statement, int index, std::string_view bytes) {
    sqlite3_bind_blob64(statement, index, bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                        SQLITE_STATIC);
  }
  static std::string_view Bytes(sqlite3_stmt* statement, int column) {
    const void* data = sqlite3_column_blob(statement, column);
    return {static_cast<const char*>(data),
            static_cast<size_t>(sqlite3_column_bytes(statement, column))};
  }

  // Checks whose file it is, and makes the tables of a new one.
  absl::Status SetUp(const std::string& node);

  const std::string path;
  sqlite3* handle = nullptr;
  std::map<const char*, sqlite3_stmt*> statements;
  bool syncs = false;  // synchronous=FULL is set
};

absl::Status SpoolFile::Db::SetUp(const std::string& node) {
  // Alone with the file: no shared memory beside it, and nobody else's frames in it.
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA locking_mode=EXCLUSIVE"));
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA journal_mode=WAL"));
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA synchronous=NORMAL"));
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA secure_delete=OFF"));
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA temp_store=MEMORY"));
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA cache_size=-512"));
  RONDA_RETURN_IF_ERROR(Execute("PRAGMA journal_size_limit=1048576"));
  RONDA_ASSIGN_OR_RETURN(const int64_t application, QueryInt("PRAGMA application_id"));
  RONDA_ASSIGN_OR_RETURN(const int64_t version, QueryInt("PRAGMA user_version"));
  if (application == 0 && version == 0) {
    RONDA_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
    absl::Status made = Execute(kTables);
    if (made.ok()) {
      made = Execute(fmt::format("PRAGMA application_id={}", kApplicationId).c_str());
    }
    if (made.ok()) {
      made = Execute(fmt::format("PRAGMA user_version={}", kUserVersion).c_str());
    }
    if (made.ok()) {
      RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * insert,
                             Prepare("INSERT OR REPLACE INTO meta VALUES('node', ?)"));
      Bind(insert, 1, node);
      made = Step(insert).status();
    }
    if (!made.ok()) {
      Execute("ROLLBACK").IgnoreError();
      return made;
    }
    return Execute("COMMIT");
  }
  if (application != kApplicationId || version < 1) {
    return Fail(absl::StatusCode::kDataLoss, "{}: not a spool of ronda-agent", path);
  }
  if (version > kUserVersion) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "{}: written by a later version of ronda-agent (format {}, this one knows {})",
                path, version, kUserVersion);
  }
  RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * select, Prepare("SELECT value FROM meta WHERE key='node'"));
  RONDA_ASSIGN_OR_RETURN(const bool row, Step(select));
  const std::string owner = row ? std::string(Bytes(select, 0)) : "";
  sqlite3_reset(select);
  if (owner != node) {
    return Fail(absl::StatusCode::kFailedPrecondition, "{}: holds data of the node \"{}\"", path,
                owner);
  }
  return absl::OkStatus();
}

SpoolFile::SpoolFile(std::unique_ptr<Db> db) : db_(std::move(db)) {}
SpoolFile::~SpoolFile() = default;

absl::StatusOr<std::unique_ptr<SpoolFile>> SpoolFile::Open(const Options& options) {
  const std::string& path = options.path;
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    RONDA_RETURN_IF_ERROR(MakeDirectories(path.substr(0, slash)));
  }
  if (!SpoolFileExists(path)) {
    // A WAL without its database would be played into the new one.
    RONDA_RETURN_IF_ERROR(RemoveSpoolFile(path));
    // What the node's samples say is for nobody else on it.
    const int made = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (made < 0) {
      return ErrnoStatus(errno, "making " + path);
    }
    close(made);
  }
  auto db = std::make_unique<Db>(path);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db->handle, flags, nullptr) != SQLITE_OK) {
    return db->Error("opening");
  }
  sqlite3_extended_result_codes(db->handle, 1);
  RONDA_RETURN_IF_ERROR(db->SetUp(options.node));
  if (options.max_pages_for_test > 0) {
    RONDA_RETURN_IF_ERROR(
        db->Execute(fmt::format("PRAGMA max_page_count={}", options.max_pages_for_test).c_str()));
  }
  return std::unique_ptr<SpoolFile>(new SpoolFile(std::move(db)));
}

absl::StatusOr<SpoolFile::Listing> SpoolFile::List() {
  std::map<SchemaHash, std::shared_ptr<const Schema>> schemas;
  RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * select, db_->Prepare("SELECT content FROM schemas"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, db_->Step(select));
    if (!row) {
      break;
    }
    if (auto schema = codec::DecodeSchema(Db::Bytes(select, 0)); schema.ok()) {
      auto shared = std::make_shared<const Schema>(*std::move(schema));
      schemas[codec::HashSchema(*shared)] = std::move(shared);
    }
  }
  Listing listing;
  RONDA_ASSIGN_OR_RETURN(
      select, db_->Prepare("SELECT epoch, run, data FROM frames ORDER BY epoch, run, first_seq"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, db_->Step(select));
    if (!row) {
      break;
    }
    const SpoolWork::Run name{static_cast<uint64_t>(sqlite3_column_int64(select, 0)),
                              static_cast<uint64_t>(sqlite3_column_int64(select, 1))};
    const std::string_view data = Db::Bytes(select, 2);
    const absl::StatusOr<Piece> piece = DecodePiece(data);
    if (!listing.damaged.empty() && listing.damaged.back() == name) {
      continue;
    }
    KeptRun* run = listing.runs.empty() ? nullptr : &listing.runs.back();
    const bool goes_on =
        run != nullptr && run->epoch.id == name.epoch && run->first_seq == name.first_seq;
    bool fits = piece.ok() && piece->epoch.id == name.epoch &&
                piece->key.first_seq == name.first_seq &&
                goes_on == (piece->frames.front().seq != name.first_seq);
    const bool records = fits && piece->hash == SchemaHash{};
    fits = fits && (records || schemas.contains(piece->hash));
    if (!fits) {
      if (goes_on) {
        listing.runs.pop_back();
      }
      listing.damaged.push_back(name);
      continue;
    }
    if (!goes_on) {
      run = &listing.runs.emplace_back();
      run->epoch = piece->epoch;
      run->group = piece->group;
      run->schema = records ? nullptr : schemas.at(piece->hash);
      run->hash = piece->hash;
      run->first_seq = name.first_seq;
      run->from_ms = piece->frames.front().t_ms;
    }
    run->last_seq = piece->frames.back().seq;
    run->to_ms = std::max(run->to_ms, piece->frames.back().t_ms);
    run->frames += static_cast<int64_t>(piece->frames.size());
    run->bytes += static_cast<int64_t>(data.size());
  }
  RONDA_ASSIGN_OR_RETURN(listing.stopped, ListStopped());
  return listing;
}

absl::StatusOr<std::vector<EpochId>> SpoolFile::ListStopped() {
  std::vector<EpochId> stopped;
  RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * select,
                         db_->Prepare("SELECT key, value FROM meta WHERE key GLOB 'stopped *'"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, db_->Step(select));
    if (!row) {
      break;
    }
    if (const auto epoch = ParseStopped(Db::Bytes(select, 0), Db::Bytes(select, 1))) {
      stopped.push_back(*epoch);
    }
  }
  std::sort(stopped.begin(), stopped.end(), InOrder);
  if (stopped.size() > kMaxStopped) {
    stopped.erase(stopped.begin(), stopped.end() - kMaxStopped);
  }
  return stopped;
}

absl::Status SpoolFile::MarkStopped(const EpochId& epoch) {
  RONDA_ASSIGN_OR_RETURN(std::vector<EpochId> stopped, ListStopped());
  stopped.push_back(epoch);
  if (stopped.size() > kMaxStopped) {
    stopped.erase(stopped.begin());
  }
  RONDA_RETURN_IF_ERROR(SetSync(true));
  RONDA_RETURN_IF_ERROR(db_->Execute("BEGIN IMMEDIATE"));
  absl::Status status = db_->Execute("DELETE FROM meta WHERE key GLOB 'stopped *'");
  for (size_t i = 0; status.ok() && i < stopped.size(); ++i) {
    const std::string key = fmt::format("{}{:016x}", kStoppedKey, stopped[i].id);
    const std::string value = fmt::format("{}", stopped[i].started_ms);
    const auto insert = db_->Prepare("INSERT OR REPLACE INTO meta VALUES(?, ?)");
    status = insert.status();
    if (status.ok()) {
      sqlite3_bind_text(*insert, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
      Db::Bind(*insert, 2, value);
      status = db_->Step(*insert).status();
    }
  }
  if (status.ok()) {
    status = db_->Execute("COMMIT");
  }
  if (!status.ok()) {
    db_->Execute("ROLLBACK").IgnoreError();
  }
  return status;
}

absl::Status SpoolFile::WritePiece(const Piece& piece) {
  if (piece.schema != nullptr) {
    RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * find,
                           db_->Prepare("SELECT 1 FROM schemas WHERE hash = ?"));
    Db::Bind(find, 1, HashBytes(piece.hash));
    RONDA_ASSIGN_OR_RETURN(const bool known, db_->Step(find));
    sqlite3_reset(find);
    if (!known) {
      const std::string content = codec::EncodeSchema(*piece.schema);
      RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * insert,
                             db_->Prepare("INSERT INTO schemas VALUES(?, ?)"));
      Db::Bind(insert, 1, HashBytes(piece.hash));
      Db::Bind(insert, 2, content);
      RONDA_RETURN_IF_ERROR(db_->Step(insert).status());
      written_bytes_ += static_cast<int64_t>(content.size());
    }
  }
  const std::string data = EncodePiece(piece);
  RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * insert,
                         db_->Prepare("INSERT OR REPLACE INTO frames VALUES(?, ?, ?, ?)"));
  sqlite3_bind_int64(insert, 1, Signed(piece.epoch.id));
  sqlite3_bind_int64(insert, 2, Signed(piece.key.first_seq));
  sqlite3_bind_int64(insert, 3, Signed(piece.frames.front().seq));
  Db::Bind(insert, 4, data);
  written_bytes_ += static_cast<int64_t>(data.size());
  return db_->Step(insert).status();
}

absl::Status SpoolFile::WriteAll(const std::vector<SpoolWork::Run>& remove,
                                 const std::vector<Piece>& write) {
  for (const SpoolWork::Run& run : remove) {
    RONDA_ASSIGN_OR_RETURN(sqlite3_stmt * erase,
                           db_->Prepare("DELETE FROM frames WHERE epoch = ? AND run = ?"));
    sqlite3_bind_int64(erase, 1, Signed(run.epoch));
    sqlite3_bind_int64(erase, 2, Signed(run.first_seq));
    RONDA_RETURN_IF_ERROR(db_->Step(erase).status());
  }
  for (const Piece& piece : write) {
    RONDA_RETURN_IF_ERROR(WritePiece(piece));
  }
  return absl::OkStatus();
}

absl::Status SpoolFile::SetSync(bool sync) {
  if (sync != db_->syncs) {
    RONDA_RETURN_IF_ERROR(
        db_->Execute(sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    db_->syncs = sync;
  }
  return absl::OkStatus();
}

absl::Status SpoolFile::Write(const std::vector<SpoolWork::Run>& remove,
                              const std::vector<Piece>& write, bool sync) {
  RONDA_RETURN_IF_ERROR(SetSync(sync));
  RONDA_RETURN_IF_ERROR(db_->Execute("BEGIN IMMEDIATE"));
  absl::Status status = WriteAll(remove, write);
  if (status.ok()) {
    status = db_->Execute("COMMIT");
  }
  if (!status.ok()) {
    db_->Execute("ROLLBACK").IgnoreError();  // SQLite may have done so itself
    return status;
  }
  ++writes_;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<KeptFrame>> SpoolFile::ReadRun(const SpoolWork::Run& run) {
  RONDA_ASSIGN_OR_RETURN(
      sqlite3_stmt * select,
      db_->Prepare("SELECT data FROM frames WHERE epoch = ? AND run = ? ORDER BY first_seq"));
  sqlite3_bind_int64(select, 1, Signed(run.epoch));
  sqlite3_bind_int64(select, 2, Signed(run.first_seq));
  std::vector<KeptFrame> frames;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, db_->Step(select));
    if (!row) {
      break;
    }
    auto piece = DecodePiece(Db::Bytes(select, 0));
    if (!piece.ok()) {
      sqlite3_reset(select);
      return piece.status();
    }
    std::move(piece->frames.begin(), piece->frames.end(), std::back_inserter(frames));
  }
  return frames;
}

absl::StatusOr<bool> SpoolFile::Empty() {
  RONDA_ASSIGN_OR_RETURN(const int64_t some, db_->QueryInt("SELECT EXISTS(SELECT 1 FROM frames)"));
  return some == 0;
}

bool SpoolFileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status RemoveSpoolFile(const std::string& path) {
  // The database last: without it the others would be played into a new one.
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    const std::string name = path + suffix;
    if (unlink(name.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "removing " + name);
    }
  }
  return absl::OkStatus();
}

absl::Status RenameSpoolFile(const std::string& path, const std::string& aside) {
  RONDA_RETURN_IF_ERROR(RemoveSpoolFile(aside));
  for (const char* suffix : {"-wal", ""}) {
    const std::string from = path + suffix;
    if (rename(from.c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "renaming " + from);
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
