#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "collector/cli/commands.h"
#include "collector/cli/progress.h"
#include "collector/cli/units.h"
#include "collector/survey/survey.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

std::string Bytes(int64_t bytes) { return HumanBytes(static_cast<double>(bytes)); }

Cell TimeCell(const FolderContext& context, std::optional<int64_t> t_ms) {
  return t_ms ? Cell::Both(FormatInstant(*t_ms, context.zone), FormatRfc3339(*t_ms, context.zone))
              : Cell::None();
}

absl::StatusOr<std::vector<survey::FileReport>> Survey(const std::string& dir,
                                                       survey::Depth depth) {
  ProgressLine progress;
  return survey::SurveyFolder(dir, depth, [&](std::string_view name) {
    progress.Tell("reading " + std::string(name), 0, 0);
  });
}

std::string PartsJson(const survey::FileReport& file) {
  std::string json;
  for (const auto& [name, part] : file.parts) {
    json += fmt::format("{}{}:{{\"rows\":{},\"bytes\":{}}}", json.empty() ? "" : ",",
                        JsonString(name), part.rows, part.bytes);
  }
  for (const auto& [kind, part] : file.removed_records) {
    json += fmt::format("{}{}:{{\"rows\":{},\"bytes\":{}}}", json.empty() ? "" : ",",
                        JsonString(kind + " records removed"), part.rows, part.bytes);
  }
  return "{" + json + "}";
}

std::string ProblemsJson(const survey::FileReport& file) {
  std::string json;
  for (const std::string& problem : file.problems) {
    json += (json.empty() ? "" : ",") + JsonString(problem);
  }
  return "[" + json + "]";
}

// "120 blocks 3.4 MiB, 12 catalogue rows 8 KiB".
std::string PartsText(const survey::FileReport& file) {
  std::string text;
  for (const auto& [name, part] : file.parts) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", HumanCount(part.rows), name,
                        Bytes(part.bytes));
  }
  for (const auto& [kind, part] : file.removed_records) {
    text += fmt::format("{}{} {} records removed {}", text.empty() ? "" : ", ",
                        HumanCount(part.rows), kind, Bytes(part.bytes));
  }
  return text;
}

Cell PerSample(const survey::FileReport& file) {
  if (file.samples == 0) {
    return Cell::None();
  }
  const std::string text = fmt::format(
      "{:.3f}", static_cast<double>(file.sample_bytes) / static_cast<double>(file.samples));
  return {text, text, true, Colour::kNone};
}

std::vector<Cell> StatsRow(const FolderContext& context, const survey::FileReport& file) {
  return {Cell::Text(file.name),
          Cell::Text(file.kind),
          Cell::Number(file.bytes, Bytes(file.bytes)),
          Cell::Number(file.samples, HumanCount(file.samples)),
          PerSample(file),
          TimeCell(context, file.oldest_ms),
          TimeCell(context, file.newest_ms),
          {PartsText(file), PartsJson(file), true, Colour::kNone}};
}

}  // namespace

absl::StatusOr<int> RunStoreStats(const FolderContext& context) {
  RONDA_ASSIGN_OR_RETURN(const std::string dir, DataFolder(context.settings));
  RONDA_ASSIGN_OR_RETURN(const auto files, Survey(dir, survey::Depth::kStats));
  Report report({{"FILE", "file"},
                 {"KIND", "kind"},
                 {"BYTES", "bytes", true},
                 {"SAMPLES", "samples", true},
                 {"BYTES/SAMPLE", "bytes_per_sample", true},
                 {"OLDEST", "oldest"},
                 {"NEWEST", "newest"},
                 {"CONTENT", "content"}});
  survey::FileReport total;
  total.name = "total";
  for (const survey::FileReport& file : files) {
    report.Add(StatsRow(context, file));
    total.bytes += file.bytes;
    total.samples += file.samples;
    total.sample_bytes += file.sample_bytes;
    for (const auto& [name, part] : file.parts) {
      total.parts[name].rows += part.rows;
      total.parts[name].bytes += part.bytes;
    }
    if (file.oldest_ms) {
      total.AddTime(*file.oldest_ms);
      total.AddTime(*file.newest_ms);
    }
  }
  if (context.settings.format == Format::kTable) {
    std::vector<Cell> row = StatsRow(context, total);
    row.back() = Cell::Text("");
    report.Add(std::move(row));
  }
  RONDA_RETURN_IF_ERROR(Print(context, report));
  return kExitOk;
}

absl::StatusOr<int> RunStoreCheck(const FolderContext& context) {
  RONDA_ASSIGN_OR_RETURN(const std::string dir, DataFolder(context.settings));
  RONDA_ASSIGN_OR_RETURN(const auto files, Survey(dir, survey::Depth::kCheck));
  Report report({{"FILE", "file"},
                 {"BYTES", "bytes", true},
                 {"ROWS", "rows", true},
                 {"PROBLEMS", "problems", true},
                 {"", "problem_list"}});
  int64_t problems = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  for (const survey::FileReport& file : files) {
    int64_t file_rows = 0;
    for (const auto& [name, part] : file.parts) {
      file_rows += part.rows;
    }
    rows += file_rows;
    bytes += file.bytes;
    problems += file.problem_count;
    report.Add({Cell::Text(file.name),
                Cell::Number(file.bytes, Bytes(file.bytes)),
                Cell::Number(file_rows, HumanCount(file_rows)),
                Cell::Number(file.problem_count, HumanCount(file.problem_count)),
                {"", ProblemsJson(file), true, Colour::kNone}});
  }
  if (context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
    return problems > 0 ? kExitNo : kExitOk;
  }
  for (const survey::FileReport& file : files) {
    for (const std::string& problem : file.problems) {
      context.console.Out(fmt::format("{}: {}\n", file.name, problem));
    }
    const auto shown = static_cast<int64_t>(file.problems.size());
    if (file.problem_count > shown) {
      context.console.Out(fmt::format("{}: and {} more\n", file.name, file.problem_count - shown));
    }
  }
  context.console.Out(fmt::format(
      "{}: {} files, {}, {} rows read: {}\n", dir, files.size(), Bytes(bytes), HumanCount(rows),
      problems == 0
          ? "nothing is damaged"
          : fmt::format("{} problems; readers leave out what is damaged, and `ronda store "
                        "repair --data {}` rebuilds the file",
                        problems, dir)));
  return problems > 0 ? kExitNo : kExitOk;
}

}  // namespace ronda::cli
