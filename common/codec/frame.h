// The envelope of a frame, and runs of frames. Grammar: common/codec/FORMAT.md.
//
// A frame is one tick of one sampler group. Frames come in runs: a key frame, which holds all that
// is needed to decode it, then deltas, each against the frame before. A frame travels from agent to
// journal byte for byte; its checksum is made once and checked by each reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::codec {

// Two minutes at one tick a second; a run never holds more frames than this.
inline constexpr int kMaxRunFrames = 120;
// A frame above this is refused before anything of it is parsed.
inline constexpr size_t kMaxFrameBytes = 1 << 20;
// Series a group may have.
inline constexpr size_t kMaxSeries = 10'000;

enum class FrameKind : uint8_t {
  kSampleKey = 1,
  kSampleDelta = 2,
  kRecordKey = 3,
  kRecordDelta = 4,
};

inline bool IsKey(FrameKind kind) {
  return kind == FrameKind::kSampleKey || kind == FrameKind::kRecordKey;
}

struct FrameHeader {
  FrameKind kind = FrameKind::kSampleKey;
  uint32_t group = 0;     // the agent's number of the group within its epoch
  uint64_t seq = 0;       // one space for all groups of an epoch; starts at 1
  uint64_t prev_seq = 0;  // of the frame before in the run; 0 in a key frame
  uint32_t crc = 0;       // CRC32C, as stored
};

// Checks version, length and checksum, and returns the header.
// kUnimplemented: a later version of the format. kDataLoss: truncated, oversized or damaged.
absl::StatusOr<FrameHeader> ParseFrameHeader(std::string_view frame);

}  // namespace ronda::codec
