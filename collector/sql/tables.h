// What `ronda sql` can ask about. SCHEMA.md describes each column.
#pragma once

#include <memory>
#include <vector>

#include "collector/query/api.h"
#include "collector/sql/table.h"

namespace ronda::sql {

// samples: a row each sample, decoded as the statement goes on.
std::unique_ptr<Table> NewSamplesTable(query::Api& api, int64_t now_ms);
// series: a row each series, metric by metric.
std::unique_ptr<Table> NewSeriesTable(query::Api& api, int64_t now_ms);
// nodes, alerts (the transitions), active_alerts, gaps: read whole when a statement begins.
std::unique_ptr<Table> NewNodesTable(query::Api& api);
std::unique_ptr<Table> NewAlertsTable(query::Api& api);
std::unique_ptr<Table> NewActiveAlertsTable(query::Api& api);
std::unique_ptr<Table> NewGapsTable(query::Api& api, int64_t now_ms);

// All of them. The Api must outlive them.
std::vector<std::unique_ptr<Table>> NewTables(query::Api& api, int64_t now_ms);

}  // namespace ronda::sql
