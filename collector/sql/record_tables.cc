// Tables that are small: read whole. Tested by tests/unit/collector/sql/tables_test.cc.
#include <cstddef>
#include <utility>

#include "collector/sql/json_text.h"
#include "collector/sql/tables.h"
#include "common/base/status.h"

namespace ronda::sql {
namespace {

using Rows = std::vector<std::vector<Value>>;

class RowsCursor final : public Cursor {
 public:
  explicit RowsCursor(Rows rows) : rows_(std::move(rows)) {}
  absl::StatusOr<bool> Next() override { return ++row_ < rows_.size(); }
  Value Get(int column) override { return rows_[row_][static_cast<size_t>(column)]; }

 private:
  const Rows rows_;
  size_t row_ = static_cast<size_t>(-1);
};

// A table from its columns and a function that reads its rows.
template <typename Read>
class RowsTable final : public Table {
 public:
  RowsTable(std::string_view name, std::vector<Column> columns, Read read)
      : name_(name), columns_(std::move(columns)), read_(std::move(read)) {}

  std::string_view name() const override { return name_; }
  const std::vector<Column>& columns() const override { return columns_; }
  absl::StatusOr<std::unique_ptr<Cursor>> Open(const Filter& filter) override {
    Rows rows;
    RONDA_RETURN_IF_ERROR(read_(filter, &rows));
    return std::make_unique<RowsCursor>(std::move(rows));
  }

 private:
  const std::string_view name_;
  const std::vector<Column> columns_;
  const Read read_;
};

template <typename Read>
std::unique_ptr<Table> NewRowsTable(std::string_view name, std::vector<Column> columns, Read read) {
  return std::make_unique<RowsTable<Read>>(name, std::move(columns), std::move(read));
}

// What the filter says a text column equals; "" if nothing.
std::string EqualTo(const Filter& filter, int column) {
  const auto found = filter.equal.find(column);
  return found == filter.equal.end() ? "" : found->second;
}

// 0 stands for "none" in the Api.
Value TimeOrNull(int64_t t_ms) { return t_ms == 0 ? Value() : Value(t_ms); }

std::string SourcesJson(const std::vector<query::SourceStatus>& sources) {
  std::string out = "[";
  for (const query::SourceStatus& source : sources) {
    out += out.size() > 1 ? "," : "";
    out += "{\"job\":" + JsonText(source.job) + ",\"instance\":" + JsonText(source.instance) +
           ",\"up\":" + (source.up.has_value() ? (*source.up ? "1" : "0") : "null") + "}";
  }
  return out + "]";
}

}  // namespace

std::unique_ptr<Table> NewNodesTable(query::Api& api) {
  std::vector<Column> columns = {{"node", "TEXT", Push::kEqual},
                                 {"state", "TEXT"},
                                 {"last_sample_ms", "INTEGER"},
                                 {"first_seen_ms", "INTEGER"},
                                 {"agent_version", "TEXT"},
                                 {"labels", "TEXT"},
                                 {"sources", "TEXT"},
                                 {"clock_offset_ms", "INTEGER"},
                                 {"gaps_24h", "INTEGER"}};
  return NewRowsTable(
      "nodes", std::move(columns), [&api](const Filter& filter, Rows* rows) -> absl::Status {
        RONDA_ASSIGN_OR_RETURN(const std::vector<query::NodeStatus> nodes,
                               api.Nodes(EqualTo(filter, 0)));
        for (const query::NodeStatus& node : nodes) {
          rows->push_back(
              {node.name, std::string(ToString(node.state)), TimeOrNull(node.last_sample_ms),
               TimeOrNull(node.first_seen_ms), node.agent_version, LabelsJson(node.labels),
               SourcesJson(node.sources),
               node.clock_offset_ms.has_value() ? Value(*node.clock_offset_ms) : Value(),
               node.gaps_24h});
        }
        return absl::OkStatus();
      });
}

std::unique_ptr<Table> NewAlertsTable(query::Api& api) {
  constexpr int kNode = 2;
  std::vector<Column> columns = {{"t_ms", "INTEGER", Push::kTimeMs},
                                 {"time", "TEXT", Push::kTimeText},
                                 {"node", "TEXT", Push::kEqual},
                                 {"rule", "TEXT"},
                                 {"rule_group", "TEXT"},
                                 {"severity", "TEXT"},
                                 {"labels", "TEXT"},
                                 {"from_state", "TEXT"},
                                 {"to_state", "TEXT"},
                                 {"value", "REAL"},
                                 {"active_at_ms", "INTEGER"},
                                 {"reason", "TEXT"},
                                 {"summary", "TEXT"},
                                 {"rule_version", "TEXT"},
                                 {"evidence_from_ms", "INTEGER"},
                                 {"evidence_to_ms", "INTEGER"}};
  return NewRowsTable(
      "alerts", std::move(columns), [&api](const Filter& filter, Rows* rows) -> absl::Status {
        return api.AlertLog(
            filter.from_ms, filter.to_ms, EqualTo(filter, kNode), [&](query::AlertEvent event) {
              rows->push_back(
                  {event.t_ms, TimeText(event.t_ms), std::move(event.node), std::move(event.rule),
                   std::move(event.group), std::move(event.severity), std::move(event.labels),
                   std::move(event.from), std::move(event.to), event.value,
                   TimeOrNull(event.active_at_ms), std::move(event.reason),
                   std::move(event.summary), std::move(event.rule_version),
                   TimeOrNull(event.evidence_from_ms), TimeOrNull(event.evidence_to_ms)});
              return true;
            });
      });
}

std::unique_ptr<Table> NewActiveAlertsTable(query::Api& api) {
  std::vector<Column> columns = {{"node", "TEXT"},
                                 {"rule", "TEXT"},
                                 {"rule_group", "TEXT"},
                                 {"state", "TEXT"},
                                 {"severity", "TEXT"},
                                 {"labels", "TEXT"},
                                 {"active_at_ms", "INTEGER"},
                                 {"fired_at_ms", "INTEGER"},
                                 {"changed_at_ms", "INTEGER"},
                                 {"value", "REAL"},
                                 {"reason", "TEXT"},
                                 {"summary", "TEXT"}};
  return NewRowsTable(
      "active_alerts", std::move(columns), [&api](const Filter&, Rows* rows) -> absl::Status {
        RONDA_ASSIGN_OR_RETURN(const std::vector<query::ActiveAlert> alerts, api.Alerts());
        for (const query::ActiveAlert& alert : alerts) {
          rows->push_back({alert.node, alert.rule, alert.group, alert.state, alert.severity,
                           LabelsJson(alert.labels), TimeOrNull(alert.active_at_ms),
                           TimeOrNull(alert.fired_at_ms), TimeOrNull(alert.changed_at_ms),
                           alert.value, alert.reason, alert.summary});
        }
        return absl::OkStatus();
      });
}

std::unique_ptr<Table> NewGapsTable(query::Api& api, int64_t now_ms) {
  std::vector<Column> columns = {{"node", "TEXT", Push::kEqual},
                                 {"from_ms", "INTEGER"},
                                 {"to_ms", "INTEGER"},
                                 {"source", "TEXT"},
                                 {"cause", "TEXT"},
                                 {"detail", "TEXT"}};
  return NewRowsTable(
      "gaps", std::move(columns), [&api, now_ms](const Filter& filter, Rows* rows) -> absl::Status {
        RONDA_ASSIGN_OR_RETURN(const std::vector<query::Gap> gaps,
                               api.Gaps(0, now_ms, EqualTo(filter, 0)));
        for (const query::Gap& gap : gaps) {
          rows->push_back(
              {gap.node, gap.from_ms, TimeOrNull(gap.to_ms), gap.group, gap.cause, gap.detail});
        }
        return absl::OkStatus();
      });
}

std::vector<std::unique_ptr<Table>> NewTables(query::Api& api, int64_t now_ms) {
  std::vector<std::unique_ptr<Table>> tables;
  tables.push_back(NewSamplesTable(api, now_ms));
  tables.push_back(NewSeriesTable(api, now_ms));
  tables.push_back(NewNodesTable(api));
  tables.push_back(NewAlertsTable(api));
  tables.push_back(NewActiveAlertsTable(api));
  tables.push_back(NewGapsTable(api, now_ms));
  return tables;
}

}  // namespace ronda::sql
