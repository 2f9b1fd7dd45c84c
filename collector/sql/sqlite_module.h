// SQLite's virtual tables over Table.
#pragma once

#include "absl/status/status.h"
#include "collector/sql/table.h"

struct sqlite3;

namespace ronda::sql {

// Makes `table` known to the connection under its name, also as a table-valued function of its
// hidden columns. `table` and `error` must outlive the connection; *error is what the table said
// when a statement failed because of it.
absl::Status RegisterTable(sqlite3* db, Table& table, absl::Status* error);

}  // namespace ronda::sql
