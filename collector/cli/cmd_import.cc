#include <csignal>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/progress.h"
#include "collector/cli/units.h"
#include "collector/transfer/import_stream.h"
#include "collector/transfer/importer.h"
#include "common/base/clock.h"
#include "common/base/signals.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

absl::Status AddFiles(const ImportArgs& args, transfer::Importer& importer) {
  for (const std::string& path : args.files) {
    RONDA_ASSIGN_OR_RETURN(transfer::LineReader reader, transfer::LineReader::Open(path));
    RONDA_RETURN_IF_ERROR(importer.Add(reader));
  }
  return importer.Finish();
}

std::string Span(const transfer::ImportCount& count, absl::TimeZone zone) {
  return count.first_ms == 0 ? ""
                             : fmt::format(", {} to {}", FormatInstant(count.first_ms, zone),
                                           FormatInstant(count.last_ms, zone));
}

void Tell(Context& context, const ImportArgs& args, const transfer::ImportCount& count) {
  const std::string samples =
      fmt::format("{} sample{} of {} node{}", count.samples, count.samples == 1 ? "" : "s",
                  count.nodes.size(), count.nodes.size() == 1 ? "" : "s");
  context.console.Note(fmt::format("{} {}{}", args.dry_run ? "read, wrote nothing:" : "imported",
                                   samples, Span(count, context.zone)));
  if (count.repeated > 0) {
    context.console.Note(
        fmt::format("{} lines repeat a time of their series and were left out", count.repeated));
  }
  if (count.bad > 0) {
    context.console.Note(
        fmt::format("{} bad lines were left out; the first: {}", count.bad, count.first_bad));
  }
}

}  // namespace

absl::StatusOr<int> RunImport(Context& context, const ImportArgs& args) {
  if (!context.settings.data.empty() && !args.dry_run) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "an import goes to a running collector, not to a folder: start ronda-collector "
                "--data {}, then ronda --collector ADDR import ...",
                context.settings.data);
  }
  // RunCommand() has blocked them: an interrupted import says what is durable.
  bool interrupted = false;
  const auto is_interrupted = [&interrupted] {
    interrupted = interrupted || WaitForSignal({SIGINT, SIGTERM}, 0) != 0;
    return interrupted;
  };
  const SystemClock clock;
  std::optional<ProgressLine> progress(std::in_place);
  transfer::Importer::Options options;
  options.batch = {args.node, args.job};
  options.seconds = args.seconds;
  options.skip_bad = args.skip_bad;
  options.progress = [&](const transfer::ImportCount& count) {
    progress->Tell(fmt::format("{} lines read, {} samples durable", HumanCount(count.lines),
                               HumanCount(count.durable)),
                   0, 0);
    return !is_interrupted();
  };
  if (!args.dry_run) {
    // CSV has no descriptions: those that are known there stay.
    RONDA_ASSIGN_OR_RETURN(const std::vector<query::MetricStatus> known,
                           context.api.Metrics("", false));
    for (const query::MetricStatus& metric : known) {
      options.metrics[metric.info.name] = metric.info;
    }
    options.send = [&](const std::string& node, std::span<const transfer::Block> blocks,
                       int64_t* durable) {
      transfer::ImportStreamOptions stream;
      stream.channel = ChannelOf(context.settings);
      stream.node = node;
      stream.interrupted = is_interrupted;
      return Annotate(transfer::SendBlocks(stream, blocks, durable), "node " + node);
    };
  }
  transfer::Importer importer(std::move(options), clock);
  const absl::Status status = AddFiles(args, importer);
  progress.reset();
  if (!status.ok()) {
    const std::string so_far =
        args.dry_run ? std::string("nothing was written")
                     : fmt::format(
                           "{} samples of the lines before are durable, and stay when it "
                           "is run again",
                           importer.count().durable);
    return Fail(status.code(), "{}\nronda: stopped at line {}: {}{}", Message(status),
                importer.count().lines, so_far,
                absl::IsInvalidArgument(status) ? "; mend the line, or leave bad ones out with "
                                                  "--skip-bad"
                                                : "");
  }
  Tell(context, args, importer.count());
  return kExitOk;
}

}  // namespace ronda::cli
