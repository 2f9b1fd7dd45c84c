// Runs SQL statements on the tables of tables.h: reading only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "collector/sql/table.h"
#include "common/base/clock.h"

namespace ronda::sql {

// Takes a statement's answer. Column names first, then row by row until it returns false. Nothing
// is called for a statement that fails before its first row.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void Begin(const std::vector<std::string>& columns) = 0;
  virtual bool Row(const std::vector<Value>& values) = 0;
  virtual void End() = 0;
};

// An SQLite connection that has no file and makes none. Statements can read the tables and nothing
// else: no writes, no ATTACH, no extensions. Besides SQLite's functions there are now_ms() and
// ago('15m'), milliseconds since the epoch; "now" is the Api's (without a collector the newest
// sample). Not thread-safe; the Api and the clock must outlive it.
class Session {
 public:
  struct Options {
    int64_t timeout_ms = 60'000;         // of all statements together
    int64_t max_heap_bytes = 1LL << 30;  // of SQLite: sorting and grouping; process-wide
  };

  static absl::StatusOr<std::unique_ptr<Session>> Open(query::Api& api, const Clock& clock,
                                                       const Options& options);
  virtual ~Session() = default;

  // Runs the statements of `text` one after the other. kInvalidArgument: SQLite's message, with
  // "LINE:COLUMN: " in front where it knows the place; what a statement may not do.
  // kDeadlineExceeded, kResourceExhausted: a limit. Else what the Api said.
  virtual absl::Status Run(std::string_view text, RowSink& sink) = 0;
};

// "name\n  column TYPE ..." of each table, for people.
std::string DescribeTables(query::Api& api);

}  // namespace ronda::sql
