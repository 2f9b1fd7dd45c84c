// Reading records: the one interface to alerts, gaps and all other kinds.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/model/record.h"

namespace ronda::store {

// Thread-safe.
class RecordReader {
 public:
  virtual ~RecordReader() = default;

  // Calls `visit(node, record)` for the records of `kind` with start_ms <= t <= end_ms, in order of
  // time, until it returns false. `node` "" means all nodes.
  virtual absl::Status ScanRecords(
      std::string_view kind, std::string_view node, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(std::string_view node, const Record& record)> visit) const = 0;
};

}  // namespace ronda::store
