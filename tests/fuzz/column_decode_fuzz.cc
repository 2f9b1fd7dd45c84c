// Columns: decoder and reference must agree, any part must be as in the whole, and what was decoded
// must survive being encoded again. Input: a byte (odd for integers), two of the length, the
// column.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/codec/column.h"
#include "tests/property/reference_column_decoder.h"

namespace {

constexpr size_t kHead = 3;

void Integers(std::string_view bytes, size_t n) {
  std::vector<int64_t> values(n);
  const bool ok = ronda::codec::DecodeIntColumn(bytes, values).ok();
  const auto reference = ronda::ReferenceDecodeIntColumn(bytes, n);
  RONDA_CHECK(ok == reference.has_value());
  if (ok) {
    RONDA_CHECK(values == *reference);
    std::string again;
    ronda::codec::EncodeIntColumn(values, &again);
    std::vector<int64_t> out(n);
    RONDA_CHECK(ronda::codec::DecodeIntColumn(again, out).ok());
    RONDA_CHECK(out == values);
  }
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

void Doubles(std::string_view bytes, size_t n) {
  std::vector<double> values(n);
  const bool ok = ronda::codec::DecodeColumn(bytes, values).ok();
  const auto reference = ronda::ReferenceDecodeColumn(bytes, n);
  RONDA_CHECK(ok == reference.has_value());
  std::vector<double> part(n / 3);
  const size_t first = n / 2;
  const bool part_ok = ronda::codec::DecodeColumnRange(bytes, n, first, part).ok();
  if (ok) {
    RONDA_CHECK(part_ok);
    RONDA_CHECK(std::equal(part.begin(), part.end(), values.begin() + static_cast<ptrdiff_t>(first),
                           SameBits));
    for (size_t i = 0; i < n; ++i) {
      RONDA_CHECK(std::bit_cast<uint64_t>(values[i]) == (*reference)[i]);
    }
    std::string again;
    ronda::codec::EncodeColumn(values, &again);
    std::vector<double> out(n);
    RONDA_CHECK(ronda::codec::DecodeColumn(again, out).ok());
    RONDA_CHECK(std::equal(out.begin(), out.end(), values.begin(), SameBits));
  }
}

}  // namespace

int Fuzz_column_decode(const uint8_t* data, size_t size) {
  if (size < kHead) {
    return 0;
  }
  const size_t n = data[1] | static_cast<size_t>(data[2] & 31) << 8;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + kHead, size - kHead);
  if (data[0] % 2 == 1) {
    Integers(bytes, n);
  } else {
    Doubles(bytes, n);
  }
  return 0;
}
