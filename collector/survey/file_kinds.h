// The kinds of files that a data folder holds, and how each is visited.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/store/sqlite_db.h"
#include "collector/survey/survey.h"

namespace ronda::survey {

// A visit adds to `report` what the file holds and, if it is deep, what is wrong. It is called in a
// read transaction. kDataLoss is a problem of the file, as if the visit had noted it; other errors
// end the survey.
struct FileKind {
  std::string_view name;
  std::string_view pattern;  // a name, or "FOLDER/*.db"
  absl::Status (*visit)(std::unique_ptr<store::Database> db, Depth depth, FileReport* report);
};
std::span<const FileKind> FileKinds();

absl::Status VisitJournal(std::unique_ptr<store::Database> db, Depth depth, FileReport* report);
absl::Status VisitRecent(std::unique_ptr<store::Database> db, Depth depth, FileReport* report);
absl::Status VisitSamples(std::unique_ptr<store::Database> db, Depth depth, FileReport* report);
absl::Status VisitRollups(std::unique_ptr<store::Database> db, Depth depth, FileReport* report);
absl::Status VisitRecords(std::unique_ptr<store::Database> db, Depth depth, FileReport* report);

// Steps through a query. What cannot be read on is noted, and the rest left out.
absl::Status ForEachRow(store::Database* db, std::string_view sql, FileReport* report,
                        absl::FunctionRef<void(const store::Statement& row)> visit);

}  // namespace ronda::survey
