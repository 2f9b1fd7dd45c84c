// ronda.db: catalogue, epochs, journal, state.

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "collector/store/catalogue_rows.h"
#include "collector/store/journal_row.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/survey/file_kinds.h"
#include "common/base/status.h"

namespace ronda::survey {
namespace {

using store::Statement;

int64_t Size(std::string_view bytes) { return static_cast<int64_t>(bytes.size()); }

class JournalVisit {
 public:
  JournalVisit(store::JournalDb* journal, FileReport* report)
      : journal_(*journal), report_(*report) {}

  absl::Status Run() {
    RONDA_RETURN_IF_ERROR(Catalogue());
    RONDA_RETURN_IF_ERROR(Epochs());
    RONDA_RETURN_IF_ERROR(Journal());
    return State();
  }

 private:
  absl::Status Rows(std::string_view sql, absl::FunctionRef<void(const Statement& row)> visit) {
    return ForEachRow(journal_.db(), sql, &report_, visit);
  }

  // Messages of the decoders name the row.
  void Note(const absl::Status& status) {
    if (!status.ok()) {
      report_.AddProblem(std::string(Message(status)));
    }
  }

  absl::Status Catalogue() {
    RONDA_RETURN_IF_ERROR(Rows("SELECT id, data FROM nodes", [&](const Statement& row) {
      Note(store::DecodeNodeRow(row.Int(0), row.Bytes(1)).status());
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      nodes_.insert(row.Int(0));
    }));
    RONDA_RETURN_IF_ERROR(Rows("SELECT id, data FROM sources", [&](const Statement& row) {
      const auto source = store::DecodeSourceRow(row.Int(0), row.Bytes(1));
      Note(source.status());
      if (source.ok() && !nodes_.contains(source->node)) {
        report_.AddProblem(
            fmt::format("source {} is of node {}, which is not there", row.Int(0), source->node));
      }
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      sources_.insert(row.Int(0));
    }));
    return Rows("SELECT id, data FROM schemas", [&](const Statement& row) {
      const auto schema = store::DecodeSchemaRow(row.Int(0), row.Bytes(1));
      Note(schema.status());
      report_.AddPart("catalogue rows", Size(row.Bytes(1)));
      series_[row.Int(0)] = schema.ok() ? static_cast<int64_t>(schema->series.size()) : 0;
    });
  }

  absl::Status Epochs() {
    return Rows("SELECT node, epoch, data FROM epochs", [&](const Statement& row) {
      const auto epoch = static_cast<uint64_t>(row.Int(1));
      Note(store::DecodeEpochRow(row.Int(0), epoch, row.Bytes(2)).status());
      report_.AddPart("epochs", Size(row.Bytes(2)));
    });
  }

  absl::Status Journal() {
    return Rows("SELECT id, batch FROM journal", [&](const Statement& statement) {
      const int64_t id = statement.Int(0);
      report_.AddPart("journal rows", Size(statement.Bytes(1)));
      const absl::StatusOr<store::JournalRow> row = store::DecodeJournalRow(id, statement.Bytes(1));
      Note(row.status());
      if (!row.ok()) {
        return;
      }
      for (const store::JournalRun& run : row->runs) {
        if (!sources_.contains(run.source) || (run.schema != 0 && !series_.contains(run.schema))) {
          report_.AddProblem(
              fmt::format("journal row {} is of source {} and schema {}, which are not both there",
                          id, run.source, run.schema));
        }
      }
      for (const store::JournalFrame& frame : row->frames) {
        report_.AddTime(frame.t_ms);
        const int64_t schema = row->runs[frame.run].schema;
        if (schema != 0) {
          report_.samples += series_[schema];
          report_.sample_bytes += Size(frame.bytes);
        }
      }
    });
  }

  absl::Status State() {
    for (const std::string_view key : {store::kMetaLastCommit, store::kMetaNextOrder}) {
      const absl::Status status = journal_.Meta(key, 0).status();
      if (absl::IsDataLoss(status)) {
        report_.AddProblem(std::string(Message(status)));
      }
    }
    return Rows("SELECT space, key, value FROM state", [&](const Statement& row) {
      if (!store::JournalDb::StateValue(row.Bytes(0), row.Bytes(1), row.Bytes(2))) {
        report_.AddProblem(fmt::format("state {}/{} is damaged", row.Bytes(0), row.Bytes(1)));
      }
      report_.AddPart("state values", Size(row.Bytes(2)));
    });
  }

  store::JournalDb& journal_;
  FileReport& report_;
  std::set<int64_t> nodes_;
  std::set<int64_t> sources_;
  std::map<int64_t, int64_t> series_;  // of each schema
};

}  // namespace

// The journal holds minutes: to count what is in it is to read it.
absl::Status VisitJournal(std::unique_ptr<store::Database> db, Depth, FileReport* report) {
  RONDA_ASSIGN_OR_RETURN(const auto journal, store::JournalDb::Wrap(std::move(db)));
  return JournalVisit(journal.get(), report).Run();
}

}  // namespace ronda::survey
