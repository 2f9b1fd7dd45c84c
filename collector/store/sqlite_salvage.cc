#include "collector/store/sqlite_salvage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPageBytes = 4096;
// Between the last row readable from the front and the first from the back.
constexpr int64_t kMaxProbes = 1'000'000;
constexpr int64_t kProbesAtEnd = 1000;  // if none can be read from the back

void PutBigEndian32(std::array<char, kPageBytes>* page, size_t at, uint32_t v) {
  for (size_t i = 0; i < 4; ++i) {
    (*page)[at + i] = static_cast<char>(v >> (24 - 8 * i));
  }
}

// Offsets are those of the database header (SQLite file format, 1.3).
absl::Status ReplaceFirstPage(const std::string& path, const std::string& fresh) {
  const int from = open(fresh.c_str(), O_RDONLY | O_CLOEXEC);
  const int to = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const auto closer = absl::MakeCleanup([&] {
    close(from);
    close(to);
  });
  std::array<char, kPageBytes> page{};
  const off_t size = to < 0 ? -1 : lseek(to, 0, SEEK_END);
  if (from < 0 || size < 0 ||
      pread(from, page.data(), page.size(), 0) != static_cast<ssize_t>(page.size())) {
    return ErrnoStatus(errno, "reading the first page of " + fresh);
  }
  PutBigEndian32(&page, 28, static_cast<uint32_t>(static_cast<size_t>(size) / kPageBytes));
  PutBigEndian32(&page, 32, 0);  // no free pages: nothing is written, only read
  PutBigEndian32(&page, 36, 0);
  PutBigEndian32(&page, 24, 1);  // the size above holds if these two agree
  PutBigEndian32(&page, 92, 1);
  if (pwrite(to, page.data(), page.size(), 0) != static_cast<ssize_t>(page.size())) {
    return ErrnoStatus(errno, "writing the first page of " + path);
  }
  return absl::OkStatus();
}

bool IsUsable(Database* db, Database* reference) {
  const char* kTables =
      "SELECT count(*) FROM sqlite_schema WHERE type='table' AND rootpage BETWEEN 2 AND 64";
  const absl::StatusOr<int64_t> tables = db->QueryInt(kTables);
  const absl::StatusOr<int64_t> wanted = reference->QueryInt(kTables);
  const absl::StatusOr<int64_t> page_size = db->QueryInt("PRAGMA page_size");
  return tables.ok() && wanted.ok() && page_size.ok() && *tables == *wanted &&
         *page_size == static_cast<int64_t>(kPageBytes);
}

// Steps through `sql`; false if an error, or `visit`, ended it.
bool StepThrough(Database* db, const std::string& sql,
                 absl::FunctionRef<bool(const Statement& row)> visit) {
  absl::StatusOr<Statement> rows = db->Prepare(sql);
  if (!rows.ok()) {
    return false;
  }
  for (;;) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) {
      return false;
    }
    if (!*row) {
      return true;
    }
    if (!visit(*rows)) {
      return false;
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenForSalvage(const std::string& path,
                                                         const std::string& copy,
                                                         const std::string& fresh) {
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> reference, Database::Open(fresh, {}));
  for (const bool replace : {false, true}) {
    for (const char* suffix : {"", "-wal"}) {
      std::error_code error;
      fs::remove(copy + suffix, error);
      if (fs::exists(path + suffix, error) && !fs::copy_file(path + suffix, copy + suffix, error)) {
        return Fail(absl::StatusCode::kResourceExhausted, "copying {}{}: {}", path, suffix,
                    error.message());
      }
    }
    if (replace) {
      RONDA_RETURN_IF_ERROR(ReplaceFirstPage(copy, fresh));
    }
    absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(copy, {});
    if (db.ok() && IsUsable(db->get(), reference.get())) {
      return db;
    }
  }
  return Fail(absl::StatusCode::kDataLoss, "{}: nothing in it can be read", path);
}

bool SalvageRows(Database* db, const std::string& table, const std::string& columns,
                 absl::FunctionRef<void(const Statement& row)> visit) {
  std::set<int64_t> seen;
  const auto once = [&](const Statement& row) {
    const bool is_new = seen.insert(row.Int(0)).second;
    if (is_new) {
      visit(row);
    }
    return is_new;
  };
  const std::string select = "SELECT " + columns + " FROM " + table;
  if (StepThrough(db, select + " ORDER BY id", once)) {
    return true;
  }
  // Ids may be damaged too: nothing of ours is so near the end, and sums must not overflow.
  const int64_t front =
      std::min(seen.empty() ? 0 : *seen.rbegin(), std::numeric_limits<int64_t>::max() - kMaxProbes);
  StepThrough(db, select + " ORDER BY id DESC", once);
  const auto after = seen.upper_bound(front);
  const int64_t back =
      std::min(after == seen.end() ? front + kProbesAtEnd : *after, front + kMaxProbes);
  absl::StatusOr<Statement> one = db->Prepare(select + " WHERE id=?");
  for (int64_t id = front + 1; one.ok() && id < back; ++id) {
    one->Bind(1, id);
    const absl::StatusOr<bool> row = one->Step();
    if (row.ok() && *row) {
      once(*one);
    }
    one->Reset();
  }
  return false;
}

bool SalvageKeyed(Database* db, const std::string& table, const std::string& columns,
                  const std::string& order, absl::FunctionRef<void(const Statement& row)> visit) {
  std::set<std::pair<std::string, std::string>> seen;
  const auto once = [&](const Statement& row) {
    const bool is_new = seen.emplace(std::string(row.Bytes(0)), std::string(row.Bytes(1))).second;
    if (is_new) {
      visit(row);
    }
    return is_new;
  };
  const std::string select = "SELECT " + columns + " FROM " + table + " ORDER BY ";
  if (StepThrough(db, select + order, once)) {
    return true;
  }
  std::string backwards = order;
  backwards.replace(backwards.find(','), 1, " DESC,");
  StepThrough(db, select + backwards + " DESC", once);
  return false;
}

}  // namespace ronda::store
