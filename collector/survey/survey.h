// What a data folder holds, file by file, and whether it is whole: `ronda store check|stats`, and
// the verification of backups.
//
// Reads only, beside a running collector too. Each kind of file has one function that visits it;
// the table is in file_kinds.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::survey {

enum class Depth {
  kStats,  // counts, from rows and the lengths of their content
  kCheck,  // reads every page, row, block and record, and every checksum
};

struct Part {
  int64_t rows = 0;
  int64_t bytes = 0;  // of content, without SQLite's own
};

struct FileReport {
  std::string name;                   // from the data folder: "history/recent.db"
  std::string kind;                   // "journal", "recent", ...; "" if no kind of file knows it
  int64_t bytes = 0;                  // of the file and its -wal
  std::map<std::string, Part> parts;  // "blocks", "journal rows", "catalogue rows", ...
  // Of each kind of records: what was removed because there was too much of it.
  std::map<std::string, Part> removed_records;
  int64_t samples = 0;       // ticks by series, staleness markers included
  int64_t sample_bytes = 0;  // content that holds them
  std::optional<int64_t> oldest_ms;
  std::optional<int64_t> newest_ms;
  int64_t problem_count = 0;
  std::vector<std::string> problems;  // the first kMaxProblems, each one line

  void AddPart(const std::string& part, int64_t part_bytes);
  void AddTime(int64_t t_ms);
  void AddProblem(std::string problem);
};
inline constexpr size_t kMaxProblems = 100;

// The SQLite files of a data folder, from the one that data enters to those it ends in: ronda.db,
// history/recent.db, then history/raw, minute, hour and records by name. A copy of them in this
// order misses nothing: what leaves one file is in a later one before.
std::vector<std::string> StoreFiles(const std::string& dir);

// One file at `path` that has the name `name` in a data folder. Damage is in the report; an error
// says that nothing could be found out (no such file, not readable, a later version).
absl::StatusOr<FileReport> SurveyFile(const std::string& path, std::string_view name, Depth depth);

// All of them; `on_file` is told before each. kNotFound: no Ronda data in `dir`.
absl::StatusOr<std::vector<FileReport>> SurveyFolder(
    const std::string& dir, Depth depth, const std::function<void(std::string_view name)>& on_file);

}  // namespace ronda::survey
