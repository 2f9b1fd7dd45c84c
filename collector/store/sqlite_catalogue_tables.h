// The tables nodes, sources and schemas, which every file of the history has, so that each can be
// read, dropped or restored alone. Rows: catalogue_rows.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

enum class CatalogueTable { kNodes, kSources, kSchemas };

absl::Status CreateCatalogueTables(Database* db);

using VisitCatalogueRow = absl::FunctionRef<absl::Status(int64_t id, std::string_view data)>;
// In order of their ids.
absl::Status ForEachCatalogueRow(Database* db, CatalogueTable table, VisitCatalogueRow visit);

// Call inside a transaction.
absl::Status PutCatalogueRow(Database* db, CatalogueTable table, int64_t id, std::string_view data);

}  // namespace ronda::store
