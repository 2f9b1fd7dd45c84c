// Sets of sequence numbers as disjoint ranges: what was received, what was acknowledged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::codec {

struct SeqRange {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  bool operator==(const SeqRange&) const = default;
};

// Sorted, disjoint, not adjacent. Normally one or two ranges, whatever their length.
class RangeSet {
 public:
  bool Contains(uint64_t seq) const;
  // Returns true if seq was not in the set before.
  bool Add(uint64_t seq) { return AddRange({seq, seq}); }
  // Returns true if anything of it was not in the set before.
  bool AddRange(SeqRange range);
  const std::vector<SeqRange>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  // How many numbers.
  uint64_t count() const;

  // As bytes (FORMAT.md, "Range set"). Decode: kDataLoss if they are not exactly one set.
  std::string Encode() const;
  static absl::StatusOr<RangeSet> Decode(std::string_view bytes);

  bool operator==(const RangeSet&) const = default;

 private:
  std::vector<SeqRange> ranges_;
};

}  // namespace ronda::codec
