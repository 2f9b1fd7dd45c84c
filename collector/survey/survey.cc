#include "collector/survey/survey.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "collector/store/corrupt_parts.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/survey/file_kinds.h"
#include "common/base/status.h"

namespace ronda::survey {
namespace {

namespace fs = std::filesystem;

bool Matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return name == pattern;
  }
  const std::string_view front = pattern.substr(0, star);
  const std::string_view back = pattern.substr(star + 1);
  return name.size() > front.size() + back.size() && name.starts_with(front) &&
         name.ends_with(back) && name.substr(front.size()).find('/') == std::string_view::npos;
}

const FileKind* KindOf(std::string_view name) {
  for (const FileKind& kind : FileKinds()) {
    if (Matches(kind.pattern, name)) {
      return &kind;
    }
  }
  return nullptr;
}

int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

// What SQLite itself finds wrong: pages, the order of rows, indexes.
absl::Status CheckStructure(store::Database* db, FileReport* report) {
  return ForEachRow(db, "PRAGMA integrity_check(100)", report, [&](const store::Statement& row) {
    if (row.Bytes(0) != "ok") {
      report->AddProblem(std::string(row.Bytes(0)));
    }
  });
}

absl::Status Visit(const store::ReadOnlyFile& file, const FileKind* kind, Depth depth,
                   FileReport* report) {
  RONDA_ASSIGN_OR_RETURN(std::unique_ptr<store::Database> db, file.Connect());
  RONDA_RETURN_IF_ERROR(db->Execute("BEGIN"));
  if (depth == Depth::kCheck) {
    RONDA_RETURN_IF_ERROR(CheckStructure(db.get(), report));
  }
  return kind == nullptr ? absl::OkStatus() : kind->visit(std::move(db), depth, report);
}

// Files that a collector has put aside, because it could not use them.
std::vector<FileReport> FilesAside(const std::string& dir) {
  std::vector<FileReport> reports;
  for (const char* level : {"history", "history/raw", "history/minute", "history/hour"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir + "/" + level, error)) {
      const std::string name = entry.path().filename().string();
      if (!store::NameBeforeAside(name).empty()) {
        FileReport& report = reports.emplace_back();
        report.name = std::string(level) + "/" + name;
        report.bytes = SizeOf(entry.path().string());
        report.AddProblem(
            name.starts_with("recent.db")
                ? "put aside at a start, which brought back what can be read of it; `ronda store "
                  "repair` keeps it under another name"
                : "put aside, because it could not be used; `ronda store repair` brings back what "
                  "can be read of it");
      }
    }
  }
  return reports;
}

}  // namespace

void FileReport::AddPart(const std::string& part, int64_t part_bytes) {
  ++parts[part].rows;
  parts[part].bytes += part_bytes;
}

void FileReport::AddTime(int64_t t_ms) {
  oldest_ms = oldest_ms ? std::min(*oldest_ms, t_ms) : t_ms;
  newest_ms = newest_ms ? std::max(*newest_ms, t_ms) : t_ms;
}

void FileReport::AddProblem(std::string problem) {
  ++problem_count;
  if (problems.size() < kMaxProblems) {
    std::replace(problem.begin(), problem.end(), '\n', ' ');
    problems.push_back(std::move(problem));
  }
}

absl::Status ForEachRow(store::Database* db, std::string_view sql, FileReport* report,
                        absl::FunctionRef<void(const store::Statement& row)> visit) {
  absl::StatusOr<store::Statement> rows = db->Prepare(sql);
  absl::Status status = rows.status();
  while (status.ok()) {
    const absl::StatusOr<bool> row = rows->Step();
    status = row.status();
    if (status.ok() && !*row) {
      return absl::OkStatus();
    }
    if (status.ok()) {
      visit(*rows);
    }
  }
  if (absl::IsDataLoss(status)) {
    report->AddProblem("cannot be read on: " + std::string(Message(status)));
    return absl::OkStatus();
  }
  return status;
}

std::vector<std::string> StoreFiles(const std::string& dir) {
  std::vector<std::string> names;
  for (const char* name : {"ronda.db", "history/recent.db"}) {
    std::error_code error;
    if (fs::exists(dir + "/" + name, error)) {
      names.emplace_back(name);
    }
  }
  for (const char* level : {"history/raw", "history/minute", "history/hour", "history/records"}) {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir + "/" + level, error)) {
      if (entry.path().extension() == ".db") {
        found.push_back(std::string(level) + "/" + entry.path().filename().string());
      }
    }
    std::sort(found.begin(), found.end());
    names.insert(names.end(), found.begin(), found.end());
  }
  return names;
}

absl::StatusOr<FileReport> SurveyFile(const std::string& path, std::string_view name, Depth depth) {
  FileReport report;
  report.name = name;
  const FileKind* const kind = KindOf(name);
  report.kind = kind == nullptr ? "" : kind->name;
  report.bytes = SizeOf(path) + SizeOf(path + "-wal");
  const absl::StatusOr<std::unique_ptr<store::ReadOnlyFile>> file = store::ReadOnlyFile::Open(path);
  const absl::Status status = file.ok() ? Visit(**file, kind, depth, &report) : file.status();
  if (absl::IsDataLoss(status)) {
    report.AddProblem(std::string(Message(status)));
    return report;
  }
  RONDA_RETURN_IF_ERROR(status);
  return report;
}

absl::StatusOr<std::vector<FileReport>> SurveyFolder(
    const std::string& dir, Depth depth,
    const std::function<void(std::string_view name)>& on_file) {
  const std::vector<std::string> names = StoreFiles(dir);
  if (names.empty()) {
    return Fail(absl::StatusCode::kNotFound, "{} holds no data of Ronda", dir);
  }
  std::vector<FileReport> reports = FilesAside(dir);
  for (const std::string& name : names) {
    on_file(name);
    absl::StatusOr<FileReport> report = SurveyFile(dir + "/" + name, name, depth);
    if (absl::IsNotFound(report.status()) && name.starts_with("history/")) {
      continue;  // removed by the retention meanwhile
    }
    RONDA_RETURN_IF_ERROR(report.status());
    reports.push_back(std::move(*report));
  }
  return reports;
}

}  // namespace ronda::survey
