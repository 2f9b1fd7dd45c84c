// How a comparison comes down: SQLite offers the comparisons of a WHERE clause to BestIndex, which
// says which of them it can use, and in idxStr how. SQLite computes their right sides and hands
// them to Filter. See https://www.sqlite.org/vtab.html.
//
// The plan in idxStr: for each value "<column>,<operator>;", then "L" if there is a LIMIT.
#include "collector/sql/sqlite_module.h"

#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/base/status.h"

namespace ronda::sql {
namespace {

struct Module {
  Table& table;
  absl::Status* error;
};

struct TableHandle : sqlite3_vtab {
  Module* module = nullptr;
};

struct CursorHandle : sqlite3_vtab_cursor {
  std::unique_ptr<Cursor> cursor;
  bool at_end = true;
  sqlite3_int64 rowid = 0;
};

int Report(sqlite3_vtab* vtab, const absl::Status& status) {
  auto* handle = static_cast<TableHandle*>(vtab);
  *handle->module->error = status;
  sqlite3_free(vtab->zErrMsg);
  vtab->zErrMsg = sqlite3_mprintf("%s", std::string(Message(status)).c_str());
  return SQLITE_ERROR;
}

int Connect(sqlite3* db, void* aux, int, const char* const*, sqlite3_vtab** out, char** error) {
  auto* module = static_cast<Module*>(aux);
  std::string declaration;
  for (const Column& column : module->table.columns()) {
    declaration += fmt::format("{}\"{}\" {}{}", declaration.empty() ? "" : ", ", column.name,
                               column.type, column.push == Push::kArgument ? " HIDDEN" : "");
  }
  const int code = sqlite3_declare_vtab(db, fmt::format("CREATE TABLE x({})", declaration).c_str());
  if (code != SQLITE_OK) {
    *error = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    return code;
  }
  auto* handle = new TableHandle{};
  handle->module = module;
  *out = handle;
  return SQLITE_OK;
}

int Disconnect(sqlite3_vtab* vtab) {
  delete static_cast<TableHandle*>(vtab);
  return SQLITE_OK;
}

bool IsTimeOperator(int op) {
  return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_GT ||
         op == SQLITE_INDEX_CONSTRAINT_GE || op == SQLITE_INDEX_CONSTRAINT_LT ||
         op == SQLITE_INDEX_CONSTRAINT_LE;
}

bool CanUse(Push push, int op) {
  switch (push) {
    case Push::kNone:
      return false;
    case Push::kEqual:
    case Push::kArgument:
      return op == SQLITE_INDEX_CONSTRAINT_EQ;
    case Push::kTimeMs:
    case Push::kTimeText:
      return IsTimeOperator(op);
  }
  return false;
}

// The more is known, the cheaper: an order among plans, not a measure.
double CostOf(int equal, bool bounded) {
  return 1e9 / std::pow(50.0, std::min(equal, 4)) / (bounded ? 20 : 1);
}

int BestIndex(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  const std::vector<Column>& columns = static_cast<TableHandle*>(vtab)->module->table.columns();
  std::string plan;
  int values = 0;
  int equal = 0;
  bool bounded = false;
  bool limited = false;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    const int op = constraint.op;
    if (op == SQLITE_INDEX_CONSTRAINT_LIMIT) {
      limited = true;
      continue;
    }
    if (constraint.iColumn < 0 || op == SQLITE_INDEX_CONSTRAINT_OFFSET ||
        op == SQLITE_INDEX_CONSTRAINT_ISNULL || op == SQLITE_INDEX_CONSTRAINT_ISNOTNULL) {
      continue;
    }
    const Push push = columns[static_cast<size_t>(constraint.iColumn)].push;
    if (!CanUse(push, op)) {
      continue;
    }
    if (constraint.usable == 0) {
      if (push == Push::kArgument) {
        return SQLITE_CONSTRAINT;  // samples(x) with an x that this order of joins does not have
      }
      continue;
    }
    info->aConstraintUsage[i].argvIndex = ++values;
    // What stands in brackets is given back as it came: no need to compare.
    info->aConstraintUsage[i].omit = push == Push::kArgument ? 1 : 0;
    plan += fmt::format("{},{};", constraint.iColumn, op);
    const bool is_time = push == Push::kTimeMs || push == Push::kTimeText;
    bounded = bounded || is_time;
    equal += is_time ? 0 : 1;
  }
  plan += limited ? "L" : "";
  info->idxStr = sqlite3_mprintf("%s", plan.c_str());
  info->needToFreeIdxStr = 1;
  info->estimatedCost = CostOf(equal, bounded);
  info->estimatedRows = static_cast<sqlite3_int64>(std::max(info->estimatedCost / 10, 1.0));
  return info->idxStr == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int OpenCursor(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
  *out = new CursorHandle{};
  return SQLITE_OK;
}

int CloseCursor(sqlite3_vtab_cursor* cursor) {
  delete static_cast<CursorHandle*>(cursor);
  return SQLITE_OK;
}

std::string TextOf(sqlite3_value* value) {
  const unsigned char* text = sqlite3_value_text(value);
  const int size = sqlite3_value_bytes(value);
  return text == nullptr
             ? ""
             : std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
}

// Narrows to the first time >= bound (or > bound) and the last one before.
struct TimeBounds {
  int64_t not_before;  // first t with t >= bound
  int64_t after;       // first t with t > bound
};

TimeBounds BoundsOfNumber(double bound) {
  constexpr auto kMax = static_cast<double>(kMaxTimeMs);
  const double clamped = std::isnan(bound) ? 0 : std::clamp(bound, -1.0, kMax + 1);
  return {static_cast<int64_t>(std::ceil(clamped)), static_cast<int64_t>(std::floor(clamped)) + 1};
}

void Narrow(int op, const TimeBounds& bounds, Filter* filter) {
  const bool equal = op == SQLITE_INDEX_CONSTRAINT_EQ;
  if (equal || op == SQLITE_INDEX_CONSTRAINT_GE) {
    filter->from_ms = std::max(filter->from_ms, bounds.not_before);
  }
  if (op == SQLITE_INDEX_CONSTRAINT_GT) {
    filter->from_ms = std::max(filter->from_ms, bounds.after);
  }
  if (equal || op == SQLITE_INDEX_CONSTRAINT_LE) {
    filter->to_ms = std::min(filter->to_ms, bounds.after - 1);
  }
  if (op == SQLITE_INDEX_CONSTRAINT_LT) {
    filter->to_ms = std::min(filter->to_ms, bounds.not_before - 1);
  }
  filter->bounded = true;
}

absl::Status AddTime(const Column& column, int op, sqlite3_value* value, Filter* filter) {
  if (column.push == Push::kTimeMs) {
    // As the comparison that follows: a text that is a number is one, others come after numbers.
    const int type = sqlite3_value_numeric_type(value);
    const double bound = type == SQLITE_INTEGER || type == SQLITE_FLOAT
                             ? sqlite3_value_double(value)
                             : std::numeric_limits<double>::infinity();
    Narrow(op, BoundsOfNumber(bound), filter);
    return absl::OkStatus();
  }
  const std::string text = TextOf(value);
  if (text.size() > 10 && (text[10] == 'T' || text[10] == 't')) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the time '{}': write it as SQLite does, in UTC and with a blank: '{} {}'",
                text.substr(0, 40), text.substr(0, 10), text.substr(11, 12));
  }
  Narrow(op, {FirstTimeNotBefore(text), FirstTimeAfter(text)}, filter);
  return absl::OkStatus();
}

absl::StatusOr<Filter> ReadPlan(const std::vector<Column>& columns, const char* plan, int argc,
                                sqlite3_value** argv) {
  Filter filter;
  const char* at = plan;
  for (int i = 0; i < argc; ++i) {
    char* end = nullptr;
    const auto column = static_cast<int>(std::strtol(at, &end, 10));
    const auto op = static_cast<int>(std::strtol(end + 1, &end, 10));
    at = end + 1;
    if (sqlite3_value_type(argv[i]) == SQLITE_NULL) {
      filter.impossible = true;
      continue;
    }
    const Column& spec = columns[static_cast<size_t>(column)];
    if (spec.push == Push::kTimeMs || spec.push == Push::kTimeText) {
      RONDA_RETURN_IF_ERROR(AddTime(spec, op, argv[i], &filter));
      continue;
    }
    const auto [known, added] = filter.equal.emplace(column, TextOf(argv[i]));
    if (!added && known->second != TextOf(argv[i])) {
      filter.impossible = true;
    }
  }
  filter.limited = *at == 'L';
  filter.impossible = filter.impossible || filter.from_ms > filter.to_ms;
  return filter;
}

int Advance(CursorHandle* handle) {
  const absl::StatusOr<bool> next = handle->cursor->Next();
  if (!next.ok()) {
    return Report(handle->pVtab, next.status());
  }
  handle->at_end = !*next;
  ++handle->rowid;
  return SQLITE_OK;
}

int FilterRows(sqlite3_vtab_cursor* cursor, int, const char* plan, int argc, sqlite3_value** argv) {
  auto* handle = static_cast<CursorHandle*>(cursor);
  Table& table = static_cast<TableHandle*>(cursor->pVtab)->module->table;
  handle->cursor.reset();
  handle->at_end = true;
  const absl::StatusOr<Filter> filter = ReadPlan(table.columns(), plan, argc, argv);
  if (!filter.ok()) {
    return Report(cursor->pVtab, filter.status());
  }
  if (filter->impossible) {
    return SQLITE_OK;
  }
  absl::StatusOr<std::unique_ptr<Cursor>> opened = table.Open(*filter);
  if (!opened.ok()) {
    return Report(cursor->pVtab, opened.status());
  }
  handle->cursor = *std::move(opened);
  return Advance(handle);
}

int NextRow(sqlite3_vtab_cursor* cursor) { return Advance(static_cast<CursorHandle*>(cursor)); }

int IsAtEnd(sqlite3_vtab_cursor* cursor) {
  return static_cast<CursorHandle*>(cursor)->at_end ? 1 : 0;
}

int GetColumn(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  const Value value = static_cast<CursorHandle*>(cursor)->cursor->Get(column);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    sqlite3_result_int64(context, *integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    sqlite3_result_double(context, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } else {
    sqlite3_result_null(context);
  }
  return SQLITE_OK;
}

int GetRowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* rowid) {
  *rowid = static_cast<CursorHandle*>(cursor)->rowid;
  return SQLITE_OK;
}

void DeleteModule(void* module) { delete static_cast<Module*>(module); }

// Without xCreate the table is there by its name alone (eponymous) and can take arguments.
const sqlite3_module kModule = [] {
  sqlite3_module module{};
  module.xConnect = Connect;
  module.xBestIndex = BestIndex;
  module.xDisconnect = Disconnect;
  module.xOpen = OpenCursor;
  module.xClose = CloseCursor;
  module.xFilter = FilterRows;
  module.xNext = NextRow;
  module.xEof = IsAtEnd;
  module.xColumn = GetColumn;
  module.xRowid = GetRowid;
  return module;
}();

}  // namespace

absl::Status RegisterTable(sqlite3* db, Table& table, absl::Status* error) {
  auto module = std::make_unique<Module>(Module{table, error});
  // SQLite frees the module, also when this fails.
  const int code = sqlite3_create_module_v2(db, std::string(table.name()).c_str(), &kModule,
                                            module.release(), DeleteModule);
  return code == SQLITE_OK ? absl::OkStatus()
                           : Fail(absl::StatusCode::kInternal, "making the table {} known: {}",
                                  table.name(), sqlite3_errmsg(db));
}

}  // namespace ronda::sql
