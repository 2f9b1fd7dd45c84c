#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/units.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

// "1 node", "3 nodes".
std::string Several(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", HumanCount(count), noun, count == 1 ? "" : "s");
}

std::string Bytes(int64_t bytes) { return HumanBytes(static_cast<double>(bytes)); }

// Samples wait with the agents, or would.
bool TakesNothing(const query::CollectorStatus& s) {
  return s.disk == query::DiskState::kHard || !s.journal_error.empty();
}

// What is wrong, worst first; empty if nothing is.
std::vector<std::string> Worries(const query::CollectorStatus& s) {
  std::vector<std::string> worries;
  if (s.disk == query::DiskState::kHard) {
    worries.push_back(s.time.offline
                          ? "the disk is full: a collector would take no samples"
                          : "the disk is full: samples wait with the agents, alerts go on");
  }
  if (!s.journal_error.empty()) {
    worries.push_back("the journal cannot be written: " + s.journal_error);
  }
  if (s.alerts_firing > 0) {
    worries.push_back(Several(s.alerts_firing, "alert") + " firing");
  }
  if (s.nodes_silent > 0) {
    worries.push_back(Several(s.nodes_silent, "node") + " silent");
  }
  if (s.disk == query::DiskState::kSoft) {
    worries.push_back(fmt::format("the disk has only {} left", Bytes(s.disk_free_bytes)));
  }
  if (s.corrupt_blocks + s.corrupt_journal_rows > 0) {
    worries.push_back(Several(s.corrupt_blocks + s.corrupt_journal_rows, "damaged part") +
                      " left out");
  }
  return worries;
}

std::string Headline(const Context& context, const query::CollectorStatus& s) {
  const std::vector<std::string> worries = Worries(s);
  std::string text = s.time.offline ? "no collector runs; its data: "
                                    : fmt::format("ronda-collector {}: ", s.version);
  Colour colour = Colour::kGood;
  if (worries.empty()) {
    text += s.time.offline ? "nothing looks wrong" : "all is well";
    text += fmt::format(", {}, no alert fires",
                        Several(s.nodes_live + s.nodes_stopped + s.nodes_unknown, "node"));
  } else {
    colour = Colour::kBad;
    for (size_t i = 0; i < worries.size(); ++i) {
      text += (i > 0 ? ", " : "") + worries[i];
    }
  }
  return Paint(text, colour, context.console.terminal().colour) + "\n";
}

using Lines = std::vector<std::pair<std::string, std::string>>;

Lines Details(const Context& context, const query::CollectorStatus& s) {
  Lines lines;
  lines.emplace_back("nodes",
                     fmt::format("{} live, {} silent, {} stopped, {} unknown", s.nodes_live,
                                 s.nodes_silent, s.nodes_stopped, s.nodes_unknown));
  lines.emplace_back("alerts", fmt::format("{} firing, {} pending, {} unknown", s.alerts_firing,
                                           s.alerts_pending, s.alerts_unknown));
  std::string samples = HumanCount(s.series) + " series";
  if (s.samples_per_second.has_value()) {
    samples += fmt::format(", {} samples/s", HumanNumber(*s.samples_per_second));
  }
  if (s.newest_sample_ms > 0) {
    samples += ", newest " + FormatInstant(s.newest_sample_ms, context.zone);
  }
  lines.emplace_back("samples", samples);
  lines.emplace_back("data",
                     fmt::format("{}: journal {}, {} of {}", s.data_dir, Bytes(s.journal_bytes),
                                 Several(s.blocks, "block"), Bytes(s.block_bytes)));
  lines.emplace_back("disk", fmt::format("{}: {} of {} free", query::ToString(s.disk),
                                         Bytes(s.disk_free_bytes), Bytes(s.disk_total_bytes)));
  if (s.disk == query::DiskState::kHard || s.disk == query::DiskState::kSoft) {
    lines.emplace_back("to do",
                       fmt::format("make room on the disk of {}, or set retention.max_size in "
                                   "collector.yml lower and restart; {}",
                                   s.data_dir,
                                   s.disk == query::DiskState::kHard
                                       ? "samples are taken again by themselves"
                                       : "when it is full, samples wait with the agents"));
  }
  if (s.uptime_ms.has_value()) {
    lines.emplace_back("commits",
                       fmt::format("{}, {} failed, fsync p99 {}, {} not yet durable",
                                   HumanCount(s.commits), HumanCount(s.commit_failures),
                                   HumanSeconds(s.fsync_p99_ms / 1000), Bytes(s.pending_bytes)));
    lines.emplace_back("up", HumanDuration(*s.uptime_ms));
  }
  const bool doubles = s.duplicate_samples + s.conflicting_samples > 0;
  if (doubles || s.corrupt_blocks + s.corrupt_journal_rows > 0) {
    lines.emplace_back(
        "oddities",
        fmt::format("{} damaged blocks, {} damaged journal rows, {} samples twice, "
                    "{} of them with another value",
                    s.corrupt_blocks, s.corrupt_journal_rows,
                    s.duplicate_samples + s.conflicting_samples, s.conflicting_samples));
  }
  return lines;
}

// One row, for machines.
Report AsReport(const Context& context, const query::CollectorStatus& s) {
  std::vector<Column> columns;
  std::vector<Cell> row;
  auto add = [&](std::string key, Cell cell) {
    columns.push_back({key, key});
    row.push_back(std::move(cell));
  };
  auto number = [&](std::string key, int64_t value) {
    add(std::move(key), Cell::Number(value, ""));
  };
  add("version", Cell::Text(s.version));
  add("source", Cell::Text(s.time.offline            ? "offline"
                           : s.time.beside_collector ? "beside collector"
                                                     : "collector"));
  add("data_dir", Cell::Text(s.data_dir));
  add("now", Cell::Text(FormatRfc3339(s.time.now_ms, context.zone)));
  s.uptime_ms.has_value() ? number("uptime_ms", *s.uptime_ms) : add("uptime_ms", Cell::None());
  number("nodes_live", s.nodes_live);
  number("nodes_silent", s.nodes_silent);
  number("nodes_stopped", s.nodes_stopped);
  number("nodes_unknown", s.nodes_unknown);
  number("alerts_firing", s.alerts_firing);
  number("alerts_pending", s.alerts_pending);
  number("alerts_unknown", s.alerts_unknown);
  number("series", s.series);
  add("samples_per_second",
      s.samples_per_second.has_value()
          ? Cell{"", fmt::format("{}", *s.samples_per_second), true, Colour::kNone}
          : Cell::None());
  add("newest_sample", s.newest_sample_ms > 0
                           ? Cell::Text(FormatRfc3339(s.newest_sample_ms, context.zone))
                           : Cell::None());
  number("journal_bytes", s.journal_bytes);
  number("pending_bytes", s.pending_bytes);
  number("blocks", s.blocks);
  number("block_bytes", s.block_bytes);
  add("disk_state", Cell::Text(query::ToString(s.disk)));
  number("disk_free_bytes", s.disk_free_bytes);
  number("disk_total_bytes", s.disk_total_bytes);
  add("journal_error", Cell::Text(s.journal_error));
  add("fsync_p99_ms", {"", fmt::format("{}", s.fsync_p99_ms), true, Colour::kNone});
  number("commits", s.commits);
  number("commit_failures", s.commit_failures);
  number("committed_frames", s.committed_frames);
  number("sealed_blocks", s.sealed_blocks);
  number("corrupt_journal_rows", s.corrupt_journal_rows);
  number("corrupt_blocks", s.corrupt_blocks);
  number("duplicate_samples", s.duplicate_samples);
  number("conflicting_samples", s.conflicting_samples);
  Report report(std::move(columns));
  report.Add(std::move(row));
  return report;
}

}  // namespace

absl::StatusOr<int> RunStatus(Context& context, const StatusArgs&) {
  RONDA_ASSIGN_OR_RETURN(const query::CollectorStatus status, context.api.Status());
  if (context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, AsReport(context, status)));
    return TakesNothing(status) ? kExitNo : kExitOk;
  }
  std::string out = Headline(context, status);
  for (const auto& [name, text] : Details(context, status)) {
    out += fmt::format("  {:9} {}\n", name, text);
  }
  context.console.Out(out);
  if (status.time.beside_collector) {
    context.console.Note(
        fmt::format("a collector runs on {}: this is read beside it, without what "
                    "it knows alone",
                    context.settings.data));
  }
  return TakesNothing(status) ? kExitNo : kExitOk;
}

}  // namespace ronda::cli
