// Reading what can still be read of a damaged SQLite file of ours.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// Copies `path` and its -wal to `copy` and opens the copy. If its first page is damaged, so that
// SQLite does not take it for a database or does not know its tables, that page is replaced by the
// one of `fresh`, a new file of the same format: tables are made in one order, so that they begin
// at the same pages in all our files. The result may still be damaged anywhere else.
absl::StatusOr<std::unique_ptr<Database>> OpenForSalvage(const std::string& path,
                                                         const std::string& copy,
                                                         const std::string& fresh);

// Visits the rows of a table with an INTEGER PRIMARY KEY `id` that can be reached, each once, in no
// particular order: from the front, from the back, and between the two id by id. `columns` is the
// list to select, and must begin with id. False if some could not be reached.
bool SalvageRows(Database* db, const std::string& table, const std::string& columns,
                 absl::FunctionRef<void(const Statement& row)> visit);

// The same for a table of another key, `order` (two columns): from the front and from the back.
bool SalvageKeyed(Database* db, const std::string& table, const std::string& columns,
                  const std::string& order, absl::FunctionRef<void(const Statement& row)> visit);

}  // namespace ronda::store
