// Range sets: what decodes has exactly one spelling, and is what its ranges add up to.
#include <string_view>

#include "common/base/check.h"
#include "common/codec/range_set.h"

int Fuzz_range_set_decode(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto set = ronda::codec::RangeSet::Decode(bytes);
  if (!set.ok()) {
    return 0;
  }
  RONDA_CHECK(set->Encode() == bytes);
  ronda::codec::RangeSet built;
  for (auto it = set->ranges().rbegin(); it != set->ranges().rend(); ++it) {
    RONDA_CHECK(!set->Contains(it->first - 1) || it->first == 0);
    RONDA_CHECK(set->Contains(it->first) && set->Contains(it->last));
    RONDA_CHECK(built.AddRange(*it));
  }
  RONDA_CHECK(built == *set);
  return 0;
}
