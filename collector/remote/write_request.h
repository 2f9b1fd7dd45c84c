// The body of a remote-write 1.0 request: a snappy block of the protobuf message WriteRequest.
//
//   WriteRequest   { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
//   TimeSeries     { repeated Label labels = 1; repeated Sample samples = 2;
//                    repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
//   Label          { string name = 1; string value = 2; }
//   Sample         { double value = 1; int64 timestamp = 2; }       milliseconds
//   MetricMetadata { enum type = 1; string metric_family_name = 2; string help = 4; string unit =
//   5; }
//
// It is read in place, without a protobuf library: texts are views of the decompressed bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/sample.h"

namespace ronda::remote {

struct WriteLimits {
  size_t max_bytes = 32 << 20;  // decompressed
  size_t max_series = 500'000;
  size_t max_samples = 2'000'000;
};

struct LabelView {
  std::string_view name;
  std::string_view value;
};

// Ranges of WriteRequest's lists.
struct SeriesView {
  std::string_view key;  // its labels as they came: equal keys are equal series
  size_t first_label = 0;
  size_t labels = 0;
  size_t first_sample = 0;
  size_t samples = 0;
  size_t histograms = 0;  // native ones, which are not taken
};

// As the protocol numbers them.
enum class FamilyType : uint8_t {
  kUnknown = 0,
  kCounter = 1,
  kGauge = 2,
  kHistogram = 3,
  kGaugeHistogram = 4,
  kSummary = 5,
  kInfo = 6,
  kStateSet = 7
};
std::string_view ToString(FamilyType type);  // "counter"

struct MetadataView {
  FamilyType type = FamilyType::kUnknown;
  std::string_view family;
  std::string_view help;
  std::string_view unit;
};

// Movable; views stay valid as long as it lives.
struct WriteRequest {
  std::vector<char> bytes;
  std::vector<std::string> scattered_keys;  // of series whose labels do not stand together
  std::vector<SeriesView> series;
  std::vector<LabelView> labels;
  std::vector<Sample> samples;
  std::vector<MetadataView> metadata;
  size_t exemplars = 0;  // passed over
};

// kInvalidArgument: no snappy block, no WriteRequest, or more than the limits (which is found out
// before anything is decompressed).
absl::StatusOr<WriteRequest> DecodeWriteRequest(std::string_view body, const WriteLimits& limits);

}  // namespace ronda::remote
