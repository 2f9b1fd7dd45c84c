#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/hints.h"
#include "collector/cli/progress.h"
#include "collector/cli/units.h"
#include "collector/promql/parser.h"
#include "collector/transfer/exporter.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

// A file that is there under its name only when it is whole.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)), part_(path_ + ".part") {}
  ~OutputFile() {
    if (file_ != nullptr) {
      std::fclose(file_);
      unlink(part_.c_str());
    }
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  absl::Status Open() {
    file_ = std::fopen(part_.c_str(), "we");
    return file_ == nullptr ? ErrnoStatus(errno, "creating " + part_) : absl::OkStatus();
  }

  absl::Status Write(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), file_) == text.size()
               ? absl::OkStatus()
               : ErrnoStatus(errno, "writing " + part_);
  }

  absl::Status Finish() {
    if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) {
      return ErrnoStatus(errno, "writing " + part_);
    }
    std::fclose(std::exchange(file_, nullptr));
    return std::rename(part_.c_str(), path_.c_str()) == 0 ? absl::OkStatus()
                                                          : ErrnoStatus(errno, "renaming " + part_);
  }

 private:
  const std::string path_;
  const std::string part_;
  std::FILE* file_ = nullptr;
};

absl::StatusOr<transfer::ExportOptions> OptionsOf(Context& context, const ExportArgs& args,
                                                  int64_t now_ms) {
  transfer::ExportOptions options;
  switch (context.settings.format) {
    case Format::kTable:  // the default of all commands
    case Format::kCsv:
      options.format = transfer::Format::kCsv;
      break;
    case Format::kPrometheus:
      options.format = transfer::Format::kPrometheus;
      break;
    default:
      return Fail(absl::StatusCode::kInvalidArgument,
                  "`ronda export` writes -o csv or -o prometheus; for JSON see `ronda query`");
  }
  for (const std::string& text : args.selectors) {
    absl::StatusOr<std::vector<Matcher>> matchers = promql::ParseSelector(text);
    if (!matchers.ok()) {
      return Annotate(ShowPlace(matchers.status(), text), "selector");
    }
    options.selectors.push_back(*std::move(matchers));
  }
  WindowArgs window = args.window;
  if (window.since.empty() && window.from.empty()) {
    window.from = "1970-01-01";  // all there is
  }
  RONDA_ASSIGN_OR_RETURN(
      const Window parsed,
      ParseWindow(window, now_ms, args.window.from.empty() ? absl::UTCTimeZone() : context.zone));
  options.start_ms = parsed.from_ms + 1;  // as `ronda query`: windows side by side share nothing
  options.end_ms = parsed.to_ms;
  return options;
}

}  // namespace

absl::StatusOr<int> RunExport(Context& context, const ExportArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(const transfer::ExportOptions options,
                         OptionsOf(context, args, time.now_ms));
  const bool to_console = args.file == "-";
  OutputFile file(args.file);
  if (!to_console) {
    RONDA_RETURN_IF_ERROR(file.Open());
  }
  bool reader_left = false;
  const auto write = [&](std::string_view text) {
    if (!to_console) {
      return file.Write(text);
    }
    reader_left = !context.console.Out(text);
    return reader_left ? Fail(absl::StatusCode::kCancelled, "nobody reads on") : absl::OkStatus();
  };
  std::optional<ProgressLine> progress(std::in_place);
  const auto tell = [&](const transfer::ExportCount& so_far) {
    progress->Tell(
        fmt::format("{} samples of {} series, metric {} of {}", HumanCount(so_far.samples),
                    HumanCount(so_far.series), so_far.metrics_done + 1, so_far.metrics),
        0, 0);
    return true;
  };
  const absl::StatusOr<transfer::ExportCount> count =
      transfer::Export(context.api, options, write, tell);
  progress.reset();
  if (reader_left) {
    return kExitOk;  // as `| head` does; a full disk is told by the console
  }
  RONDA_RETURN_IF_ERROR(count.status());
  if (!to_console) {
    RONDA_RETURN_IF_ERROR(file.Finish());
  }
  context.console.Note(fmt::format("exported {} samples of {} series{}", count->samples,
                                   count->series,
                                   count->series > 0 ? "" : ": none matches; see `ronda metrics`"));
  return kExitOk;
}

}  // namespace ronda::cli
