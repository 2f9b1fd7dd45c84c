// Versions of our SQLite files: application_id says whose file it is, user_version how far its
// schema has come.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// One step from version i to i+1, inside a transaction. Never changed once released. Each changes
// the definition of a table, be it by a comment: a file with our tables and a later number is
// damaged, and not of a later version.
using Migration = absl::Status (*)(Database* db);

// Brings a file that is new, or of an earlier version, to the last one, one transaction a step.
// kDataLoss: not a file of this application, or its table definitions are damaged.
// kFailedPrecondition: written by a later version.
absl::Status Migrate(Database* db, int64_t application_id, std::span<const Migration> migrations);

// The second step of files with columns: the view `column_encodings` says the newest encoding that
// they may have (common/codec/FORMAT.md). Those before know none after 4, or are of the few weeks
// when 5 was new. Nothing else differs. A view takes no page.
absl::Status AddColumnEncodings(Database* db);

// Opens a file of level 1 for writing, or makes it, and brings it to the last version. They are
// many: each has a small cache, and gives pages that it needs no more back to the disk.
// `wal_pages`: Database::Options.
absl::StatusOr<std::unique_ptr<Database>> OpenHistoryFile(const std::string& path,
                                                          int64_t wal_pages, int64_t application_id,
                                                          std::span<const Migration> migrations);

// The same checks without changing anything; a version before `oldest` is kFailedPrecondition too,
// and 0 (nothing in it yet) kNotFound. kAnyVersion: those before the last are read as they are.
inline constexpr int64_t kAnyVersion = 1;
absl::Status CheckVersion(Database* db, int64_t application_id,
                          std::span<const Migration> migrations, int64_t oldest);

// kFailedPrecondition if the file was written by a later version; whatever else is wrong with it is
// not looked at. Costs 100 bytes read, unless the file says so or has a -wal that may.
absl::Status CheckNotLater(const std::string& path, int64_t application_id,
                           std::span<const Migration> migrations);

}  // namespace ronda::store
