// A hole in what came live from a node, which backfill may still close: small durable state, and a
// gap for whoever asks while it is open.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/codec/range_set.h"

namespace ronda::store {

// The owner of its state (StateWrite::space).
inline constexpr std::string_view kHoleSpace = "hole";

// The cause of what was missing and came later: kept as a mark, no gap any more.
inline constexpr std::string_view kLateCause = "late";

struct Hole {
  std::string node;
  uint64_t epoch = 0;
  int64_t epoch_started_ms = 0;
  codec::SeqRange seqs;  // that were passed over
  int64_t from_ms = 0;   // the last sample before it, and the first one after it
  int64_t to_ms = 0;
  std::string cause;  // as of a gap record

  // Its key in the space.
  std::string Key() const;
  std::string Encode() const;
  bool operator==(const Hole&) const = default;
};

// kDataLoss: not a hole.
absl::StatusOr<Hole> DecodeHole(std::string_view bytes);

}  // namespace ronda::store
