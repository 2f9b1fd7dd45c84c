#include "collector/store/run_decode.h"

#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "common/codec/record_run.h"
#include "common/codec/sample_run.h"
#include "common/model/sample.h"

namespace ronda::store {
namespace {

size_t CountGood(std::span<const std::string_view> frames) {
  codec::SampleRunDecoder decoder;
  size_t n = 0;
  while (n < frames.size() && decoder.Decode(frames[n]).ok()) {
    ++n;
  }
  return n;
}

}  // namespace

DecodedSamples DecodeSamples(std::span<const HeadFrame> frames, std::span<const uint32_t> wanted) {
  std::vector<std::string_view> bytes;
  bytes.reserve(frames.size());
  for (const HeadFrame& frame : frames) {
    bytes.push_back(frame.bytes);
  }
  DecodedSamples out;
  if (frames.empty()) {
    return out;
  }
  absl::StatusOr<codec::DecodedRun> run = codec::DecodeRun(bytes, wanted);
  if (!run.ok()) {
    bytes.resize(CountGood(bytes));
    if (bytes.empty()) {
      return out;
    }
    run = codec::DecodeRun(bytes, wanted);
    if (!run.ok()) {
      return out;
    }
  }
  out.frames = bytes.size();
  out.t_ms = std::move(run->t_ms);
  if (wanted.empty()) {
    out.columns = std::move(run->columns);
    return out;
  }
  for (const uint32_t i : wanted) {
    out.columns.push_back(i < run->columns.size() ? std::move(run->columns[i])
                                                  : std::vector<double>());
  }
  return out;
}

size_t DecodeRecords(std::span<const HeadFrame> frames, RecordKind* kind,
                     absl::FunctionRef<void(size_t frame, const Record& row)> visit) {
  codec::RecordRunDecoder decoder;
  size_t n = 0;
  for (; n < frames.size() && decoder.Decode(frames[n].bytes).ok(); ++n) {
    if (n == 0) {
      *kind = decoder.kind();
    }
    for (const Record& row : decoder.rows()) {
      visit(n, row);
    }
  }
  return n;
}

bool IsVisible(std::span<const double> column, size_t i) {
  return IsVisible(column[i], i > 0 ? std::optional(column[i - 1]) : std::nullopt);
}

bool IsVisible(double value, std::optional<double> before) {
  if (IsHole(value)) {
    return false;
  }
  return !IsStale(value) || !before || !IsStale(*before);
}

}  // namespace ronda::store
