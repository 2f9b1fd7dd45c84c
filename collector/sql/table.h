// A table that SQL can be asked about, without SQLite. sqlite_module.cc makes virtual tables of
// these.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sql/time_text.h"

namespace ronda::sql {

// NULL, INTEGER, REAL, TEXT. A NaN is NULL to SQLite.
using Value = std::variant<std::monostate, int64_t, double, std::string>;

// How a table can use a comparison with a column; SQLite checks every row again but for kArgument.
enum class Push {
  kNone,
  kEqual,     // = and IN, with text
  kTimeMs,    // < <= = >= > BETWEEN, milliseconds since the epoch
  kTimeText,  // the same as text (time_text.h)
  kArgument,  // hidden: what stands in samples('...'), or after match =
};

struct Column {
  std::string_view name;
  std::string_view type;  // "INTEGER", "REAL", "TEXT"
  Push push = Push::kNone;
};

// What a statement asks of a table, as far as the table can use it. Times: from <= t <= to.
struct Filter {
  std::map<int, std::string> equal;  // by column; arguments too
  int64_t from_ms = 1;
  int64_t to_ms = kMaxTimeMs;
  bool bounded = false;     // one of the times was given
  bool limited = false;     // LIMIT stops the reading early
  bool impossible = false;  // column = NULL, or an empty range: no row can match
};

// Rows, one after the other. Not thread-safe.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // Goes to the next row, the first one to begin with; false at the end.
  virtual absl::StatusOr<bool> Next() = 0;
  // Of the present row. Made only when asked for.
  virtual Value Get(int column) = 0;
};

// Thread-compatible. Statements may have several cursors on one table.
class Table {
 public:
  virtual ~Table() = default;
  virtual std::string_view name() const = 0;
  virtual const std::vector<Column>& columns() const = 0;
  // kInvalidArgument: a bad argument, or a statement that would read everything.
  virtual absl::StatusOr<std::unique_ptr<Cursor>> Open(const Filter& filter) = 0;
};

}  // namespace ronda::sql
