#include "common/codec/range_set.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::codec {

bool RangeSet::Contains(uint64_t seq) const {
  const auto it = std::lower_bound(ranges_.begin(), ranges_.end(), seq,
                                   [](const SeqRange& r, uint64_t s) { return r.last < s; });
  return it != ranges_.end() && it->first <= seq;
}

bool RangeSet::AddRange(SeqRange range) {
  if (range.first > range.last) {
    return false;
  }
  // The ranges that overlap or touch it: those become one.
  const auto begin =
      std::lower_bound(ranges_.begin(), ranges_.end(), range.first,
                       [](const SeqRange& r, uint64_t s) { return s > 0 && r.last < s - 1; });
  auto end = begin;
  while (end != ranges_.end() && (range.last == UINT64_MAX || end->first <= range.last + 1)) {
    ++end;
  }
  if (begin == end) {
    ranges_.insert(begin, range);
    return true;
  }
  const SeqRange merged{std::min(range.first, begin->first),
                        std::max(range.last, std::prev(end)->last)};
  const bool changes = std::next(begin) != end || merged != *begin;
  *begin = merged;
  ranges_.erase(std::next(begin), end);
  return changes;
}

uint64_t RangeSet::count() const {
  uint64_t n = 0;
  for (const SeqRange& range : ranges_) {
    n += range.last - range.first + 1;
  }
  return n;
}

std::string RangeSet::Encode() const {
  std::string out;
  PutVarint(&out, ranges_.size());
  uint64_t floor = 0;  // the smallest number that the next range may start with
  for (const SeqRange& range : ranges_) {
    PutVarint(&out, range.first - floor);
    PutVarint(&out, range.last - range.first);
    floor = range.last + 2;
  }
  return out;
}

absl::StatusOr<RangeSet> RangeSet::Decode(std::string_view bytes) {
  const auto malformed = [&] {
    return Fail(absl::StatusCode::kDataLoss, "decoding a range set of {} bytes: malformed",
                bytes.size());
  };
  ByteReader reader(bytes);
  const uint64_t count = reader.Varint();
  if (!reader.ok() || count > reader.remaining() / 2) {
    return malformed();
  }
  RangeSet set;
  set.ranges_.reserve(count);
  uint64_t floor = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const bool room = i == 0 || floor >= 2;  // floor wrapped: nothing can follow
    SeqRange range;
    if (!room || __builtin_add_overflow(floor, reader.Varint(), &range.first) ||
        __builtin_add_overflow(range.first, reader.Varint(), &range.last)) {
      return malformed();
    }
    set.ranges_.push_back(range);
    floor = range.last + 2;
  }
  if (!reader.done()) {
    return malformed();
  }
  return set;
}

}  // namespace ronda::codec
