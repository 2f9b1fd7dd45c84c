// Tested by tests/unit/collector/sql/session_test.cc.
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/sql/session.h"
#include "collector/sql/sqlite_module.h"
#include "collector/sql/tables.h"
#include "common/base/status.h"

namespace ronda::sql {
namespace {

// Virtual machine steps between two looks at the clock: below a millisecond.
constexpr int kProgressSteps = 10'000;
constexpr int kMaxStatementBytes = 1 << 20;
// What a client asks to learn the tables; none of them changes anything.
constexpr std::string_view kAllowedPragmas[] = {"table_info", "table_xinfo", "table_list",
                                                "function_list"};

int Authorize(void*, int action, const char* first, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      return second != nullptr && std::strcmp(second, "load_extension") == 0 ? SQLITE_DENY
                                                                             : SQLITE_OK;
    case SQLITE_PRAGMA: {
      const bool known = first != nullptr &&
                         std::find(std::begin(kAllowedPragmas), std::end(kAllowedPragmas), first) !=
                             std::end(kAllowedPragmas);
      return known ? SQLITE_OK : SQLITE_DENY;
    }
    default:
      return SQLITE_DENY;
  }
}

void NowMs(sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_int64(context, *static_cast<int64_t*>(sqlite3_user_data(context)));
}

void Ago(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
  const std::optional<int64_t> ms = promql::ParseDurationMs(text == nullptr ? "" : text);
  if (!ms.has_value()) {
    sqlite3_result_error(context, "ago() takes a duration: ago('15m'), ago('1h30m'), ago('2d')",
                         -1);
    return;
  }
  sqlite3_result_int64(context, *static_cast<int64_t*>(sqlite3_user_data(context)) - *ms);
}

Value ValueOf(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return Value();
    default: {
      const void* bytes = sqlite3_column_blob(statement, column);
      const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
      return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
    }
  }
}

struct CloseDb {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

class SqliteSession final : public Session {
 public:
  SqliteSession(query::Api& api, const Clock& clock, const Options& options, int64_t now_ms)
      : clock_(clock), options_(options), now_ms_(now_ms), tables_(NewTables(api, now_ms)) {}

  absl::Status Start() {
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(
        ":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(db);
    if (code != SQLITE_OK) {
      return Fail(absl::StatusCode::kInternal, "opening SQLite: {}", sqlite3_errstr(code));
    }
    sqlite3_hard_heap_limit64(options_.max_heap_bytes);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, kMaxStatementBytes);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // Sorting stays in memory: no files.
    sqlite3_exec(db, "PRAGMA temp_store = MEMORY", nullptr, nullptr, nullptr);
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    sqlite3_create_function(db, "now_ms", 0, kFlags, &now_ms_, NowMs, nullptr, nullptr);
    sqlite3_create_function(db, "ago", 1, kFlags, &now_ms_, Ago, nullptr, nullptr);
    for (const std::unique_ptr<Table>& table : tables_) {
      RONDA_RETURN_IF_ERROR(RegisterTable(db, *table, &table_error_));
      // SQLite declares the table at its first use, which the authorizer would refuse as a CREATE.
      sqlite3_stmt* statement = nullptr;
      const std::string first = fmt::format("SELECT 1 FROM {} WHERE 0", table->name());
      sqlite3_prepare_v2(db, first.c_str(), -1, &statement, nullptr);
      sqlite3_finalize(statement);
    }
    sqlite3_set_authorizer(db, Authorize, nullptr);
    deadline_ms_ = clock_.MonotonicMs() + options_.timeout_ms;
    sqlite3_progress_handler(
        db, kProgressSteps,
        [](void* self) { return static_cast<SqliteSession*>(self)->IsLate() ? 1 : 0; }, this);
    return absl::OkStatus();
  }

  absl::Status Run(std::string_view text, RowSink& sink) override {
    std::string_view rest = text;
    for (;;) {
      table_error_ = absl::OkStatus();
      sqlite3_stmt* prepared = nullptr;
      const char* tail = nullptr;
      const int code = sqlite3_prepare_v2(db_.get(), rest.data(), static_cast<int>(rest.size()),
                                          &prepared, &tail);
      const Statement statement(prepared);
      if (code != SQLITE_OK) {
        return ErrorOf(code, text, static_cast<size_t>(rest.data() - text.data()));
      }
      if (statement == nullptr) {
        return absl::OkStatus();  // blanks and comments
      }
      RONDA_RETURN_IF_ERROR(Step(statement.get(), text, sink));
      rest.remove_prefix(static_cast<size_t>(tail - rest.data()));
    }
  }

 private:
  bool IsLate() const { return clock_.MonotonicMs() > deadline_ms_; }

  absl::Status Step(sqlite3_stmt* statement, std::string_view text, RowSink& sink) {
    const int columns = sqlite3_column_count(statement);
    std::vector<std::string> names;
    for (int i = 0; i < columns; ++i) {
      const char* name = sqlite3_column_name(statement, i);
      names.emplace_back(name == nullptr ? "" : name);
    }
    std::vector<Value> row(names.size());
    bool begun = false;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      if (!std::exchange(begun, true)) {
        sink.Begin(names);
      }
      for (int i = 0; i < columns; ++i) {
        row[static_cast<size_t>(i)] = ValueOf(statement, i);
      }
      if (!sink.Row(row)) {
        break;
      }
      // A table whose rows cost much runs few steps of the machine.
      if (IsLate()) {
        code = SQLITE_INTERRUPT;
        break;
      }
    }
    // A statement that fails at once leaves no head behind.
    if (!begun && code == SQLITE_DONE) {
      sink.Begin(names);
      begun = true;
    }
    if (begun) {
      sink.End();
    }
    return code == SQLITE_DONE || code == SQLITE_ROW ? absl::OkStatus()
                                                     : ErrorOf(code, text, text.size());
  }

  absl::Status ErrorOf(int code, std::string_view text, size_t begin) const {
    if (!table_error_.ok()) {
      return table_error_;
    }
    switch (code & 0xff) {
      case SQLITE_INTERRUPT:
        return Fail(absl::StatusCode::kDeadlineExceeded,
                    "the statement took longer than {} s: read a shorter time or fewer series, or "
                    "give it longer with --timeout",
                    static_cast<double>(options_.timeout_ms) / 1000);
      case SQLITE_NOMEM:
        return Fail(absl::StatusCode::kResourceExhausted,
                    "the statement needs more than {} MiB to sort or group: read a shorter time or "
                    "fewer series",
                    options_.max_heap_bytes >> 20);
      case SQLITE_AUTH:
        return Fail(absl::StatusCode::kInvalidArgument,
                    "{}: `ronda sql` only reads (SELECT, WITH, VALUES, EXPLAIN)",
                    sqlite3_errmsg(db_.get()));
      default:
        break;
    }
    std::string place;
    const int offset = sqlite3_error_offset(db_.get());
    if (offset >= 0 && begin + static_cast<size_t>(offset) <= text.size()) {
      const std::string_view before = text.substr(0, begin + static_cast<size_t>(offset));
      const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
      place = fmt::format("{}:{}: ", 1 + std::count(before.begin(), before.end(), '\n'),
                          1 + before.size() - line_begin);
    }
    return Fail(absl::StatusCode::kInvalidArgument, "{}{}", place, sqlite3_errmsg(db_.get()));
  }

  const Clock& clock_;
  const Options options_;
  int64_t now_ms_;
  int64_t deadline_ms_ = 0;
  absl::Status table_error_;
  // Before the connection, which uses them until it is closed.
  const std::vector<std::unique_ptr<Table>> tables_;
  std::unique_ptr<sqlite3, CloseDb> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Open(query::Api& api, const Clock& clock,
                                                       const Options& options) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, api.Time());
  auto session = std::make_unique<SqliteSession>(api, clock, options, time.now_ms);
  RONDA_RETURN_IF_ERROR(session->Start());
  return session;
}

std::string DescribeTables(query::Api& api) {
  std::string out;
  for (const std::unique_ptr<Table>& table : NewTables(api, 0)) {
    out += fmt::format("{}\n", table->name());
    for (const Column& column : table->columns()) {
      out += fmt::format("  {:<16} {:<8}{}\n", column.name, column.type,
                         column.push == Push::kNone       ? ""
                         : column.push == Push::kArgument ? "an argument: a selector"
                                                          : "narrows what is read");
    }
  }
  return out;
}

}  // namespace ronda::sql
