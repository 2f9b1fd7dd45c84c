// Encoder and decoder of runs of sample frames. Grammar: common/codec/FORMAT.md.
//
// Values that are exact decimals travel as integers times 10^-k, k per series and run; all else
// (NaN payloads, -0, infinities, full doubles) as 8 raw bytes. Every float64 survives to the bit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/codec/frame.h"
#include "common/model/schema.h"

namespace ronda::codec {

// Encodes the ticks of one group, run after run. Allocates nothing after the first frame of a run,
// beyond what `out` needs to grow. Not thread-safe.
class SampleRunEncoder {
 public:
  explicit SampleRunEncoder(uint32_t group, GroupIdentity identity);
  ~SampleRunEncoder();
  SampleRunEncoder(const SampleRunEncoder&) = delete;
  SampleRunEncoder& operator=(const SampleRunEncoder&) = delete;

  // The next frame starts a run with this schema. Call it before the first frame, when the series
  // change, and when the stream starts anew. `types` come from the schema: counters are coded as
  // delta of delta.
  void StartRun(std::shared_ptr<const Schema> schema);

  // Appends one frame to *out. values.size() must be the schema's number of series; a value that
  // is the staleness marker means "no sample" (the first one after a sample ends the series).
  // Starts a new run by itself after kMaxRunFrames, or when t_ms is not later than the one before.
  void Encode(uint64_t seq, int64_t t_ms, std::span<const double> values, std::string* out);

  // Frames in the present run; 0 before the first.
  int frames_in_run() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Decodes frames of one group in order. Trusts nothing: any bytes give a value or an error, within
// bounded time and memory. Not thread-safe.
class SampleRunDecoder {
 public:
  SampleRunDecoder();
  ~SampleRunDecoder();
  SampleRunDecoder(SampleRunDecoder&&) noexcept;
  SampleRunDecoder& operator=(SampleRunDecoder&&) noexcept;

  // Decodes one frame. Afterwards the accessors below describe it.
  // kDataLoss: damaged, or not as long as it says. kFailedPrecondition: a delta whose predecessor
  // is not the frame decoded last. kUnimplemented: a later version. After an error the decoder is
  // as before the call.
  absl::Status Decode(std::string_view frame);

  const FrameHeader& header() const;
  int64_t t_ms() const;
  // Of the run's key frame.
  const GroupIdentity& identity() const;
  const SchemaHash& schema_hash() const;
  uint64_t run_first_seq() const;
  // One value per series of the schema; the staleness marker where there is no sample.
  std::span<const double> values() const;
  // Indices, ascending, of the values that differ (in bits) from the frame before; all of them
  // after a key frame.
  std::span<const uint32_t> changed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A run's whole content, column by column, from its frames (key first). For reading and sealing.
struct DecodedRun {
  GroupIdentity identity;
  SchemaHash schema_hash{};
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::vector<int64_t> t_ms;                 // one per frame, ascending
  std::vector<std::vector<double>> columns;  // [series][frame]; staleness marker = no sample
};

// `only`, if not empty, names the columns wanted (ascending); the others stay empty.
absl::StatusOr<DecodedRun> DecodeRun(std::span<const std::string_view> frames,
                                     std::span<const uint32_t> only = {});

}  // namespace ronda::codec
