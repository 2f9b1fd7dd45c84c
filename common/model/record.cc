#include "common/model/record.h"

namespace ronda {

const RecordKind& GapRecord() {
  static const RecordKind kKind{"gap",
                                {{"from_ms", ColumnType::kInt},
                                 {"to_ms", ColumnType::kInt},
                                 {"group", ColumnType::kString},
                                 {"cause", ColumnType::kString},
                                 {"detail", ColumnType::kString}}};
  return kKind;
}

const RecordKind& AlertRecord() {
  static const RecordKind kKind{"alert",
                                {{"rule", ColumnType::kString},
                                 {"group", ColumnType::kString},
                                 {"severity", ColumnType::kString},
                                 {"labels", ColumnType::kString},
                                 {"from", ColumnType::kString},
                                 {"to", ColumnType::kString},
                                 {"value", ColumnType::kDouble},
                                 {"active_at_ms", ColumnType::kInt},
                                 {"reason", ColumnType::kString},
                                 {"summary", ColumnType::kString},
                                 {"rule_version", ColumnType::kString},
                                 {"evidence_from_ms", ColumnType::kInt},
                                 {"evidence_to_ms", ColumnType::kInt}}};
  return kKind;
}

}  // namespace ronda
