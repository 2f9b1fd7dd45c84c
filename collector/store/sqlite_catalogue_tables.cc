#include "collector/store/sqlite_catalogue_tables.h"

#include <string>

#include "common/base/status.h"

namespace ronda::store {
namespace {

std::string NameOf(CatalogueTable table) {
  switch (table) {
    case CatalogueTable::kNodes:
      return "nodes";
    case CatalogueTable::kSources:
      return "sources";
    case CatalogueTable::kSchemas:
      break;
  }
  return "schemas";
}

}  // namespace

absl::Status CreateCatalogueTables(Database* db) {
  return db->Execute(R"sql(
    CREATE TABLE nodes(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE sources(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE schemas(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
  )sql");
}

absl::Status ForEachCatalogueRow(Database* db, CatalogueTable table, VisitCatalogueRow visit) {
  RONDA_ASSIGN_OR_RETURN(Statement rows,
                         db->Prepare("SELECT id, data FROM " + NameOf(table) + " ORDER BY id"));
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) {
      return absl::OkStatus();
    }
    RONDA_RETURN_IF_ERROR(visit(rows.Int(0), rows.Bytes(1)));
  }
}

absl::Status PutCatalogueRow(Database* db, CatalogueTable table, int64_t id,
                             std::string_view data) {
  RONDA_ASSIGN_OR_RETURN(Statement put,
                         db->Prepare("INSERT OR REPLACE INTO " + NameOf(table) + " VALUES(?,?)"));
  return put.Bind(1, id).BindBlob(2, data).Run();
}

}  // namespace ronda::store
