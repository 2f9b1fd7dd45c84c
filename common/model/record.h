// Records: the second kind of data, (node, kind, time, typed columns). Alert transitions, gaps,
// statement deltas, log lines and the like are records; kinds are declared like metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ronda {

// On the wire and on disk: do not change the numbers.
enum class ColumnType : uint8_t { kInt = 1, kDouble = 2, kString = 3 };

struct RecordColumn {
  std::string name;
  ColumnType type = ColumnType::kString;
  bool operator==(const RecordColumn&) const = default;
};

// A declared kind. Columns may be added at the end in later versions, never changed or removed.
struct RecordKind {
  std::string name;  // "gap", "alert", ...
  std::vector<RecordColumn> columns;
  bool operator==(const RecordKind&) const = default;
};

using RecordValue = std::variant<int64_t, double, std::string>;

// One row; values in the order of the kind's columns, each of its column's type.
struct Record {
  int64_t t_ms = 0;
  std::vector<RecordValue> values;
  bool operator==(const Record&) const = default;
};

// A hole in a node's samples. Columns: from_ms, to_ms (0 while it lasts), group ("" = all of the
// node), cause ("agent stopped", "agent killed", "agent stalled", "host rebooted", "overflow",
// "clock step", "paused", "network", "late" (it came after all), ...: README.md), detail.
const RecordKind& GapRecord();

// A transition of an alert. Columns: rule, group, severity, labels (as printed), from, to (states),
// value, active_at_ms, reason, summary, rule_version (of its definition, 8 hexadecimal digits),
// evidence_from_ms and evidence_to_ms (the time whose data says why).
const RecordKind& AlertRecord();

}  // namespace ronda
