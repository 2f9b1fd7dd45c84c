// Decoding runs as far as they go.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "collector/store/head.h"
#include "common/codec/frame.h"
#include "common/model/record.h"

namespace ronda::store {

// The ticks and columns of a run of samples. If frame n cannot be decoded, the ones before it are
// what there is: `frames` says how many that are.
struct DecodedSamples {
  size_t frames = 0;
  std::vector<int64_t> t_ms;
  std::vector<std::vector<double>> columns;  // [wanted index, or series][frame]
};
// `wanted`: ascending series indices; empty means all. A wanted column that the run does not have
// is empty.
DecodedSamples DecodeSamples(std::span<const HeadFrame> frames, std::span<const uint32_t> wanted);

// Calls `visit(frame, row)` for each row of a run of records, as far as it can be decoded. Returns
// the number of frames decoded; *kind is the run's.
size_t DecodeRecords(std::span<const HeadFrame> frames, RecordKind* kind,
                     absl::FunctionRef<void(size_t frame, const Record& row)> visit);

// Whether value `i` of a column is a sample for readers. A staleness marker is one where a series
// ended, or was absent when the run began; elsewhere it says that there is none.
bool IsVisible(std::span<const double> column, size_t i);
// The same of a value and the one before it; nullopt: it is the first.
bool IsVisible(double value, std::optional<double> before);

}  // namespace ronda::store
