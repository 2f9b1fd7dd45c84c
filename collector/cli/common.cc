#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/query/remote_api.h"
#include "collector/store/folder_lock.h"
#include "common/base/status.h"

namespace ronda::cli {

absl::Status Print(Context& context, const Report& report) {
  return Print(FolderContext{context.settings, context.console, context.zone}, report);
}

absl::Status Print(const FolderContext& context, const Report& report) {
  switch (context.settings.format) {
    case Format::kTable:
      context.console.Out(report.ToTable(context.console.terminal().colour));
      break;
    case Format::kCsv:
      context.console.Out(report.ToCsv());
      break;
    case Format::kJson:
      context.console.Out(report.ToJson());
      break;
    case Format::kPlot:
      return Fail(absl::StatusCode::kInvalidArgument,
                  "-o plot draws samples: it goes with `ronda query` alone");
    case Format::kPrometheus:
      return Fail(absl::StatusCode::kInvalidArgument,
                  "-o prometheus writes samples: it goes with `ronda export` alone");
  }
  return absl::OkStatus();
}

query::ChannelOptions ChannelOf(const Settings& settings) {
  return {settings.collector, settings.tls, settings.insecure};
}

query::RemoteOptions RemoteOptionsOf(const Settings& settings) {
  query::RemoteOptions options;
  options.address = settings.collector;
  options.tls = settings.tls;
  options.insecure = settings.insecure;
  return options;
}

absl::StatusOr<std::string> DataFolder(const Settings& settings) {
  if (!settings.data.empty()) {
    return settings.data;
  }
  const absl::StatusOr<query::CollectorStatus> status =
      query::NewRemoteApi(RemoteOptionsOf(settings))->Status();
  if (!status.ok()) {
    return Annotate(status.status(),
                    "asking the collector for its data folder (or name it: --data DIR)");
  }
  if (!store::FolderLock::IsHeld(status->data_dir)) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "the collector at {} has its data in {}, which is not on this machine or not to be "
                "read; run this there",
                settings.collector, status->data_dir);
  }
  return status->data_dir;
}

absl::StatusOr<query::TimeBase> NoteTime(Context& context) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, context.api.Time());
  if (time.offline) {
    context.console.Note(fmt::format("no collector runs on {}: \"now\" is its newest sample, {}",
                                     context.settings.data,
                                     FormatInstant(time.now_ms, context.zone)));
  } else if (time.beside_collector) {
    context.console.Note(
        fmt::format("a collector runs on {}: this is read beside it, without what "
                    "it knows alone",
                    context.settings.data));
  }
  return time;
}

Colour ColourOf(std::string_view state) {
  if (state == "firing" || state == "silent" || state == "missing") {
    return Colour::kBad;
  }
  if (state == "pending" || state == "unknown") {
    return Colour::kWarn;
  }
  return state == "live" || state == "resolved" ? Colour::kGood : Colour::kFaint;
}

Colour ColourOfSeverity(std::string_view severity) {
  if (severity == "critical" || severity == "page") {
    return Colour::kBad;
  }
  return severity == "warning" || severity == "high" ? Colour::kWarn : Colour::kNone;
}

}  // namespace ronda::cli
