// Tested by tests/unit/collector/transfer/importer_test.cc.
#include "collector/transfer/importer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/status.h"
#include "common/codec/schema_limits.h"
#include "common/model/sample.h"

namespace ronda::transfer {
namespace {

constexpr int64_t kMaxAheadMs = 10 * 60 * 1000;
constexpr int64_t kProgressLines = 20'000;
// Of a hostile file: descriptions of more metrics are not kept.
constexpr size_t kMaxMetrics = 100'000;
using codec::kMaxTextBytes;

// At most kMaxTextBytes, cut between characters.
std::string Shortened(std::string text) {
  if (text.size() > kMaxTextBytes) {
    size_t end = kMaxTextBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      --end;
    }
    text.resize(end);
  }
  return text;
}

}  // namespace

Importer::Importer(Options options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(options_.metrics),
      batch_(options_.batch) {}

absl::Status Importer::Add(LineReader& reader) {
  Format format = Format::kPrometheus;
  bool detected = false;
  const int64_t bytes_before = count_.bytes;
  std::string_view text;
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(const bool more, reader.Next(&text));
    count_.bytes = bytes_before + reader.bytes_read();
    if (!more) {
      return absl::OkStatus();
    }
    ++count_.lines;
    if (!detected && text.find_first_not_of(" \t\r") != std::string_view::npos) {
      format = DetectFormat(text);
      detected = true;
    }
    if (const absl::Status status = AddLine(format, text); !status.ok()) {
      const absl::Status placed =
          Annotate(status, fmt::format("{}:{}", reader.name(), reader.line_number()));
      if (!options_.skip_bad) {
        return placed;
      }
      if (count_.bad++ == 0) {
        count_.first_bad = std::string(Message(placed));
      }
    }
    if (batch_.rows() >= options_.max_rows || batch_.bytes() >= options_.max_bytes) {
      RONDA_RETURN_IF_ERROR(Flush());
    }
    if (count_.lines % kProgressLines == 0 && !options_.progress(count_)) {
      return Fail(absl::StatusCode::kCancelled, "the import was interrupted");
    }
  }
}

absl::Status Importer::AddLine(Format format, std::string_view text) {
  Line line;
  RONDA_RETURN_IF_ERROR(ParseLine(format, text, options_.seconds, &line));
  if (line.kind != LineKind::kSample) {
    Describe(line);
    return absl::OkStatus();
  }
  if (line.t_ms > clock_.NowMs() + kMaxAheadMs) {
    return Fail(absl::StatusCode::kInvalidArgument, "the time {} lies in the future", line.t_ms);
  }
  RONDA_ASSIGN_OR_RETURN(const uint32_t series, batch_.Series(format, line.series));
  batch_.Add(series, line.t_ms, line.value);
  count_.samples += IsStale(line.value) ? 0 : 1;
  count_.first_ms = count_.first_ms == 0 ? line.t_ms : std::min(count_.first_ms, line.t_ms);
  count_.last_ms = std::max(count_.last_ms, line.t_ms);
  return absl::OkStatus();
}

void Importer::Describe(const Line& line) {
  if (line.kind == LineKind::kNothing || line.name.size() > 128 ||
      (metrics_.size() >= kMaxMetrics && metrics_.find(line.name) == metrics_.end())) {
    return;
  }
  MetricInfo& metric = metrics_[line.name];
  metric.name = line.name;
  if (line.kind == LineKind::kType) {
    metric.type = ParseType(line.text);
  } else if (line.kind == LineKind::kHelp) {
    metric.help = Shortened(Unescape(line.text));
  } else {
    metric.unit = Shortened(std::string(line.text));
  }
}

absl::Status Importer::Finish() { return Flush(); }

absl::Status Importer::Flush() {
  const std::vector<Block> blocks = batch_.TakeBlocks(metrics_, &count_.repeated);
  for (size_t i = 0; i < blocks.size();) {
    size_t end = i;
    while (end < blocks.size() && blocks[end].node == blocks[i].node) {
      ++end;
    }
    count_.nodes.insert(blocks[i].node);
    if (options_.send) {
      RONDA_RETURN_IF_ERROR(
          options_.send(blocks[i].node, std::span(blocks).subspan(i, end - i), &count_.durable));
    }
    i = end;
  }
  return absl::OkStatus();
}

}  // namespace ronda::transfer
