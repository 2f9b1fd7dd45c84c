// A second decoder of sample frames, written from common/codec/FORMAT.md alone: plain, slow, and
// without a line of the codec's. What the two disagree about is a bug of one, or of the document.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace ronda {

class ReferenceSampleDecoder {
 public:
  // kOk, kDataLoss, kFailedPrecondition or kUnimplemented, as SampleRunDecoder::Decode.
  absl::StatusCode Decode(std::string_view frame);

  int64_t t_ms() const { return t_ms_; }
  const std::vector<double>& values() const { return values_; }
  const std::vector<uint32_t>& changed() const { return changed_; }

 private:
  struct Series {
    int64_t integer = 0;
    int64_t step = 0;
    int unit = 0;
    bool steps = false;
    int width = 64;
  };

  bool DecodeKey(std::string_view payload);
  bool DecodeDelta(std::string_view payload);

  int frames_ = 0;
  uint64_t group_ = 0;
  uint64_t seq_ = 0;
  int64_t t_ms_ = 0;
  int64_t step_ms_ = 0;
  std::vector<Series> series_;
  std::vector<double> values_;
  std::vector<uint32_t> changed_;
};

}  // namespace ronda
