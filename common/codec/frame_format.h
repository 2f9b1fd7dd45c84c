// The numbers of FORMAT.md, and the envelope that all frames share. For the codec's own files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/codec/frame.h"

namespace ronda::codec {

inline constexpr uint8_t kFrameVersion = 1;
inline constexpr size_t kCrcBytes = 4;
// Of a group's name, job and instance, each.
inline constexpr size_t kMaxIdentityBytes = 1024;

// --- samples ---
// Integers of a series stay below this in magnitude, so that a double holds each of them.
inline constexpr int64_t kIntegerLimit = int64_t{1} << 53;
// A residual's token stays below this; what would not is sent whole, by kEscapeUnit.
inline constexpr uint64_t kTokenLimit = uint64_t{1} << 48;
// The step that the first delta of a run is compared with.
inline constexpr int64_t kFirstStepMs = 1000;

// Units: how a series' integer becomes its value. 0..15: divided by 10^unit. 18..63: times
// 2^(unit - kUnitShift).
inline constexpr uint8_t kUnitMaxDecimal = 15;
inline constexpr uint8_t kUnitRaw = 16;   // in key frames: 8 bytes follow; the unit is then 0
inline constexpr uint8_t kUnitNone = 17;  // in key frames: no sample; the unit is then 0
inline constexpr uint8_t kUnitShift = 17;
inline constexpr uint8_t kUnitMask = 63;
// In a key frame's series byte: residuals are against the last step, not the last value.
inline constexpr uint8_t kStepFlag = 64;

// What follows token 0, in two bits.
enum Escape : uint8_t {
  kEscapeRaw = 0,   // 64 bits: the value; the series' integer and unit stay
  kEscapeNone = 1,  // no sample from here on
  kEscapeUnit = 2,  // 6 bits: unit; 6 bits: length; so many bits: the integer, zigzag
};
inline constexpr int kEscapeBits = 2;
inline constexpr int kUnitBits = 6;
inline constexpr int kLengthBits = 6;

// --- records ---
// Of a kind's name and of a column's.
inline constexpr size_t kMaxRecordNameBytes = 128;
// A run's dictionary may hold this when a frame starts.
inline constexpr size_t kMaxDictionaryBytes = 64 << 10;
// What a dictionary entry counts beyond its text.
inline constexpr size_t kDictionaryEntryBytes = 32;

// --- the envelope ---
// Appends everything before the payload. `prev_seq` is ignored for key frames.
void PutFrameHeader(FrameKind kind, uint32_t group, uint64_t seq, uint64_t prev_seq,
                    std::string* out);
// Appends the checksum of what out holds from `begin` on.
void PutFrameCrc(size_t begin, std::string* out);

// As ParseFrameHeader; `payload` points into `frame`.
absl::Status OpenFrame(std::string_view frame, FrameHeader* header, std::string_view* payload);

}  // namespace ronda::codec
